"""Compiling what an author wrote, and saying where it cannot be compiled."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core.errors import NumbaError
from numba.core.types import Integer

from engines.bars import BarArrays, TimeArray, frozen
from engines.errors import EngineError
from engines.kernel import guarded_kernel, kernel
from engines.signals.view import (
    INDICATOR_COUNT,
    BarView,
    CandidateRows,
    HigherView,
    StructureEvents,
    ZoneEvents,
)

TOO_MANY, ANOTHER_BAR = -1, -2
"""What a walk returns instead of a count: a bar with more than one candidate, a candidate of another bar."""

_TYPE_OF = cast("Any", numba).typeof
_WALK = f"""def walk_{{name}}(view, parameters, state, rows):
    memory, place = state.memory, state.place
    n = 0
    for t in range(view.bars.ts.shape[0]):
        place[0] = t
        place[1] = n
        made = decide(t, view, parameters, memory, rows, n)
        if made != n:
            if made != n + 1:
                return {TOO_MANY}
            if rows.bar[n] != t:
                return {ANOTHER_BAR}
            n = made
    return n
"""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_UNKNOWN_NAME = re.compile(r"NameError: name '(\w+)'")
_PLACE = re.compile(r'File "([^"]*)", line (\d+)')
_REASONS = (
    re.compile(r"NameError: .*"),
    re.compile(r"Unknown attribute .*"),
    re.compile(r"(?:No implementation of function .*|Invalid use of .*)(?:\n\s*)*(?:>>> .*)?"),
    re.compile(r"Cannot unify .*"),
    re.compile(r"Untyped global name .*"),
    re.compile(r"(?m)^(?:Use of )?[Uu]nsupported .*"),
)


class BadStrategy(EngineError, ValueError):
    """A strategy that cannot be used.

    Attributes
    ----------
    rule : str
        What is wrong, in words.
    file : Path or None
    line : int
        0 if it is not known.
    """

    def __init__(self, rule: str, file: Path | None = None, line: int = 0) -> None:
        self.rule = rule
        self.file = file
        self.line = line
        place = f"{file}{f', line {line}' if line else ''}: " if file is not None else ""
        super().__init__(f"{place}{rule}")


class Walk(NamedTuple):
    """State of a user's strategy: what its author keeps, and where the walk stands.

    Attributes
    ----------
    memory : NamedTuple of arrays
    place : ndarray of int64, shape (2,)
        Bar of the block being decided, and the candidates written before it.
    """

    memory: Any
    place: TimeArray


def read_only(view: BarView) -> BarView:
    """The same view, which nothing can be written to: a strategy must not change what others see."""
    return cast("BarView", _frozen(view))


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return frozen(cast("npt.NDArray[Any]", value))
    if isinstance(value, tuple):
        named = cast("Any", value)
        return named._make(map(_frozen, named))
    return value


def compile_walk(
    decide: Callable[..., Any], name: str, parameters: Any, new_state: Callable[[Any], Walk]
) -> Callable[..., int]:
    """Kernel that walks the bars of a view and lets ``decide`` decide each.

    Parameters
    ----------
    decide : callable
        ``decide(t, view, parameters, memory, rows, n) -> int``.
    name : str
        Of the strategy.
    parameters : NamedTuple
    new_state : callable

    Raises
    ------
    BadStrategy
        With the line that cannot be compiled.
    """
    file, line = Path(decide.__code__.co_filename), decide.__code__.co_firstlineno
    state = new_state(parameters)
    types: list[Any] = [_TYPE_OF(value) for value in (_view(), parameters, state.memory, _rows(), 0)]
    decision = _compiled_decision(decide, (types[-1], *types), file, line)
    (returned,) = {signature.return_type for signature in decision.nopython_signatures}
    if not isinstance(returned, Integer):
        raise BadStrategy(
            f"{decide.__name__} must return n, or what propose returned, on every path; it returns {returned}",
            file,
            line,
        )
    # In the author's file as far as the cache is concerned: it is stale when that file has changed.
    place = str(file) if file.is_file() else "<strategy>"
    names: dict[str, Any] = {"__name__": decide.__module__, "decide": decision}
    exec(compile(_WALK.format(name=name), place, "exec"), names)  # noqa: S102 - text made here; names are checked
    walk = kernel(names[f"walk_{name}"])
    walk.compile((types[0], types[1], _TYPE_OF(state), types[3]))
    return walk


def _compiled_decision(decide: Callable[..., Any], types: tuple[Any, ...], file: Path, line: int) -> Any:
    # Without counting references a bar costs a hundredth; what makes arrays needs it.
    for lean in (True, False):
        decision = guarded_kernel(decide, lean=lean)
        try:
            decision.compile(types)
        except NumbaError as error:
            if not lean:
                raise BadStrategy(*_in_words(error, file, line)) from error
        else:
            return decision
    raise AssertionError("unreachable")


def _in_words(error: NumbaError, file: Path, line: int) -> tuple[str, Path, int]:
    """What the compiler could not do, and in which line of the file."""
    text = _COLOURS.sub("", str(error))
    lines = [int(number) for name, number in _PLACE.findall(text) if Path(name).name == file.name]
    reason = next((found.group() for pattern in _REASONS if (found := pattern.search(text))), text)
    hint = ""
    if "setitem" in reason and "readonly" in reason:
        hint = " (only memory and rows can be written to: the view, and arrays outside of the function, are constants)"
    unknown = _UNKNOWN_NAME.match(reason)
    if unknown is not None and file.is_file():
        lines = [_first_use(unknown.group(1), file, line)]
    words = " ".join(reason.split())
    return f"this cannot be compiled: {words[:300]}{hint}", file, lines[-1] if lines else line


def _first_use(name: str, file: Path, line: int) -> int:
    """Line from ``line`` on in which a name is first used."""
    nodes = ast.walk(ast.parse(file.read_bytes()))
    used = [node.lineno for node in nodes if isinstance(node, ast.Name) and node.id == name and node.lineno >= line]
    return min(used, default=line)


def _view() -> BarView:
    """View of one bar, for its types."""
    floats, times, small = np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int8)
    table = np.zeros((INDICATOR_COUNT, 1))
    return read_only(
        BarView(
            BarArrays(times, floats, floats, floats, floats, floats),
            0,
            table,
            StructureEvents(small, small, small, floats, times, small, small),
            times,
            ZoneEvents(small, small, small, small, floats, floats, times, floats),
            times,
            HigherView(times, floats, table, small, small),
            times,
        )
    )


def _rows() -> CandidateRows:
    floats, times, small = np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int8)
    return CandidateRows(times, small, floats, floats, floats, floats, floats, times, times)

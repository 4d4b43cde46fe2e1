"""What a user's strategy is written with: one file, one decorated function that decides one bar.

::

    from typing import NamedTuple
    from engines.signals.authoring import propose, strategy
    from engines.signals.view import ATR_14, EMA_9, EMA_50

    class Parameters(NamedTuple):
        stop_atr: float = 1.5

    @strategy(name="above_averages", reasons=("close above both averages",), parameters=Parameters())
    def decide(t, view, parameters, memory, rows, n):
        close = view.bars.close[t]
        if close > view.indicators[EMA_9, t] > view.indicators[EMA_50, t]:
            risk = parameters.stop_atr * view.indicators[ATR_14, t]
            return propose(t, view, rows, n, 1, close - risk, close + risk, close + 2.0 * risk, 0.5, 1)
        return n

The loop over bars is ours, and so is the guard around it: a function that raises, divides by zero, reads beyond an array or
proposes nonsense is switched off and reported, and nothing else is touched. docs/strategies.md is the reference.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from engines.bars import TimeArray
from engines.kernel import guarded_kernel
from engines.signals.candidates import propose_targets
from engines.signals.compiling import BadStrategy, Walk, compile_walk
from engines.signals.strategy import MOST_REASONS, Strategy
from engines.signals.view import BarView, CandidateRows

DECLARED: ContextVar[list[Strategy[Any, Any]] | None] = ContextVar("declared", default=None)
"""Where strategies are noted while a file of them is loaded."""

NAME_RULE = "a name has up to 40 small letters, digits and underscores, and begins with a letter"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ARGUMENTS = ("t", "view", "parameters", "memory", "rows", "n")
_KINDS = {np.dtype(kind) for kind in (np.float64, np.int64, np.int8, np.uint8, np.bool_)}


class NoParameters(NamedTuple):
    """Parameters of a strategy that has none."""


class NoMemory(NamedTuple):
    """Memory of a strategy that remembers nothing."""

    unused: TimeArray


def is_name(text: str) -> bool:
    """Whether a strategy can have this name (`NAME_RULE`)."""
    return _NAME.fullmatch(text) is not None


subroutine = guarded_kernel
"""Decorator for functions that a deciding function calls."""


@partial(guarded_kernel, lean=True)
def propose(
    t: int,
    view: BarView,
    rows: CandidateRows,
    n: int,
    direction: int,
    stop: float,
    target_1: float,
    target_2: float,
    score: float,
    reasons: int,
    zone: int = -1,
) -> int:
    """Propose a signal that enters at the close of bar ``t``; returns what the deciding function is to return.

    Nothing is proposed, and ``n`` returned, if a price is NaN or not positive, or if the stop or the first target is on the
    wrong side of the close.

    Parameters
    ----------
    t, view, rows, n
        As the deciding function was given them.
    direction : int
        +1 long, -1 short.
    stop, target_1 : float
    target_2 : float
        Taken if it lies beyond the first target; NaN for none.
    score : float
        Held to 0 to 1.
    reasons : int
        Flags: bit ``i`` stands for reason ``i`` of the strategy.
    zone : int
        Row of the bar in ``view.zones`` that is behind it; -1 for none.
    """
    if t < 0 or t >= view.bars.close.shape[0]:
        raise IndexError("propose was given a bar that is not in the view")
    if n < 0 or n >= rows.bar.shape[0]:
        raise IndexError("propose was called more than once at a bar")
    if zone != -1 and (zone < view.zones_from[t] or zone >= view.zones_from[t + 1]):
        raise IndexError("propose was given a zone that is no row of the bar")
    return propose_targets(t, view, rows, n, direction, stop, target_1, target_2, 0.0, np.inf, score, reasons, zone)


def strategy(
    *,
    name: str,
    version: int = 1,
    reasons: Sequence[str],
    parameters: Any = NoParameters(),  # noqa: B008 - it has no state
    memory: Any = None,
) -> Callable[[Callable[..., int]], Strategy[Any, Any]]:
    """Make a strategy of a function that decides one bar: ``decide(t, view, parameters, memory, rows, n) -> int``.

    Parameters
    ----------
    name : str
        As it stands in the rows; up to 40 small letters, digits and underscores.
    version : int
        Raise it whenever the same bars and parameters would give other signals.
    reasons : sequence of str
        What can speak for a signal, in words; at most 62.
    parameters : NamedTuple of int, float and bool
        The values are the defaults.
    memory : NamedTuple of arrays, or callable, optional
        What the strategy remembers from bar to bar, as it is before the first; or a function that makes it of the parameters.
        The function writes to the arrays; their shapes stay.

    Returns
    -------
    decorator
        It compiles the function and returns the `Strategy`; a file in the folder of strategies needs nothing more, elsewhere
        give it to `engines.signals.register`.

    Raises
    ------
    BadStrategy
        If something of it cannot be used, with file and line.
    """

    def decorated(decide: Callable[..., int]) -> Strategy[Any, Any]:
        file, line = Path(decide.__code__.co_filename), decide.__code__.co_firstlineno
        wrong = (
            _wrong_words(name, version, reasons)
            or _wrong_function(decide)
            or _wrong_parameters(parameters)
            or _wrong_memory(memory, parameters)
        )
        if wrong:
            raise BadStrategy(wrong, file, line)
        new_state = _state_maker(memory)
        made: Strategy[Any, Any] = Strategy(
            name,
            version,
            tuple(reasons),
            parameters,
            new_state,
            compile_walk(decide, name, parameters, new_state),
            decide,
            file if file.is_file() else None,
            hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else "",
        )
        declared = DECLARED.get()
        if declared is not None:
            declared.append(made)
        return made

    return decorated


def _state_maker(memory: Any) -> Callable[[Any], Walk]:
    def new_state(parameters: Any) -> Walk:
        first = _memory(memory, parameters)
        arrays = (np.array(array, order="C", copy=True) for array in first)
        return Walk(type(first)(*arrays), np.zeros(2, np.int64))

    return new_state


def _memory(memory: Any, parameters: Any) -> Any:
    if memory is None:
        return NoMemory(np.zeros(1, np.int64))
    return memory(parameters) if callable(memory) else memory


def _wrong_words(name: Any, version: Any, reasons: Any) -> str:
    if not isinstance(name, str) or not is_name(name):
        return f"{name!r} cannot be the name of a strategy: {NAME_RULE}"
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        return f"version must be a whole number of at least 1, not {version!r}"
    if isinstance(reasons, str) or not isinstance(reasons, Sequence):
        return f"reasons must be several texts, as in reasons=('close above EMA(9)',), not {reasons!r}"
    words = cast("Sequence[object]", reasons)
    if not all(isinstance(reason, str) and reason for reason in words):
        return f"each reason must be a text, not as in {tuple(words)!r}"
    if len(words) > MOST_REASONS:
        return f"there are {len(words)} reasons; {MOST_REASONS} are possible"
    return ""


def _wrong_function(decide: Callable[..., Any]) -> str:
    found = tuple(inspect.signature(decide).parameters)
    if len(found) != len(_ARGUMENTS):
        return f"{decide.__name__} must take ({', '.join(_ARGUMENTS)}), not ({', '.join(found)})"
    return ""


def _wrong_parameters(parameters: Any) -> str:
    if not _is_named_tuple(parameters):
        return f"parameters must be a NamedTuple of numbers, as in parameters=Parameters(), not {parameters!r}"
    for name, value in parameters._asdict().items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"parameter {name} must be a whole number, a finite number, or True or False, not {value!r}"
    return ""


def _wrong_memory(memory: Any, parameters: Any) -> str:
    try:
        first = _memory(memory, parameters)
    except Exception as error:
        return f"memory cannot be made of the parameters ({type(error).__name__}: {error})"
    if not _is_named_tuple(first) or not first:
        return f"memory must be a NamedTuple of arrays, or a function that makes one, not {first!r}"
    for name, array in first._asdict().items():
        if not isinstance(array, np.ndarray) or not _can_be_kept(cast("npt.NDArray[Any]", array)):
            return f"memory {name} must be an array of float64, int64, int8, uint8 or bool, not {array!r}"
    return ""


def _can_be_kept(array: npt.NDArray[Any]) -> bool:
    return array.dtype in _KINDS and array.ndim > 0


def _is_named_tuple(value: Any) -> bool:
    return hasattr(value, "_fields") and isinstance(value, tuple)

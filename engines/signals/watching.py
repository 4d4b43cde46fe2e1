"""A strategy in plain Python, over arrays that know which bar is being decided and refuse to show more than that.

Compiled code reads whatever an index points at. Here every index is looked at, so that a read of a later bar is found where it
happens, not by what it leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import CellType, FunctionType, ModuleType, SimpleNamespace
from typing import Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from engines.signals.compiling import Walk
from engines.signals.view import BarView, CandidateRows

_HARMLESS = ("shape", "size", "ndim", "dtype")


class ReadsAhead(Exception):
    """A read of what is not known at the bar; the message says what was read."""


@dataclass(frozen=True)
class PlainMistake:
    """Where a strategy went wrong in plain Python.

    Attributes
    ----------
    bar : int
        Bar of the view.
    words : str
        What it did.
    ahead : bool
        Whether it read what is not known at the bar.
    """

    bar: int
    words: str
    ahead: bool


def walk_plainly(
    decide: Callable[..., int], view: BarView, parameters: Any, state: Walk, rows: CandidateRows
) -> PlainMistake | None:
    """Decide the bars of a view in plain Python; returns the first thing that must not be done.

    Parameters
    ----------
    decide : callable
        As its author wrote it, not compiled.
    view : BarView
    parameters : NamedTuple
    state : Walk
        Changed in place.
    rows : CandidateRows
    """
    plain = _plain(decide, {})
    cursor = _Cursor()
    watched = _watched(view, cursor)
    n = 0
    with np.errstate(all="ignore"):
        for t in range(view.bars.ts.shape[0]):
            cursor.t = t
            try:
                n = plain(t, watched, parameters, state.memory, rows, n)
            except ReadsAhead as error:
                return PlainMistake(t, str(error), ahead=True)
            except ZeroDivisionError:
                return PlainMistake(t, "it divides by zero", ahead=False)
            except Exception as error:
                return PlainMistake(t, f"it raised {type(error).__name__}: {' '.join(str(error).split())}", ahead=False)
            if not isinstance(n, int | np.integer) or not 0 <= n <= t + 1:
                return PlainMistake(t, f"it returned {n!r}; it must return n, or what propose returned", ahead=False)
    return None


class _Cursor:
    """Which bar is being decided."""

    t = 0


class _Watched:
    """An array of a view that shows what is known at the bar and nothing else."""

    def __init__(self, name: str, array: npt.NDArray[Any], known: Callable[[], int], meaning: str) -> None:
        self._name = name
        self._array = array
        self._known = known
        self._meaning = meaning

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> Any:
        if self._array.ndim == 1:
            return self._read(self._array, key)
        first, *rest = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)
        if isinstance(first, slice) or not -self._array.shape[0] <= first < self._array.shape[0]:
            raise IndexError(
                f"{self._name} has rows 0 to {self._array.shape[0] - 1}, one is to be named, not {first!r}"
            )
        if not rest:
            return _Watched(self._name, self._array[first], self._known, self._meaning)
        return self._read(self._array[first], rest[0])

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TypeError(f"it writes to {self._name}; only memory and rows can be written to")

    def __iter__(self) -> NoReturn:
        self._all()

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._all()

    def __getattr__(self, name: str) -> Any:
        if name in _HARMLESS:
            return getattr(self._array, name)
        return self._all()

    def _all(self) -> NoReturn:
        raise ReadsAhead(f"it reads all of {self._name}, the values of later bars with it")

    def _read(self, row: npt.NDArray[Any], key: Any) -> Any:
        last = self._known()
        if isinstance(key, slice):
            given = cast("slice[Any, Any, Any]", key)
            if given.step not in (None, 1):
                raise TypeError(f"a slice of {self._name} must go step by step")
            start = 0 if given.start is None else int(given.start)
            stop = row.shape[0] if given.stop is None else int(given.stop)
            if stop > start or start < 0 or stop < 0:
                self._check(start, last)
                self._check(stop - 1, last)
            return row[start:stop].copy()
        if not isinstance(key, int | np.integer):
            raise TypeError(f"{self._name} takes a whole number or a slice, not {key!r}")
        self._check(int(cast("int", key)), last)
        return row[key].item()

    def _check(self, index: int, last: int) -> None:
        if index < 0:
            raise ReadsAhead(
                f"it reads {self._name}[{index}], which counts from the end of the bars it was handed, not from this one: "
                "what is to be known of earlier bars goes into memory"
            )
        if index > last:
            raise ReadsAhead(
                f"it reads {self._name}[{index}], where {last} is the last known: {self._meaning} after it"
            )


def _watched(view: BarView, cursor: _Cursor) -> BarView:
    structure_from, zones_from, higher_known = view.structure_from, view.zones_from, view.higher_known

    def bar() -> int:
        return cursor.t

    def watch(form: Any, prefix: str, known: Callable[[], int], meaning: str) -> Any:
        fields = (
            _Watched(f"{prefix}.{name}", array, known, meaning) for name, array in zip(form._fields, form, strict=True)
        )
        return type(form)(*fields)

    made: dict[str, Any] = {
        "bars": watch(view.bars, "view.bars", bar, "a bar"),
        "start": view.start,
        "indicators": _Watched("view.indicators", view.indicators, bar, "a bar"),
        "structure": watch(
            view.structure, "view.structure", lambda: int(structure_from[cursor.t + 1]) - 1, "a row of a bar"
        ),
        "structure_from": _Watched("view.structure_from", structure_from, lambda: cursor.t + 1, "a bar"),
        "zones": watch(view.zones, "view.zones", lambda: int(zones_from[cursor.t + 1]) - 1, "a row of a bar"),
        "zones_from": _Watched("view.zones_from", zones_from, lambda: cursor.t + 1, "a bar"),
        "higher": watch(
            view.higher, "view.higher", lambda: int(higher_known[cursor.t]), "a bar of the higher timeframe complete"
        ),
        "higher_known": _Watched("view.higher_known", higher_known, bar, "a bar"),
    }
    higher = made["higher"]
    made["higher"] = higher._replace(
        indicators=_Watched(
            "view.higher.indicators", view.higher.indicators, lambda: int(higher_known[cursor.t]), higher.ts._meaning
        )
    )
    return BarView(**made)


def _plain(function: Callable[..., Any], known: dict[int, Any]) -> Callable[..., Any]:
    """The function with every compiled function it reaches as the Python it was compiled from."""
    source = cast("FunctionType", getattr(function, "py_func", function))
    if id(source) in known:
        return known[id(source)]
    names: dict[str, Any] = {}
    cells = tuple(CellType(_uncompiled(cell.cell_contents, known)) for cell in source.__closure__ or ())
    made = FunctionType(source.__code__, names, source.__name__, source.__defaults__, cells)
    known[id(source)] = made
    reached = set(source.__code__.co_names)
    names.update(
        {name: _uncompiled(value, known) if name in reached else value for name, value in source.__globals__.items()}
    )
    return made


def _uncompiled(value: Any, known: dict[int, Any]) -> Any:
    if hasattr(value, "py_func"):
        return _plain(value, known)
    if isinstance(value, ModuleType) and value.__name__.startswith("engines"):
        return SimpleNamespace(
            **{name: _plain(one, known) if hasattr(one, "py_func") else one for name, one in vars(value).items()}
        )
    return value

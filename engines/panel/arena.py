"""States of many markets in a handful of arrays, so that a kernel is handed them as quickly as that of one.

A state is a NamedTuple of arrays and numbers, which may hold tuples of such. All its numbers of one type stand in one row of one array, a row a
market; a table says where each of its arrays begins and what shape it has. What is taken out of a row are views: nothing is
copied, neither in kernels (`taker`) nor outside of them (`view_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from engines.bars import FloatArray, TimeArray
from engines.kernel import inlined_kernel
from engines.panel.views import BEGIN, VIEWERS

StateT = TypeVar("StateT", bound=tuple[Any, ...])

_MOST_DIMENSIONS = 3


class Arena(NamedTuple):
    """Room for states.

    Attributes
    ----------
    floats, integers, small, flags : ndarray of float64, int64, int8, uint8, shape (markets, width)
    layout : ndarray of int64, shape (arrays, 4)
        For each array of a state, in the order of its fields: where it begins in the row, its length, and the lengths of its
        last dimension and of the one before.
    """

    floats: FloatArray
    integers: TimeArray
    small: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    layout: TimeArray


_ROOM: dict[str, str] = dict(zip(("float64", "int64", "int8", "uint8"), Arena._fields, strict=False))
"""Field of the arena by type of number."""


def arena_of(states: Sequence[tuple[Any, ...]]) -> Arena:
    """Copy states of one form into an arena.

    Raises
    ------
    ValueError
        If the states have arrays of different shape or of a type there is no room for.
    """
    first = list(_arrays(states[0]))
    widths = dict.fromkeys(_ROOM.values(), 0)
    layout = np.ones((len(first), 4), np.int64)
    for k, array in enumerate(first):
        room = _ROOM[array.dtype.name]
        if not 1 <= array.ndim <= _MOST_DIMENSIONS:
            raise ValueError(f"a state of an arena has arrays of one to three dimensions, not {array.shape}")
        layout[k, :3] = widths[room], array.size, array.shape[-1]
        layout[k, 3] = array.shape[-2] if array.ndim > 1 else 1
        widths[room] += array.size
    made = _joined({name: np.zeros((len(states), widths[name]), kind) for kind, name in _ROOM.items()}, layout)
    for market, state in enumerate(states):
        for array, like, (begin, length, *_) in zip(_arrays(state), first, layout.tolist(), strict=True):
            if array.shape != like.shape or array.dtype != like.dtype:
                raise ValueError(f"states of an arena are of one form, not {like.dtype}{like.shape} and {array.shape}")
            getattr(made, _ROOM[array.dtype.name])[market, begin : begin + length] = array.ravel()
    return made


def view_of(arena: Arena, market: int, form: StateT) -> StateT:
    """State of a market, which must be all arrays, as a NamedTuple of views; ``form`` is any state of the same form."""
    return _view(arena, market, form, iter(arena.layout.tolist()))


def part_of(arena: Arena, market: int) -> Arena:
    """Arena of one market of an arena, in the same memory."""
    rows = {name: getattr(arena, name)[market : market + 1] for name in _ROOM.values()}
    return _joined(rows, arena.layout)


def cut(rows: StateT, begin: int, end: int) -> StateT:
    """The same rows of each array of a NamedTuple."""
    return type(rows)(*(column[begin:end] for column in rows))


def taker(form: tuple[Any, ...], path: str) -> Callable[[Arena, int], Any]:
    """Kernel that takes one part of a market's state out of an arena.

    Parameters
    ----------
    form : NamedTuple
        Any state of the form the arena holds.
    path : str
        Which part: names of fields with dots between; all of it if empty.

    Returns
    -------
    kernel
        ``take(arena, market)``.
    """
    names: dict[str, Any] = {}
    number = 0
    for where in _places(form, "") if path else ():
        if where == f"{path}." or where.startswith(f"{path}."):
            break
        number += 1
    part: Any = form
    for name in path.split(".") if path else ():
        part = getattr(part, name)
    expression = _expression(part, iter(range(number, number + sum(1 for _ in _arrays(part)))), names)
    source = f"def take(arena, market):\n    return {expression}\n"
    exec(source, names)  # noqa: S102 - text made here, of nothing but field names and numbers
    return inlined_kernel(names["take"])


def _joined(rows: dict[str, npt.NDArray[Any]], layout: TimeArray) -> Arena:
    return Arena(rows["floats"], rows["integers"], rows["small"], rows["flags"], layout)


def _arrays(state: tuple[Any, ...]) -> Iterator[npt.NDArray[Any]]:
    """Arrays of a state in order; a number is an array of one."""
    for value in state:
        if isinstance(value, tuple):
            yield from _arrays(cast("tuple[Any, ...]", value))
        elif isinstance(value, np.ndarray):
            yield value
        else:
            yield np.array([value], np.float64 if isinstance(value, float) else np.int64)


def _places(state: tuple[Any, ...], path: str) -> Iterator[str]:
    """Path of each array, with a dot behind."""
    fields: tuple[str, ...] = getattr(state, "_fields", tuple(map(str, range(len(state)))))
    for name, value in zip(fields, state, strict=True):
        if isinstance(value, tuple):
            yield from _places(cast("tuple[Any, ...]", value), f"{path}{name}.")
        else:
            yield f"{path}{name}."


def _view(arena: Arena, market: int, form: Any, layout: Iterator[list[int]]) -> Any:
    fields: list[Any] = []
    for value in form:
        if isinstance(value, tuple):
            fields.append(_view(arena, market, value, layout))
        else:
            begin, length, last, middle = next(layout)
            row = getattr(arena, _ROOM[value.dtype.name])[market, begin : begin + length]
            fields.append(row.reshape((-1, middle, last)[3 - value.ndim :]) if value.ndim > 1 else row)
    return type(form)(*fields)


def _expression(value: Any, numbers: Iterator[int], names: dict[str, Any]) -> str:
    """Source text that takes an array, or a NamedTuple of such, out of an arena."""
    if isinstance(value, tuple):
        inner = cast("tuple[Any, ...]", value)
        fields = "".join(f"{_expression(field, numbers, names)}, " for field in inner)
        if type(inner) is tuple:
            return f"({fields})"
        name = f"class_{len(names)}"
        names[name] = type(inner)
        return f"{name}({fields})"
    k = next(numbers)
    if not isinstance(value, np.ndarray):
        room = "floats" if isinstance(value, float) else "integers"
        number = f"arena.{room}[market, arena.layout[{k}, {BEGIN}]]"
        return f"({number} != 0)" if isinstance(value, bool) else number
    array = cast("npt.NDArray[Any]", value)
    names[f"view_{array.ndim}"] = VIEWERS[array.ndim]
    return f"view_{array.ndim}(arena.{_ROOM[array.dtype.name]}, market, arena.layout, {k})"

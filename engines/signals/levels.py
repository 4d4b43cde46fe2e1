"""What a strategy remembers of the market's map: live gaps, liquidity, pivots not yet taken, the last sweeps.

A `Book` is folded from the rows of the structure and zone stages. All of it is known at the close of the bar it was last
folded with. Its kernels take single rows and the few arrays they change, not whole views: handing over an array costs more
than their work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.errors import StateMismatch
from engines.kernel import lean_kernel
from engines.signals.view import (
    CREATED,
    FVG,
    INTERNAL,
    LIQUIDITY,
    MICRO,
    MITIGATED,
    SWING,
    SWING_HIGH,
    SWING_LOW,
    TOUCHED,
)
from engines.state import AnyArray
from engines.zones.state import LIVE_MOST

# As many gaps, and as many pools, as the zone stage keeps alive of both sides.
_MAX_ZONES = 2 * LIVE_MOST
# Beyond it the farthest is forgotten.
_MAX_PIVOTS = 256
_TOP, _BOTTOM, _SIDE, _ORIGIN = 0, 1, 2, 3
_GAPS, _POOLS, _HIGHS, _LOWS, _SWEPT_LOWS, _SWEPT_HIGHS = range(6)
_MARKS = 6
_COUNTS = {"gaps": _GAPS, "pools": _POOLS, "highs": _HIGHS, "lows": _LOWS}
"""Mark that counts the levels of each array of a `Book`."""
_NEVER = -(2**62)


class Book(NamedTuple):
    """State of the map.

    Attributes
    ----------
    gaps, pools : ndarray of float64, shape (200, 4)
        Live fair value gaps and liquidity pools, oldest first: top, bottom, side, origin (ms; exact in a float).
    highs, lows : ndarray of float64, shape (256,)
        Pivots of the internal and swing scales that no bar has reached since, the nearest to the price last.
    marks : ndarray of int64, shape (6,)
        How many gaps, pools, highs and lows there are; absolute index of the bar that last swept equal lows, equal highs.
    pivots : ndarray of float64, shape (2, 2)
        Price of the last pivot by scale (internal, swing) and side (high, low); NaN before the first.
    """

    gaps: FloatArray
    pools: FloatArray
    highs: FloatArray
    lows: FloatArray
    marks: TimeArray
    pivots: FloatArray


def new_book() -> Book:
    """Map of a market of which nothing is known."""
    return Book(
        np.zeros((_MAX_ZONES, 4)),
        np.zeros((_MAX_ZONES, 4)),
        np.zeros(_MAX_PIVOTS),
        np.zeros(_MAX_PIVOTS),
        np.array([0, 0, 0, 0, _NEVER, _NEVER], np.int64),
        np.full((2, 2), np.nan),
    )


def stored_book(prefix: str, book: Book) -> dict[str, AnyArray]:
    """What a snapshot holds of a map: the levels there are, not the room for more. Names begin with ``prefix``."""
    return {f"{prefix}{name}": getattr(book, name)[: book.marks[count]] for name, count in _COUNTS.items()}


def restored_book(prefix: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Arrays with room for more, from what `stored_book` made.

    Raises
    ------
    StateMismatch
        If there are not as many levels as the marks say.
    """
    made: dict[str, AnyArray] = {}
    marks = arrays.get(f"{prefix}marks")
    for name, count in _COUNTS.items():
        stored, room = arrays.get(f"{prefix}{name}"), getattr(new_book(), name)
        if (
            stored is None
            or marks is None
            or marks.shape != (_MARKS,)
            or stored.shape != (marks[count], *room.shape[1:])
            or stored.dtype != room.dtype
            or stored.shape[0] > room.shape[0]
        ):
            raise StateMismatch(f"snapshot has no sound {name} of a strategy's map; recompute from the bars")
        room[: stored.shape[0]] = stored
        made[f"{prefix}{name}"] = room
    return made


@lean_kernel
def drop_taken_pivots(high: float, low: float, highs: FloatArray, lows: FloatArray, marks: TimeArray) -> None:
    """Forget the pivots that a bar reached. Pivots stand nearest last, so only those reached are looked at."""
    while marks[_HIGHS] > 0 and highs[marks[_HIGHS] - 1] <= high:
        marks[_HIGHS] -= 1
    while marks[_LOWS] > 0 and lows[marks[_LOWS] - 1] >= low:
        marks[_LOWS] -= 1


@lean_kernel
def fold_pivot(
    kind: int, scale: int, level: float, highs: FloatArray, lows: FloatArray, marks: TimeArray, pivots: FloatArray
) -> None:
    """Take in a structure row, if it is a pivot of the internal or swing scale."""
    if scale == MICRO:
        return
    row = 0 if scale == INTERNAL else 1
    if kind == SWING_HIGH:
        pivots[row, 0] = level
        marks[_HIGHS] = _stack(highs, marks[_HIGHS], level, 1.0)
    elif kind == SWING_LOW:
        pivots[row, 1] = level
        marks[_LOWS] = _stack(lows, marks[_LOWS], level, -1.0)


@lean_kernel
def fold_sweep(side: int, index: int, marks: TimeArray) -> None:
    """Remember that the bar of absolute index ``index`` swept a pool of this side."""
    marks[_SWEPT_LOWS if side > 0 else _SWEPT_HIGHS] = index


@lean_kernel
def changes_map(kind: int, event: int) -> bool:
    """Whether a zone row begins or ends a gap or a pool."""
    return kind in (FVG, LIQUIDITY) and event != TOUCHED and event != MITIGATED


@lean_kernel
def fold_zone(
    kind: int,
    event: int,
    side: int,
    top: float,
    bottom: float,
    origin_ts: int,
    gaps: FloatArray,
    pools: FloatArray,
    marks: TimeArray,
) -> None:
    """Take in a zone row of which `changes_map` holds."""
    if kind == FVG:
        _begin_or_end(event, side, top, bottom, origin_ts, gaps, marks, _GAPS)
    else:
        _begin_or_end(event, side, top, bottom, origin_ts, pools, marks, _POOLS)


@lean_kernel
def _begin_or_end(
    event: int,
    side: int,
    top: float,
    bottom: float,
    origin_ts: int,
    zones: FloatArray,
    marks: TimeArray,
    count: int,
) -> None:
    if event == CREATED:
        if marks[count] == _MAX_ZONES:
            _remove(zones, 0, marks, count)
        n = marks[count]
        zones[n, _TOP] = top
        zones[n, _BOTTOM] = bottom
        zones[n, _SIDE] = side
        zones[n, _ORIGIN] = origin_ts
        marks[count] = n + 1
        return
    # A bar is the middle of one gap at most, and the pivot of one pool a side. What ends is mostly young.
    for k in range(marks[count] - 1, -1, -1):
        if zones[k, _ORIGIN] == origin_ts and zones[k, _SIDE] == side:
            _remove(zones, k, marks, count)
            return


@lean_kernel
def swept_within(index: int, marks: TimeArray, direction: int, bars: int) -> bool:
    """Whether the last ``bars`` bars up to ``index`` swept the liquidity a move in this direction feeds on."""
    return index - marks[_SWEPT_LOWS if direction > 0 else _SWEPT_HIGHS] < bars


@lean_kernel
def overlaps_gap(book: Book, direction: int, top: float, bottom: float) -> bool:
    """Whether a live gap of this side shares a price with ``[bottom, top]``."""
    for i in range(book.marks[_GAPS]):
        if book.gaps[i, _SIDE] == direction and book.gaps[i, _BOTTOM] <= top and book.gaps[i, _TOP] >= bottom:
            return True
    return False


@lean_kernel
def next_level(book: Book, direction: int, beyond: float, high: float, low: float) -> float:
    """Nearest opposing liquidity or untaken pivot strictly beyond a price in this direction; NaN if there is none.

    A pool that the bar itself (``high``, ``low``) reached does not count: it may be gone at this very close.
    """
    found = np.nan
    levels = book.highs if direction > 0 else book.lows
    for i in range(book.marks[_HIGHS if direction > 0 else _LOWS] - 1, -1, -1):
        if (levels[i] - beyond) * direction > 0.0:
            found = levels[i]
            break
    reached = high if direction > 0 else low
    for i in range(book.marks[_POOLS]):
        level = book.pools[i, _TOP]
        opposing = book.pools[i, _SIDE] == -direction and (level - reached) * direction > 0.0
        if opposing and (level - beyond) * direction > 0.0 and not (level - found) * direction >= 0.0:
            found = level
    return found


@lean_kernel
def last_pivot(book: Book, scale: int, direction: int) -> float:
    """Price of the last pivot on the losing side of a move in this direction, at the internal or swing scale."""
    return book.pivots[1 if scale == SWING else 0, 1 if direction > 0 else 0]


@lean_kernel
def _stack(levels: FloatArray, n: int, level: float, sign: float) -> int:
    """Insert a level into a stack that stands farthest first; returns how many there are. A known level is not repeated."""
    place = n
    while place > 0 and levels[place - 1] * sign < level * sign:
        place -= 1
    if place > 0 and levels[place - 1] == level:
        return n
    if n == levels.shape[0]:
        if place == 0:
            return n
        for i in range(place - 1):
            levels[i] = levels[i + 1]
        levels[place - 1] = level
        return n
    for i in range(n, place, -1):
        levels[i] = levels[i - 1]
    levels[place] = level
    return n + 1


@lean_kernel
def _remove(zones: FloatArray, place: int, marks: TimeArray, count: int) -> None:
    n = marks[count] - 1
    for i in range(place, n):
        for k in range(4):
            zones[i, k] = zones[i + 1, k]
    marks[count] = n

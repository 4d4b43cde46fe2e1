"""The lives of zones: how they are made, what happens to them on a bar, and how that is written down.

Within a bar the lives come first, the oldest zone's first. The breaker that an invalidated order block becomes is created right
after the invalidation, so before the life of the next zone; its own life starts on the next bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import TimeArray
from engines.kernel import inlined_kernel
from engines.zones.ladders import GROUP_KIND, GROUP_SCALE, GROUP_SIDE, climb, settle, strike_off, take_due
from engines.zones.rows import ZoneEvent, ZoneKind, ZoneRows
from engines.zones.state import (
    BOTTOM,
    COUNT,
    CREATED,
    GROUP,
    NEXT_NUMBER,
    NUMBER,
    OLDEST,
    ORIGIN,
    STAGE,
    TOP,
    UNTOUCHED,
    VOLUME,
    WAS_MITIGATED,
    WAS_TOUCHED,
    Book,
)

# Kernels take plain integers, not enums.
_ORDER_BLOCK, _FVG, _LIQUIDITY = int(ZoneKind.ORDER_BLOCK), int(ZoneKind.FVG), int(ZoneKind.LIQUIDITY)
_CREATED, _TOUCHED, _MITIGATED = int(ZoneEvent.CREATED), int(ZoneEvent.TOUCHED), int(ZoneEvent.MITIGATED)
_INVALIDATED, _FILLED = int(ZoneEvent.INVALIDATED), int(ZoneEvent.FILLED)
_SWEPT, _BROKEN, _EXPIRED = int(ZoneEvent.SWEPT), int(ZoneEvent.BROKEN), int(ZoneEvent.EXPIRED)
_NO_EVENT = -1

WRITTEN, WRITTEN_BEFORE, NOW, LIVE_LIMIT = range(4)
"""Elements of `Pen.at`."""
BREAKER_OF_ORDER_BLOCK = 4
"""How far the group of breakers of the same scale and side is behind that of order blocks."""


class Pen(NamedTuple):
    """Where events are written.

    Attributes
    ----------
    rows : ZoneRows
    at : ndarray of int64, shape (4,)
        Rows written, rows written before this bar, open time of this bar, most zones that live in a group.
    """

    rows: ZoneRows
    at: TimeArray


def new_pen_at() -> TimeArray:
    """`Pen.at` of pens that are used one after the other."""
    return np.zeros(4, np.int64)


def begin(pen: Pen, live_limit: int) -> None:
    """Let a pen begin at the first of its rows."""
    pen.at[:] = (0, 0, 0, live_limit)


@inlined_kernel
def _write(book: Book, slot: int, event: int, pen: Pen) -> None:
    rows, n = pen.rows, pen.at[WRITTEN]
    group = book.marks[slot, GROUP]
    rows.ts[n] = pen.at[NOW]
    rows.zone[n] = book.marks[slot, NUMBER]
    rows.kind[n] = GROUP_KIND[group]
    rows.event[n] = event
    rows.side[n] = GROUP_SIDE[group]
    rows.scale[n] = GROUP_SCALE[group]
    rows.top[n] = book.prices[slot, TOP]
    rows.bottom[n] = book.prices[slot, BOTTOM]
    rows.origin_ts[n] = book.marks[slot, ORIGIN]
    rows.created_ts[n] = book.marks[slot, CREATED]
    rows.volume[n] = book.prices[slot, VOLUME]
    rows.sequence[n] = n - pen.at[WRITTEN_BEFORE]
    pen.at[WRITTEN] = n + 1


@inlined_kernel
def create(book: Book, group: int, top: float, bottom: float, origin: int, volume: float, pen: Pen) -> None:
    """Make a zone; the oldest of a full group is ended first."""
    if book.groups[group, COUNT] == pen.at[LIVE_LIMIT]:
        oldest = book.groups[group, OLDEST]
        _write(book, oldest, _EXPIRED, pen)
        strike_off(book, oldest)
    number = book.counters[NEXT_NUMBER]
    book.counters[NEXT_NUMBER] = number + 1
    slot = settle(book, number, group, UNTOUCHED, top, bottom, volume, origin, pen.at[NOW])
    climb(book, slot)
    _write(book, slot, _CREATED, pen)


@inlined_kernel
def _end_of_pool(supply: bool, level: float, high: float, low: float, close: float) -> int:
    if close > level if supply else close < level:
        return _BROKEN
    if high > level if supply else low < level:
        return _SWEPT
    return _NO_EVENT


@inlined_kernel
def _live_on(book: Book, slot: int, high: float, low: float, close: float, pen: Pen) -> None:
    """Look at one zone on a bar: touched, mitigated, ended, each at most once."""
    group = book.marks[slot, GROUP]
    kind = GROUP_KIND[group]
    supply = group & 1 == 1
    top, bottom = book.prices[slot, TOP], book.prices[slot, BOTTOM]
    end = _NO_EVENT
    if kind == _LIQUIDITY:
        end = _end_of_pool(supply, top, high, low, close)
    else:
        middle = (top + bottom) / 2.0
        stage = book.marks[slot, STAGE]
        if stage == UNTOUCHED and (high >= bottom if supply else low <= top):
            stage = WAS_TOUCHED
            _write(book, slot, _TOUCHED, pen)
        if stage == WAS_TOUCHED and (high >= middle if supply else low <= middle):
            stage = WAS_MITIGATED
            _write(book, slot, _MITIGATED, pen)
        book.marks[slot, STAGE] = stage
        if kind == _FVG:
            if high >= top if supply else low <= bottom:
                end = _FILLED
        elif close > top if supply else close < bottom:
            end = _INVALIDATED
    if end == _NO_EVENT:
        climb(book, slot)
        return
    _write(book, slot, end, pen)
    origin, volume = book.marks[slot, ORIGIN], book.prices[slot, VOLUME]
    strike_off(book, slot)
    if kind == _ORDER_BLOCK:
        create(book, (group + BREAKER_OF_ORDER_BLOCK) ^ 1, top, bottom, origin, volume, pen)


@inlined_kernel
def live_on(book: Book, high: float, low: float, close: float, pen: Pen) -> None:
    """Look at every zone that a bar may change, oldest first."""
    due = take_due(book, high, low, close)
    for k in range(due):
        slot = book.due_slots[k]
        # A breaker made a moment ago may have ended an older one to make room.
        if book.marks[slot, NUMBER] == book.due_numbers[k]:
            _live_on(book, slot, high, low, close, pen)

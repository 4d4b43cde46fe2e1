"""The lives of zones: creating, testing and ending them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import TimeArray
from engines.kernel import kernel
from engines.structure.rows import Scale
from engines.zones.rows import ZoneEvent, ZoneKind, ZoneRows
from engines.zones.state import GROUPS, LIVE_MOST, Live

_GROUP_KIND = np.array([kind for kind, _, _ in GROUPS], np.int8)
_GROUP_SCALE = np.array([scale for _, scale, _ in GROUPS], np.int8)
_GROUP_SIDE = np.array([side for _, _, side in GROUPS], np.int8)
_GROUP_COUNT = len(GROUPS)

_ORDER_BLOCK, _BREAKER = int(ZoneKind.ORDER_BLOCK), int(ZoneKind.BREAKER)
_FVG, _LIQUIDITY = int(ZoneKind.FVG), int(ZoneKind.LIQUIDITY)
_CREATED, _TOUCHED, _MITIGATED = int(ZoneEvent.CREATED), int(ZoneEvent.TOUCHED), int(ZoneEvent.MITIGATED)
_INVALIDATED, _FILLED = int(ZoneEvent.INVALIDATED), int(ZoneEvent.FILLED)
_SWEPT, _BROKEN, _EXPIRED = int(ZoneEvent.SWEPT), int(ZoneEvent.BROKEN), int(ZoneEvent.EXPIRED)
_SWING = int(Scale.SWING)
_UNTOUCHED, _WAS_TOUCHED, _WAS_MITIGATED = 0, 1, 2


class Pen(NamedTuple):
    """Where events go: the rows, and the bar they are of.

    Attributes
    ----------
    rows : ZoneRows
    at : ndarray of int64, shape (3,)
        Rows written, rows written before this bar, open time of this bar.
    due_zone, due_group : ndarray of int64
        Room to sort the zones whose life may go on at this bar.
    """

    rows: ZoneRows
    at: TimeArray
    due_zone: TimeArray
    due_group: TimeArray


def new_pen(rows: ZoneRows) -> Pen:
    """Make a pen that has written nothing."""
    room = _GROUP_COUNT * LIVE_MOST
    return Pen(rows, np.zeros(3, np.int64), np.empty(room, np.int64), np.empty(room, np.int64))


@kernel
def group_of(kind: int, scale: int, side: int) -> int:
    """Index of a group in `GROUPS`."""
    other = 0 if side > 0 else 1
    if kind == _FVG:
        return 8 + other
    if kind == _LIQUIDITY:
        return 10 + other
    wide = 2 if scale == _SWING else 0
    return (0 if kind == _ORDER_BLOCK else 4) + wide + other


@kernel
def _write(pen: Pen, live: Live, group: int, slot: int, event: int) -> None:
    rows, n = pen.rows, pen.at[0]
    rows.ts[n] = pen.at[2]
    rows.zone[n] = live.zone[group, slot]
    rows.kind[n] = _GROUP_KIND[group]
    rows.event[n] = event
    rows.side[n] = _GROUP_SIDE[group]
    rows.scale[n] = _GROUP_SCALE[group]
    rows.top[n] = live.top[group, slot]
    rows.bottom[n] = live.bottom[group, slot]
    rows.origin_ts[n] = live.origin[group, slot]
    rows.created_ts[n] = live.created[group, slot]
    rows.volume[n] = live.volume[group, slot]
    rows.sequence[n] = n - pen.at[1]
    pen.at[0] = n + 1


@kernel
def _threshold(live: Live, group: int, slot: int) -> float:
    """Price a bar must reach for the next event of a zone."""
    top, bottom, stage = live.top[group, slot], live.bottom[group, slot], live.stage[group, slot]
    if stage == _WAS_TOUCHED:
        return (top + bottom) / 2
    if _GROUP_SIDE[group] > 0:
        return top if stage == _UNTOUCHED else bottom
    return bottom if stage == _UNTOUCHED else top


@kernel
def set_bound(live: Live, group: int) -> None:
    """Find the price at which the first zone of a group has its next event."""
    if _GROUP_SIDE[group] > 0:
        bound = -np.inf
        for slot in range(live.count[group]):
            bound = max(bound, _threshold(live, group, slot))
    else:
        bound = np.inf
        for slot in range(live.count[group]):
            bound = min(bound, _threshold(live, group, slot))
    live.bound[group] = bound


@kernel
def _remove(live: Live, group: int, slot: int) -> None:
    last = live.count[group] - 1
    for k in range(slot, last):
        live.zone[group, k] = live.zone[group, k + 1]
        live.origin[group, k] = live.origin[group, k + 1]
        live.created[group, k] = live.created[group, k + 1]
        live.top[group, k] = live.top[group, k + 1]
        live.bottom[group, k] = live.bottom[group, k + 1]
        live.volume[group, k] = live.volume[group, k + 1]
        live.stage[group, k] = live.stage[group, k + 1]
    live.count[group] = last


@kernel
def create(
    live: Live,
    next_zone: TimeArray,
    group: int,
    top: float,
    bottom: float,
    origin: int,
    volume: float,
    pen: Pen,
) -> None:
    """Make a zone; the oldest of a full group is ended first."""
    if live.count[group] == LIVE_MOST:
        _write(pen, live, group, 0, _EXPIRED)
        _remove(live, group, 0)
    slot = live.count[group]
    live.count[group] = slot + 1
    live.zone[group, slot] = next_zone[0]
    live.origin[group, slot] = origin
    live.created[group, slot] = pen.at[2]
    live.top[group, slot] = top
    live.bottom[group, slot] = bottom
    live.volume[group, slot] = volume
    live.stage[group, slot] = _UNTOUCHED
    next_zone[0] += 1
    _write(pen, live, group, slot, _CREATED)
    set_bound(live, group)


@kernel
def has_origin(live: Live, group: int, origin: int) -> bool:
    """Whether a zone of a group with this origin lives."""
    for slot in range(live.count[group]):  # noqa: SIM110 - a plain loop is what the compiler wants
        if live.origin[group, slot] == origin:
            return True
    return False


@kernel
def _end_of(kind: int, side: int, top: float, bottom: float, high: float, low: float, close: float) -> int:
    """Event that ends a zone at a bar, -1 if none does."""
    if kind == _LIQUIDITY:
        if side < 0:
            if close > top:
                return _BROKEN
            return _SWEPT if high > top else -1
        if close < bottom:
            return _BROKEN
        return _SWEPT if low < bottom else -1
    if kind == _FVG:
        filled = low <= bottom if side > 0 else high >= top
        return _FILLED if filled else -1
    invalidated = close < bottom if side > 0 else close > top
    return _INVALIDATED if invalidated else -1


@kernel
def _live_on(
    live: Live, next_zone: TimeArray, group: int, slot: int, high: float, low: float, close: float, pen: Pen
) -> None:
    """Test one zone on a bar: touched, mitigated, ended, each at most once."""
    kind, side = _GROUP_KIND[group], _GROUP_SIDE[group]
    top, bottom = live.top[group, slot], live.bottom[group, slot]
    if kind != _LIQUIDITY:
        middle = (top + bottom) / 2
        if live.stage[group, slot] == _UNTOUCHED and (low <= top if side > 0 else high >= bottom):
            live.stage[group, slot] = _WAS_TOUCHED
            _write(pen, live, group, slot, _TOUCHED)
        if live.stage[group, slot] == _WAS_TOUCHED and (low <= middle if side > 0 else high >= middle):
            live.stage[group, slot] = _WAS_MITIGATED
            _write(pen, live, group, slot, _MITIGATED)
    end = _end_of(kind, side, top, bottom, high, low, close)
    if end < 0:
        return
    _write(pen, live, group, slot, end)
    origin, volume = live.origin[group, slot], live.volume[group, slot]
    _remove(live, group, slot)
    if kind == _ORDER_BLOCK:
        create(live, next_zone, group_of(_BREAKER, _GROUP_SCALE[group], -side), top, bottom, origin, volume, pen)


@kernel
def _slot_of(live: Live, group: int, zone: int) -> int:
    for slot in range(live.count[group]):
        if live.zone[group, slot] == zone:
            return slot
    return -1


@kernel
def _sort(zones: TimeArray, groups: TimeArray, count: int) -> None:
    """Sort by zone, oldest first: few at a time, so by insertion."""
    for k in range(1, count):
        zone, group = zones[k], groups[k]
        j = k
        while j > 0 and zones[j - 1] > zone:
            zones[j] = zones[j - 1]
            groups[j] = groups[j - 1]
            j -= 1
        zones[j] = zone
        groups[j] = group


@kernel
def go_on(live: Live, next_zone: TimeArray, high: float, low: float, close: float, pen: Pen) -> None:
    """Test every zone on a bar, oldest first. A group whose bound the bar does not reach costs one comparison."""
    due = 0
    for group in range(_GROUP_COUNT):
        demand = _GROUP_SIDE[group] > 0
        bound = live.bound[group]
        if low > bound if demand else high < bound:
            continue
        for slot in range(live.count[group]):
            threshold = _threshold(live, group, slot)
            if low <= threshold if demand else high >= threshold:
                pen.due_zone[due] = live.zone[group, slot]
                pen.due_group[due] = group
                due += 1
    if due == 0:
        return
    _sort(pen.due_zone, pen.due_group, due)
    for k in range(due):
        group = pen.due_group[k]
        slot = _slot_of(live, group, pen.due_zone[k])
        # A breaker made a moment ago may have ended an older one to make room.
        if slot >= 0:
            _live_on(live, next_zone, group, slot, high, low, close, pen)
    for k in range(due):
        set_bound(live, pen.due_group[k])


def live_zones(live: Live) -> int:
    """How many zones live."""
    return int(live.count.sum())

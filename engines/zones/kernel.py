"""The pass over bars and structure events that makes zones and carries their lives on."""

from __future__ import annotations

import numpy as np

from engines.average_true_range import true_range_average
from engines.bars import BarArrays
from engines.kernel import kernel
from engines.structure.rows import Scale, StructureKind, StructureRows
from engines.zones.lives import Pen, create, go_on, group_of, has_origin
from engines.zones.rows import NO_SCALE, ZoneKind
from engines.zones.state import Search, ZoneState

_MICRO, _INTERNAL = int(Scale.MICRO), int(Scale.INTERNAL)
_NO_SCALE = NO_SCALE
_SWING_HIGH, _SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
_BOS, _CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)
_EQH, _EQL = int(StructureKind.EQH), int(StructureKind.EQL)
_ORDER_BLOCK, _FVG, _LIQUIDITY = int(ZoneKind.ORDER_BLOCK), int(ZoneKind.FVG), int(ZoneKind.LIQUIDITY)
_HIGH, _LOW = 0, 1


@kernel
def _consider(search: Search, scale: int, side: int, at: int) -> None:
    """Take the bar at a place of the ring for the best one if it is better; the first of equals stays."""
    if side == _HIGH:
        value = search.searched_low[at]
        better = value < search.best[scale, side]
    else:
        value = search.searched_high[at]
        better = value > search.best[scale, side]
    if better:
        search.best[scale, side] = value
        search.best_low[scale, side] = search.low[at]
        search.best_high[scale, side] = search.high[at]
        search.best_volume[scale, side] = search.volume[at]
        search.best_ts[scale, side] = search.ts[at]


@kernel
def _begin_search(search: Search, scale: int, side: int, i: int, width: int) -> None:
    """Search the bars from a new pivot's origin up to the one before bar ``i``."""
    mask = search.ts.shape[0] - 1
    search.active[scale, side] = 1
    search.best[scale, side] = np.inf if side == _HIGH else -np.inf
    for k in range(i - width, i):
        _consider(search, scale, side, k & mask)


@kernel
def _remember(search: Search, at: int, ts: int, high: float, low: float, volume: float, wild: bool) -> None:
    search.ts[at] = ts
    search.high[at] = high
    search.low[at] = low
    search.volume[at] = volume
    search.searched_low[at] = high if wild else low
    search.searched_high[at] = low if wild else high


@kernel
def _order_block(state: ZoneState, scale: int, direction: int, pen: Pen) -> None:
    """Make the order block of a break, unless the same one lives."""
    search = state.search
    at = scale - _INTERNAL
    side = _HIGH if direction > 0 else _LOW
    origin = search.best_ts[at, side]
    group = group_of(_ORDER_BLOCK, scale, direction)
    if not has_origin(state.live, group, origin):
        create(
            state.live,
            state.next_zone,
            group,
            search.best_high[at, side],
            search.best_low[at, side],
            origin,
            search.best_volume[at, side],
            pen,
        )


@kernel
def _fair_value_gap(state: ZoneState, i: int, high: float, low: float, pen: Pen) -> None:
    """Make the gap that bar ``i`` leaves to the bar two before it, if the bar between them moved enough."""
    search = state.search
    mask = search.ts.shape[0] - 1
    before, two_before = (i - 1) & mask, (i - 2) & mask
    opened, closed = state.previous[0], state.previous[1]
    move = (closed - opened) / opened
    usual = state.body[0] / i
    above, below = search.high[two_before], search.low[two_before]
    if low > above and closed > above and move > 2 * usual:
        top, bottom, side = low, above, 1
    elif high < below and closed < below and move < -2 * usual:
        top, bottom, side = below, high, -1
    else:
        return
    create(
        state.live,
        state.next_zone,
        group_of(_FVG, _NO_SCALE, side),
        top,
        bottom,
        search.ts[before],
        search.volume[before],
        pen,
    )


@kernel
def _add_body(state: ZoneState, opened: float, closed: float) -> None:
    """Add a bar's relative body to the sum of all, with Kahan's correction so that it does not drift."""
    value = abs((closed - opened) / opened) - state.body[1]
    total = state.body[0] + value
    state.body[1] = (total - state.body[0]) - value
    state.body[0] = total


@kernel
def advance_zones(
    bars: BarArrays,
    start: int,
    widths: tuple[int, int, int],
    wild: float,
    atr_period: int,
    structure: StructureRows,
    structure_count: int,
    state: ZoneState,
    pen: Pen,
) -> None:
    """Advance over bars and the structure events of them; the pen counts the rows.

    Parameters
    ----------
    bars : BarArrays
        Each of shape (n,).
    start : int
        Absolute index of the first of these bars.
    widths : tuple of int
        Bars on the right of a pivot, by scale.
    wild : float
        Range from which on a bar is wild, in average true ranges.
    atr_period : int
    structure : StructureRows
    structure_count : int
        How many of its rows there are; all of these bars.
    state : ZoneState
        Changed in place.
    pen : Pen
        With room for all events.
    """
    search, live = state.search, state.live
    mask = search.ts.shape[0] - 1
    event = 0
    for t in range(bars.ts.shape[0]):
        i = start + t
        ts, high, low, close = bars.ts[t], bars.high[t], bars.low[t], bars.close[t]
        pen.at[1] = pen.at[0]
        pen.at[2] = ts
        go_on(live, state.next_zone, high, low, close, pen)
        if i >= 2:
            _fair_value_gap(state, i, high, low, pen)
        first = event
        while event < structure_count and structure.ts[event] == ts:
            kind, scale = structure.kind[event], structure.scale[event]
            if kind == _EQH or kind == _EQL:
                side = -1 if kind == _EQH else 1
                level = structure.level[event]
                group = group_of(_LIQUIDITY, _MICRO, side)
                create(live, state.next_zone, group, level, level, structure.origin_ts[event], np.nan, pen)
            event += 1
        for k in range(first, event):
            kind, scale = structure.kind[k], structure.scale[k]
            if scale == _MICRO:
                continue
            if kind == _SWING_HIGH:
                _begin_search(search, scale - _INTERNAL, _HIGH, i, widths[scale])
            elif kind == _SWING_LOW:
                _begin_search(search, scale - _INTERNAL, _LOW, i, widths[scale])
            elif kind == _BOS or kind == _CHOCH:
                _order_block(state, scale, structure.direction[k], pen)
                search.active[scale - _INTERNAL, _HIGH if structure.direction[k] > 0 else _LOW] = 0
        average = true_range_average(i, high, low, close, atr_period, state.atr)
        # Before the average exists it is NaN, and nothing is above NaN: no bar is wild.
        _remember(search, i & mask, ts, high, low, bars.volume[t], high - low >= wild * average)
        for at in range(2):
            for side in range(2):
                if search.active[at, side] == 1:
                    _consider(search, at, side, i & mask)
        _add_body(state, bars.open[t], close)
        state.previous[0] = bars.open[t]
        state.previous[1] = close

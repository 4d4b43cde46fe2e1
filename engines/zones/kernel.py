"""The pass over bars and structure events that makes zones and carries their lives on."""

from __future__ import annotations

import numpy as np

from engines.average_true_range import true_range_average
from engines.bars import BarArrays
from engines.kernel import inlined_kernel, lean_kernel
from engines.structure.rows import Scale, StructureKind, StructureRows
from engines.zones.ladders import has_origin, nearest
from engines.zones.lives import NOW, WRITTEN, WRITTEN_BEFORE, Pen, create, live_on
from engines.zones.searches import begin_search, look_until
from engines.zones.state import (
    BAR_VOLUME,
    CLOSE_1,
    HIGH,
    HIGH_1,
    HIGH_2,
    LOW,
    LOW_1,
    LOW_2,
    NOBODY,
    OPEN_1,
    SEARCHES,
    VOLUME_1,
    ZoneState,
)

# Kernels take plain integers, not enums.
_MICRO, _INTERNAL = int(Scale.MICRO), int(Scale.INTERNAL)
_SWING_HIGH, _SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
_BOS, _CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)
_EQH, _EQL = int(StructureKind.EQH), int(StructureKind.EQL)
_GAP_GROUPS, _POOL_GROUPS = 8, 10
_NEVER = np.iinfo(np.int64).max


@inlined_kernel
def _follow(state: ZoneState, structure: StructureRows, event: int, i: int, pen: Pen) -> None:
    """Do what a structure event of bar ``i`` asks for."""
    kind, scale = structure.kind[event], structure.scale[event]
    book, search = state.book, state.search
    if kind == _EQH or kind == _EQL:  # noqa: SIM109 - the compiler has no tuple membership
        level = structure.level[event]
        group = _POOL_GROUPS + (kind == _EQH)
        create(book, group, level, level, structure.origin_ts[event], np.nan, pen)
    elif scale == _MICRO:
        return
    elif kind == _SWING_HIGH or kind == _SWING_LOW:  # noqa: SIM109
        begin_search(search, 2 * (scale - _INTERNAL) + (kind == _SWING_LOW), i, structure.origin_ts[event])
    else:
        # A break upwards is of a pivot high, and makes demand: groups and searches of a scale stand in the same order.
        row = 2 * (scale - _INTERNAL) + (structure.direction[event] < 0)
        look_until(search, row, i)
        origin = search.best_ts[row]
        if not has_origin(book, row, origin):
            best = search.best
            create(book, row, best[row, HIGH], best[row, LOW], origin, best[row, BAR_VOLUME], pen)


@lean_kernel
def advance_zones(
    bars: BarArrays,
    start: int,
    wild_bar: float,
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
    wild_bar : float
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
    book, search, before = state.book, state.search, state.before
    mask = search.ts.shape[0] - 1
    half = mask >> 1
    weight = 1.0 / atr_period
    average = state.true_range[0]
    total, lost = state.body[0], state.body[1]
    open_1, high_1, low_1, close_1 = before[OPEN_1], before[HIGH_1], before[LOW_1], before[CLOSE_1]
    volume_1, high_2, low_2, ts_1 = before[VOLUME_1], before[HIGH_2], before[LOW_2], state.before_ts[0]
    event = 0
    event_ts = structure.ts[0] if structure_count > 0 else _NEVER
    # The four rungs nearest to the market: a bar that reaches none of them changes no zone.
    demand_near, demand_far = nearest(book, 0), nearest(book, 1)
    supply_near, supply_far = nearest(book, 2), nearest(book, 3)
    for t in range(bars.ts.shape[0]):
        i = start + t
        ts, o, h, l, c, v = bars.ts[t], bars.open[t], bars.high[t], bars.low[t], bars.close[t], bars.volume[t]
        due = (l <= demand_near) | (c < demand_far) | (-h <= supply_near) | (-c < supply_far)
        apart = (l > high_2) | (h < low_2)
        if due | apart | (event_ts == ts):
            pen.at[WRITTEN_BEFORE] = pen.at[WRITTEN]
            pen.at[NOW] = ts
            if due:
                live_on(book, h, l, c, pen)
            if apart and i >= 2:
                move = (close_1 - open_1) / open_1
                # The sum is of all bars before this one.
                large = 2.0 * ((total + lost) / i)
                up = l > high_2
                if (close_1 > high_2 and move > large) if up else (close_1 < low_2 and move < -large):
                    top = l if up else low_2
                    bottom = high_2 if up else h
                    create(book, _GAP_GROUPS if up else _GAP_GROUPS + 1, top, bottom, ts_1, volume_1, pen)
            while event_ts == ts:
                _follow(state, structure, event, i, pen)
                event += 1
                event_ts = structure.ts[event] if event < structure_count else _NEVER
            demand_near, demand_far = nearest(book, 0), nearest(book, 1)
            supply_near, supply_far = nearest(book, 2), nearest(book, 3)

        # Before the average exists it is NaN, and nothing is above NaN: no bar is wild.
        average, value = true_range_average(i, h, l, close_1, atr_period, weight, average)
        wild = h - l >= wild_bar * value
        if i & half == 0:
            for row in range(SEARCHES):
                if search.next_bar[row] != NOBODY:
                    look_until(search, row, i)
        at = i & mask
        search.sought[0, at] = h if wild else l
        search.sought[1, at] = -l if wild else -h
        search.volume[at] = v
        search.ts[at] = ts

        # What an addition rounds off is kept beside the sum (Knuth's exact addition), so that it does not drift.
        body = abs((c - o) / o)
        grown = total + body
        taken = grown - total
        lost += (total - (grown - taken)) + (body - taken)
        total = grown

        high_2, low_2 = high_1, low_1
        open_1, high_1, low_1, close_1, volume_1, ts_1 = o, h, l, c, v, ts
    state.true_range[0] = average
    state.body[0], state.body[1] = total, lost
    before[OPEN_1], before[HIGH_1], before[LOW_1], before[CLOSE_1] = open_1, high_1, low_1, close_1
    before[VOLUME_1], before[HIGH_2], before[LOW_2], state.before_ts[0] = volume_1, high_2, low_2, ts_1

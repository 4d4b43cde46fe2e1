"""The pass over bars that finds pivots, equal levels and breaks."""

from __future__ import annotations

import numpy as np

from engines.average_true_range import true_range_average
from engines.bars import BarArrays
from engines.kernel import inlined_kernel, lean_kernel
from engines.structure.pivots import time_of, turn
from engines.structure.rows import Label, Scale, StructureKind, StructureRows
from engines.structure.state import (
    BIAS,
    EXTREME,
    EXTREME_AT,
    HIGH,
    LEG,
    LOW,
    OPEN,
    ORIGIN,
    PRICE,
    SCALES,
    StructureState,
)

EVENTS_PER_BAR = 8
"""Most events one bar can make: a pivot and an equal level (micro), a pivot and two breaks (internal and swing)."""

# Kernels take plain integers, not enums.
_MICRO, _INTERNAL, _SWING = (int(scale) for scale in Scale)
_SWING_HIGH, _BOS, _CHOCH, _EQH = (
    int(kind) for kind in (StructureKind.SWING_HIGH, StructureKind.BOS, StructureKind.CHOCH, StructureKind.EQH)
)
_NONE = int(Label.NONE)
_LABELS = np.array([[Label.NONE, Label.HH, Label.LH], [Label.NONE, Label.LL, Label.HL]], np.int64)
"""By side: none before, beyond the pivot before, not beyond it."""


@inlined_kernel
def _write(
    rows: StructureRows,
    n: int,
    ts: int,
    scale: int,
    kind: int,
    direction: int,
    level: float,
    origin: int,
    label: int,
    bias: int,
) -> int:
    rows.ts[n] = ts
    rows.scale[n] = scale
    rows.kind[n] = kind
    rows.direction[n] = direction
    rows.level[n] = level
    rows.origin_ts[n] = origin
    rows.label[n] = label
    rows.bias[n] = bias
    return n + 1


@inlined_kernel
def _confirm(
    state: StructureState, scale: int, side: int, origin: int, ts: int, tolerance: float, rows: StructureRows, n: int
) -> int:
    """Confirm the extreme of a side as a pivot, and the level it is equal to if it is one."""
    pivots = state.pivots
    price, before = pivots[scale, side, EXTREME], pivots[scale, side, PRICE]
    bias = state.scales[scale, BIAS]
    sign, direction = (1.0, -1) if side == HIGH else (-1.0, 1)
    # Comparisons with NaN are false: the first pivot of a side has no label and equals none.
    label = _LABELS[side, (price > before) + 2 * (price <= before)]
    n = _write(rows, n, ts, scale, _SWING_HIGH + side, direction, sign * price, origin, label, bias)
    # The tolerance is NaN before the average range exists.
    if scale == _MICRO and abs(price - before) < tolerance:
        level = sign * max(price, before)
        n = _write(rows, n, ts, scale, _EQH + side, direction, level, origin, _NONE, bias)
    state.scales[scale, LEG] = direction
    pivots[scale, side, PRICE] = price
    state.marks[scale, side, ORIGIN] = origin
    # The micro scale has no breaks.
    if scale != _MICRO:
        pivots[scale, side, OPEN] = price
    return n


@inlined_kernel
def _cross(state: StructureState, scale: int, side: int, ts: int, rows: StructureRows, n: int) -> int:
    """Cross the open pivot of a side."""
    sign, direction = (1.0, 1) if side == HIGH else (-1.0, -1)
    kind = _CHOCH if state.scales[scale, BIAS] == -direction else _BOS
    state.scales[scale, BIAS] = direction
    state.pivots[scale, side, OPEN] = np.inf
    level, origin = sign * state.pivots[scale, side, PRICE], state.marks[scale, side, ORIGIN]
    return _write(rows, n, ts, scale, kind, direction, level, origin, _NONE, direction)


@inlined_kernel
def _events_of_bar(
    bars: BarArrays,
    start: int,
    t: int,
    widths: tuple[int, int, int],
    tolerance: float,
    state: StructureState,
    rows: StructureRows,
    n: int,
) -> int:
    """Write the events of a bar whose extremes are up to date."""
    ts, close, i = bars.ts[t], bars.close[t], start + t
    for scale in range(SCALES):
        p = i - widths[scale]
        # Where both sides wait for their first pivot, the high comes first.
        side = HIGH if state.marks[scale, HIGH, EXTREME_AT] == p else LOW
        if state.marks[scale, side, EXTREME_AT] == p:
            n = _confirm(state, scale, side, time_of(bars, start, state, p), ts, tolerance, rows, n)
            turn(bars, start, state, i, scale, side, widths[scale])
        if close > state.pivots[scale, HIGH, OPEN]:
            n = _cross(state, scale, HIGH, ts, rows, n)
        if -close > state.pivots[scale, LOW, OPEN]:
            n = _cross(state, scale, LOW, ts, rows, n)
    return n


@inlined_kernel
def _side(state: StructureState, scale: int) -> int:
    """Side of the next pivot: a leg that is up waits for a high, one that is down for a low."""
    return HIGH if state.scales[scale, LEG] > 0 else LOW


@inlined_kernel
def _nearest_open(state: StructureState, side: int) -> float:
    return min(state.pivots[_INTERNAL, side, OPEN], state.pivots[_SWING, side, OPEN])


@inlined_kernel
def _keep(state: StructureState, scale: int, side: int, extreme: float, at: int) -> None:
    state.pivots[scale, side, EXTREME] = extreme
    state.marks[scale, side, EXTREME_AT] = at


@inlined_kernel
def _remember(bars: BarArrays, start: int, state: StructureState) -> None:
    """Keep the last bars."""
    ring, total = state.ts.shape[0], bars.ts.shape[0]
    for t in range(max(total - ring, 0), total):
        at = (start + t) & (ring - 1)
        state.ts[at] = bars.ts[t]
        state.prices[HIGH, at] = bars.high[t]
        state.prices[LOW, at] = -bars.low[t]


@inlined_kernel
def _follow_both(state: StructureState, i: int, high: float, low: float) -> None:
    """Follow the extremes of all scales on both sides; those that nothing waits for are out of reach."""
    for scale in range(SCALES):
        if high >= state.pivots[scale, HIGH, EXTREME]:
            _keep(state, scale, HIGH, high, i)
        if -low >= state.pivots[scale, LOW, EXTREME]:
            _keep(state, scale, LOW, -low, i)


@lean_kernel
def advance_structure(
    bars: BarArrays,
    start: int,
    widths: tuple[int, int, int],
    threshold: float,
    atr_period: int,
    state: StructureState,
    rows: StructureRows,
) -> int:
    """Advance over bars and write their events; returns how many.

    Parameters
    ----------
    bars : BarArrays
        Each of shape (n,).
    start : int
        Absolute index of the first of these bars.
    widths : tuple of int
        Bars on the right of a pivot, by scale.
    threshold : float
        Most that equal levels are apart, in average true ranges.
    atr_period : int
    state : StructureState
        Changed in place.
    rows : StructureRows
        With room for ``EVENTS_PER_BAR * n``.
    """
    high, low, close = bars.high, bars.low, bars.close
    total = bars.ts.shape[0]
    previous, average = state.true_range[0], state.true_range[1]
    weight = 1.0 / atr_period
    n = 0
    t = 0
    while t < total and (
        (state.scales[_MICRO, LEG] == 0) | (state.scales[_INTERNAL, LEG] == 0) | (state.scales[_SWING, LEG] == 0)
    ):
        average, value = true_range_average(start + t, high[t], low[t], previous, atr_period, weight, average)
        previous = close[t]
        _follow_both(state, start + t, high[t], low[t])
        n = _events_of_bar(bars, start, t, widths, threshold * value, state, rows, n)
        t += 1

    # From the first pivots on each scale waits on one side: what it waits for is kept in registers from event to event.
    width_0, width_1, width_2 = widths
    side_0, side_1, side_2 = _side(state, _MICRO), _side(state, _INTERNAL), _side(state, _SWING)
    extreme_0, at_0 = state.pivots[_MICRO, side_0, EXTREME], state.marks[_MICRO, side_0, EXTREME_AT]
    extreme_1, at_1 = state.pivots[_INTERNAL, side_1, EXTREME], state.marks[_INTERNAL, side_1, EXTREME_AT]
    extreme_2, at_2 = state.pivots[_SWING, side_2, EXTREME], state.marks[_SWING, side_2, EXTREME_AT]
    upper, lower = _nearest_open(state, HIGH), _nearest_open(state, LOW)
    for k in range(t, total):
        i = start + k
        h, l, c = high[k], low[k], close[k]
        average, value = true_range_average(i, h, l, previous, atr_period, weight, average)
        previous = c
        x = h if side_0 == HIGH else -l
        at_0 = i if x >= extreme_0 else at_0
        extreme_0 = x if x >= extreme_0 else extreme_0
        x = h if side_1 == HIGH else -l
        at_1 = i if x >= extreme_1 else at_1
        extreme_1 = x if x >= extreme_1 else extreme_1
        x = h if side_2 == HIGH else -l
        at_2 = i if x >= extreme_2 else at_2
        extreme_2 = x if x >= extreme_2 else extreme_2
        if (at_0 == i - width_0) | (at_1 == i - width_1) | (at_2 == i - width_2) | (c > upper) | (-c > lower):
            _keep(state, _MICRO, side_0, extreme_0, at_0)
            _keep(state, _INTERNAL, side_1, extreme_1, at_1)
            _keep(state, _SWING, side_2, extreme_2, at_2)
            n = _events_of_bar(bars, start, k, widths, threshold * value, state, rows, n)
            side_0, side_1, side_2 = _side(state, _MICRO), _side(state, _INTERNAL), _side(state, _SWING)
            extreme_0, at_0 = state.pivots[_MICRO, side_0, EXTREME], state.marks[_MICRO, side_0, EXTREME_AT]
            extreme_1, at_1 = state.pivots[_INTERNAL, side_1, EXTREME], state.marks[_INTERNAL, side_1, EXTREME_AT]
            extreme_2, at_2 = state.pivots[_SWING, side_2, EXTREME], state.marks[_SWING, side_2, EXTREME_AT]
            upper, lower = _nearest_open(state, HIGH), _nearest_open(state, LOW)
    _keep(state, _MICRO, side_0, extreme_0, at_0)
    _keep(state, _INTERNAL, side_1, extreme_1, at_1)
    _keep(state, _SWING, side_2, extreme_2, at_2)
    state.true_range[0], state.true_range[1] = previous, average
    _remember(bars, start, state)
    return n

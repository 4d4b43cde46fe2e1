"""The pass over bars that finds pivots, equal levels and breaks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.average_true_range import ATR_SIZE, true_range_average
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.kernel import kernel
from engines.structure.rows import CodeArray, Label, Scale, StructureKind, StructureRows

EVENTS_PER_BAR = 8
"""Most events one bar can make: a pivot and an equal level (micro), a pivot and two breaks (internal and swing)."""

_MICRO, _SCALES = int(Scale.MICRO), len(Scale)
_HIGH, _LOW = 0, 1
_SWING_HIGH, _SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
_BOS, _CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)
_EQH, _EQL = int(StructureKind.EQH), int(StructureKind.EQL)
_NONE, _HH, _LH, _HL, _LL = (int(label) for label in Label)


class StructureState(NamedTuple):
    """What is carried from bar to bar.

    Attributes
    ----------
    ring_ts, ring_high, ring_low : ndarray
        The last bars: bar ``i`` stands at ``i % len``, a power of two above the widest scale.
    leg : ndarray of int8, shape (3,)
        +1 up, -1 down, 0 before the first pivot, by scale.
    price, origin : ndarray, shape (3, 2)
        Last pivot by scale and side (high, low).
    known, open_ : ndarray of int8, shape (3, 2)
        Whether there is such a pivot, and whether it has not been crossed.
    bias : ndarray of int8, shape (3,)
    atr : ndarray of float64, shape (ATR_SIZE,)
    """

    ring_ts: TimeArray
    ring_high: FloatArray
    ring_low: FloatArray
    leg: CodeArray
    price: FloatArray
    origin: TimeArray
    known: CodeArray
    open_: CodeArray
    bias: CodeArray
    atr: FloatArray


def new_state(widest: int) -> StructureState:
    """State before the first bar, for scales up to ``widest`` bars."""
    size = 1 << widest.bit_length()
    return StructureState(
        np.zeros(size, np.int64),
        np.zeros(size),
        np.zeros(size),
        np.zeros(_SCALES, np.int8),
        np.zeros((_SCALES, 2)),
        np.zeros((_SCALES, 2), np.int64),
        np.zeros((_SCALES, 2), np.int8),
        np.zeros((_SCALES, 2), np.int8),
        np.zeros(_SCALES, np.int8),
        np.zeros(ATR_SIZE),
    )


@kernel
def _is_upper(ring: FloatArray, i: int, width: int) -> bool:
    """Whether the high ``width`` bars ago is above all highs since."""
    mask = ring.shape[0] - 1
    pivot = ring[(i - width) & mask]
    for k in range(i - width + 1, i + 1):  # noqa: SIM110 - a plain loop is what the compiler wants
        if ring[k & mask] >= pivot:
            return False
    return True


@kernel
def _is_lower(ring: FloatArray, i: int, width: int) -> bool:
    """Whether the low ``width`` bars ago is below all lows since."""
    mask = ring.shape[0] - 1
    pivot = ring[(i - width) & mask]
    for k in range(i - width + 1, i + 1):  # noqa: SIM110 - a plain loop is what the compiler wants
        if ring[k & mask] <= pivot:
            return False
    return True


@kernel
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


@kernel
def _pivot(
    state: StructureState,
    scale: int,
    side: int,
    i: int,
    width: int,
    ts: int,
    tolerance: float,
    rows: StructureRows,
    n: int,
) -> int:
    """Confirm the pivot ``width`` bars ago, and the level it is equal to if it is one."""
    at = (i - width) & (state.ring_ts.shape[0] - 1)
    origin = state.ring_ts[at]
    before = state.price[scale, side]
    had = state.known[scale, side] == 1
    if side == _HIGH:
        price = state.ring_high[at]
        label = _NONE if not had else (_HH if price > before else _LH)
        n = _write(rows, n, ts, scale, _SWING_HIGH, -1, price, origin, label, state.bias[scale])
        equal, equal_side, level = _EQH, -1, max(price, before)
    else:
        price = state.ring_low[at]
        label = _NONE if not had else (_LL if price < before else _HL)
        n = _write(rows, n, ts, scale, _SWING_LOW, 1, price, origin, label, state.bias[scale])
        equal, equal_side, level = _EQL, 1, min(price, before)
    # The tolerance is NaN before the average range exists, and nothing is below NaN.
    if scale == _MICRO and had and abs(price - before) < tolerance:
        n = _write(rows, n, ts, scale, equal, equal_side, level, origin, _NONE, state.bias[scale])
    state.leg[scale] = -1 if side == _HIGH else 1
    state.price[scale, side] = price
    state.origin[scale, side] = origin
    state.known[scale, side] = 1
    state.open_[scale, side] = 1
    return n


@kernel
def _break(state: StructureState, scale: int, side: int, ts: int, rows: StructureRows, n: int) -> int:
    """Cross the open pivot of a side."""
    direction = 1 if side == _HIGH else -1
    kind = _CHOCH if state.bias[scale] == -direction else _BOS
    state.open_[scale, side] = 0
    state.bias[scale] = direction
    return _write(
        rows,
        n,
        ts,
        scale,
        kind,
        direction,
        state.price[scale, side],
        state.origin[scale, side],
        _NONE,
        direction,
    )


@kernel
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
    mask = state.ring_ts.shape[0] - 1
    n = 0
    for t in range(bars.ts.shape[0]):
        i = start + t
        ts, close = bars.ts[t], bars.close[t]
        at = i & mask
        state.ring_ts[at] = ts
        state.ring_high[at] = bars.high[t]
        state.ring_low[at] = bars.low[t]
        tolerance = threshold * true_range_average(i, bars.high[t], bars.low[t], close, atr_period, state.atr)
        for scale in range(_SCALES):
            width = widths[scale]
            if i >= width:
                leg = state.leg[scale]
                if leg != -1 and _is_upper(state.ring_high, i, width):
                    n = _pivot(state, scale, _HIGH, i, width, ts, tolerance, rows, n)
                elif leg != 1 and _is_lower(state.ring_low, i, width):
                    n = _pivot(state, scale, _LOW, i, width, ts, tolerance, rows, n)
            if scale != _MICRO:
                if state.open_[scale, _HIGH] == 1 and close > state.price[scale, _HIGH]:
                    n = _break(state, scale, _HIGH, ts, rows, n)
                if state.open_[scale, _LOW] == 1 and close < state.price[scale, _LOW]:
                    n = _break(state, scale, _LOW, ts, rows, n)
    return n

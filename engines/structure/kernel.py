"""The pass over bars that finds pivots, equal levels and breaks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.average_true_range import true_range_average
from engines.bars import FloatArray, TimeArray
from engines.kernel import kernel, lean_kernel
from engines.structure.pivots import flag_pivots
from engines.structure.rows import FlagArray, Label, Scale, StructureKind, StructureRows

EVENTS_PER_BAR = 8
"""Most events one bar can make: a pivot and an equal level (micro), a pivot and two breaks (internal and swing)."""

# Kernels take plain integers, not enums.
_MICRO, _SCALES = int(Scale.MICRO), len(Scale)
_SWING_HIGH, _SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
_BOS, _CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)
_EQH, _EQL = int(StructureKind.EQH), int(StructureKind.EQL)
_NONE, _HH, _LH, _HL, _LL = (int(label) for label in Label)
_HIGH, _LOW = 0, 1
_BLOCK = 512


class StructureState(NamedTuple):
    """What is carried from bar to bar.

    Attributes
    ----------
    last_ts : ndarray of int64, shape (widest,)
    last_high, last_negative_low : ndarray of float64, shape (widest,)
        The last bars, oldest first; -inf where there were none yet.
    leg : ndarray of int64, shape (3,)
        +1 up, -1 down, 0 before the first pivot, by scale.
    bias : ndarray of int64, shape (3,)
    price : ndarray of float64, shape (3, 2)
        Last pivot by scale and side (high, low); NaN before the first.
    origin : ndarray of int64, shape (3, 2)
        Open time of its bar.
    open_price : ndarray of float64, shape (3, 2)
        The same price while it has not been crossed, else +inf for highs and -inf for lows. The micro scale has no breaks.
    true_range : ndarray of float64, shape (2,)
        Previous close, and what `true_range_average` carries.
    """

    last_ts: TimeArray
    last_high: FloatArray
    last_negative_low: FloatArray
    leg: TimeArray
    bias: TimeArray
    price: FloatArray
    origin: TimeArray
    open_price: FloatArray
    true_range: FloatArray


def new_state(widest: int) -> StructureState:
    """State before the first bar, for scales up to ``widest`` bars."""
    return StructureState(
        np.zeros(widest, np.int64),
        np.full(widest, -np.inf),
        np.full(widest, -np.inf),
        np.zeros(_SCALES, np.int64),
        np.zeros(_SCALES, np.int64),
        np.full((_SCALES, 2), np.nan),
        np.zeros((_SCALES, 2), np.int64),
        np.tile(np.array([np.inf, -np.inf]), (_SCALES, 1)),
        np.zeros(2),
    )


@lean_kernel
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


@lean_kernel
def _confirm(
    state: StructureState,
    scale: int,
    side: int,
    price: float,
    origin: int,
    ts: int,
    tolerance: float,
    rows: StructureRows,
    n: int,
) -> int:
    """Confirm a pivot, and the level it is equal to if it is one."""
    before = state.price[scale, side]
    bias = state.bias[scale]
    # Comparisons with NaN are false: the first pivot of a side has no label and equals none.
    label = _NONE
    if side == _HIGH:
        if price > before:
            label = _HH
        elif price <= before:
            label = _LH
        direction, kind, equal, level = -1, _SWING_HIGH, _EQH, max(price, before)
    else:
        if price < before:
            label = _LL
        elif price >= before:
            label = _HL
        direction, kind, equal, level = 1, _SWING_LOW, _EQL, min(price, before)
    n = _write(rows, n, ts, scale, kind, direction, price, origin, label, bias)
    # The tolerance is NaN before the average range exists.
    if scale == _MICRO and abs(price - before) < tolerance:
        n = _write(rows, n, ts, scale, equal, direction, level, origin, _NONE, bias)
    state.leg[scale] = direction
    state.price[scale, side] = price
    state.origin[scale, side] = origin
    if scale != _MICRO:
        state.open_price[scale, side] = price
    return n


@lean_kernel
def _cross(state: StructureState, scale: int, side: int, ts: int, rows: StructureRows, n: int) -> int:
    """Cross the open pivot of a side."""
    direction = 1 if side == _HIGH else -1
    kind = _CHOCH if state.bias[scale] == -direction else _BOS
    state.bias[scale] = direction
    state.open_price[scale, side] = np.inf if side == _HIGH else -np.inf
    level, origin = state.price[scale, side], state.origin[scale, side]
    return _write(rows, n, ts, scale, kind, direction, level, origin, _NONE, direction)


@lean_kernel
def _awaited(state: StructureState) -> int:
    """Flags that matter: a leg that is down waits for a low, one that is up for a high. Bit ``2 * scale + side``."""
    flags = 0
    for scale in range(_SCALES):
        if state.leg[scale] != -1:
            flags |= 1 << (2 * scale + _HIGH)
        if state.leg[scale] != 1:
            flags |= 1 << (2 * scale + _LOW)
    return flags


@lean_kernel
def _events_of_bar(
    state: StructureState,
    widths: tuple[int, int, int],
    flags: int,
    highs: FloatArray,
    negative_lows: FloatArray,
    times: TimeArray,
    at: int,
    close: float,
    tolerance: float,
    rows: StructureRows,
    n: int,
) -> int:
    """Write the events of the bar at position ``at``; ``flags`` are the awaited pivots it may confirm."""
    ts = times[at]
    for scale in range(_SCALES):
        p = at - widths[scale]
        if flags & (1 << (2 * scale + _HIGH)):
            n = _confirm(state, scale, _HIGH, highs[p], times[p], ts, tolerance, rows, n)
        elif flags & (1 << (2 * scale + _LOW)):
            n = _confirm(state, scale, _LOW, -negative_lows[p], times[p], ts, tolerance, rows, n)
        if close > state.open_price[scale, _HIGH]:
            n = _cross(state, scale, _HIGH, ts, rows, n)
        if close < state.open_price[scale, _LOW]:
            n = _cross(state, scale, _LOW, ts, rows, n)
    return n


@lean_kernel
def _find_pivots(
    highs: FloatArray,
    negative_lows: FloatArray,
    widths: tuple[int, int, int],
    flags: FlagArray,
    spare: FloatArray,
    other: FloatArray,
) -> None:
    """Flag the pivots of all scales; the bars of the block are the last ones of ``highs``."""
    whole = highs.shape[0]
    count = flags.shape[0]
    for j in range(count):
        flags[j] = 0
    for scale in range(_SCALES):
        first = whole - count - widths[scale]
        flag_pivots(highs[first:], widths[scale], 1 << (2 * scale + _HIGH), flags, spare, other)
        flag_pivots(negative_lows[first:], widths[scale], 1 << (2 * scale + _LOW), flags, spare, other)


@kernel
def advance_structure(
    ts: TimeArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
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
    ts, high, low, close : ndarray, shape (n,)
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
    total = ts.shape[0]
    widest = state.last_ts.shape[0]
    room = widest + min(total, _BLOCK)
    times = np.empty(room, np.int64)
    highs, negative_lows, spare, other = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    flags = np.empty(room - widest, np.uint8)
    # Elements are copied one by one: a slice assignment brings its error message along, which takes seconds to compile.
    for k in range(widest):
        times[k], highs[k], negative_lows[k] = state.last_ts[k], state.last_high[k], state.last_negative_low[k]
    previous, average = state.true_range[0], state.true_range[1]
    weight = 1.0 / atr_period
    awaited = _awaited(state)
    n = 0
    for first in range(0, total, _BLOCK):
        count = min(_BLOCK, total - first)
        end = widest + count
        for j in range(count):
            times[widest + j] = ts[first + j]
            highs[widest + j] = high[first + j]
            negative_lows[widest + j] = -low[first + j]
        _find_pivots(highs[:end], negative_lows[:end], widths, flags[:count], spare, other)
        upper = min(state.open_price[1, _HIGH], state.open_price[2, _HIGH])
        lower = max(state.open_price[1, _LOW], state.open_price[2, _LOW])
        for j in range(count):
            t = first + j
            c = close[t]
            average, value = true_range_average(start + t, high[t], low[t], previous, atr_period, weight, average)
            previous = c
            found = flags[j] & awaited
            if (found != 0) | (c > upper) | (c < lower):
                n = _events_of_bar(
                    state, widths, found, highs, negative_lows, times, widest + j, c, threshold * value, rows, n
                )
                awaited = _awaited(state)
                upper = min(state.open_price[1, _HIGH], state.open_price[2, _HIGH])
                lower = max(state.open_price[1, _LOW], state.open_price[2, _LOW])
        # In order: with few bars in the block the two parts overlap.
        for k in range(widest):
            times[k] = times[k + count]
            highs[k] = highs[k + count]
            negative_lows[k] = negative_lows[k + count]
    for k in range(widest):
        state.last_ts[k], state.last_high[k], state.last_negative_low[k] = times[k], highs[k], negative_lows[k]
    state.true_range[0], state.true_range[1] = previous, average
    return n

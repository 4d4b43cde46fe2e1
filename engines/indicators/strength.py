"""RSI, average true range, on-balance volume and the day's volume-weighted average price."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.indicators.averages import exponential
from engines.indicators.periods import ATR, OBV, RSI, VWAP, Periods
from engines.kernel import lean_kernel

STRENGTH_SIZE = 8
"""Carried numbers: previous close, mean gain, mean loss, two true-range averages, OBV, three times the day's value and volume."""

_DAY_MS = 86_400_000


@lean_kernel
def advance_strength(
    ts: TimeArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    start: int,
    periods: Periods,
    carried: FloatArray,
    day_end: TimeArray,
    out: FloatArray,
) -> None:
    """Fill the RSI, ATR, OBV and VWAP rows of ``out``.

    RSI and ATR are Wilder's averages, an exponential average of weight ``1 / period``; like TA-Lib's they skip bar 0, which
    has no bar before it. RSI is 0 while there has been no move at all.

    Parameters
    ----------
    ts, high, low, close, volume : ndarray, shape (n,)
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (STRENGTH_SIZE,)
        Changed in place.
    day_end : ndarray of int64, shape (1,)
        First instant (ms) after the UTC day of the last bar; changed in place.
    out : ndarray of float64, shape (COLUMN_COUNT, n)
    """
    rsi_n = periods.rsi
    atr_0, atr_1 = periods.atr
    rsi_w, atr_w_0, atr_w_1 = 1.0 / rsi_n, 1.0 / atr_0, 1.0 / atr_1
    previous, gain, loss, range_0, range_1 = carried[0], carried[1], carried[2], carried[3], carried[4]
    balance, day_value, day_volume = carried[5], carried[6], carried[7]
    midnight = day_end[0]
    for t in range(ts.shape[0]):
        i = start + t
        h, l, c, v = high[t], low[t], close[t], volume[t]
        if i == 0:
            balance = v
            previous = c
        change = c - previous
        gain, gain_value = exponential(i - 1, max(change, 0.0), rsi_n, rsi_w, gain)
        loss, loss_value = exponential(i - 1, max(-change, 0.0), rsi_n, rsi_w, loss)
        moved = gain_value + loss_value
        out[RSI, t] = 100.0 * gain_value / moved if moved != 0.0 else 0.0
        true_range = max(h, previous) - min(l, previous)
        range_0, out[ATR, t] = exponential(i - 1, true_range, atr_0, atr_w_0, range_0)
        range_1, out[ATR + 1, t] = exponential(i - 1, true_range, atr_1, atr_w_1, range_1)
        balance += v * ((change > 0.0) - (change < 0.0))
        out[OBV, t] = balance
        if ts[t] >= midnight:
            midnight = (ts[t] // _DAY_MS + 1) * _DAY_MS
            day_value = 0.0
            day_volume = 0.0
        day_value += (h + l + c) * v
        day_volume += 3.0 * v
        out[VWAP, t] = day_value / day_volume if day_volume > 0.0 else np.nan
        previous = c
    carried[0], carried[1], carried[2], carried[3], carried[4] = previous, gain, loss, range_0, range_1
    carried[5], carried[6], carried[7] = balance, day_value, day_volume
    day_end[0] = midnight

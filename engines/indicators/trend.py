"""Exponential averages and MACD of the close."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.averages import exponential
from engines.indicators.periods import EMA, MACD, Periods
from engines.kernel import lean_kernel

TREND_SIZE = 7
"""Carried numbers: four averages, MACD's fast and slow average and its signal."""


@lean_kernel
def advance_trend(close: FloatArray, start: int, periods: Periods, carried: FloatArray, out: FloatArray) -> None:
    """Fill the EMA and MACD rows of ``out``.

    MACD's fast average starts late, so that both averages exist from the same bar on, as in TA-Lib; the three columns
    begin together, at bar ``slow + signal - 2``.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (TREND_SIZE,)
        Changed in place.
    out : ndarray of float64, shape (COLUMN_COUNT, n)
    """
    n_0, n_1, n_2, n_3 = periods.ema
    fast_n, slow_n, signal_n = periods.macd
    w_0, w_1, w_2, w_3 = 2.0 / (n_0 + 1), 2.0 / (n_1 + 1), 2.0 / (n_2 + 1), 2.0 / (n_3 + 1)
    fast_w, slow_w, signal_w = 2.0 / (fast_n + 1), 2.0 / (slow_n + 1), 2.0 / (signal_n + 1)
    # Local numbers instead of array elements: the compiler cannot know that `out` and `carried` do not overlap.
    e_0, e_1, e_2, e_3 = carried[0], carried[1], carried[2], carried[3]
    fast, slow, signal = carried[4], carried[5], carried[6]
    for t in range(close.shape[0]):
        i = start + t
        c = close[t]
        e_0, out[EMA, t] = exponential(i, c, n_0, w_0, e_0)
        e_1, out[EMA + 1, t] = exponential(i, c, n_1, w_1, e_1)
        e_2, out[EMA + 2, t] = exponential(i, c, n_2, w_2, e_2)
        e_3, out[EMA + 3, t] = exponential(i, c, n_3, w_3, e_3)
        fast, fast_value = exponential(i - slow_n + fast_n, c, fast_n, fast_w, fast)
        slow, slow_value = exponential(i, c, slow_n, slow_w, slow)
        difference = fast_value - slow_value
        signal, signal_value = exponential(i - slow_n + 1, difference, signal_n, signal_w, signal)
        histogram = difference - signal_value
        out[MACD, t] = difference if i >= slow_n + signal_n - 2 else np.nan
        out[MACD + 1, t] = signal_value
        out[MACD + 2, t] = histogram
    carried[0], carried[1], carried[2], carried[3] = e_0, e_1, e_2, e_3
    carried[4], carried[5], carried[6] = fast, slow, signal

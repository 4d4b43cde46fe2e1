"""The average true range by itself, bit for bit the indicators' column, for engines that measure distance in it."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.averages import exponential
from engines.kernel import kernel

ATR_SIZE = 2
"""Carried numbers: previous close and the average."""


@kernel
def true_range_average(i: int, high: float, low: float, close: float, period: int, carried: FloatArray) -> float:
    """Wilder's average of the true range after one bar; NaN before bar ``period``.

    Parameters
    ----------
    i : int
        Absolute index of the bar. Bar 0 has no true range, as in TA-Lib.
    high, low, close : float
    period : int
    carried : ndarray of float64, shape (ATR_SIZE,)
        Changed in place; zeros before the first bar.
    """
    if i == 0:
        carried[0] = close
        return np.nan
    true_range = max(high, carried[0]) - min(low, carried[0])
    carried[1], value = exponential(i - 1, true_range, period, 1.0 / period, carried[1])
    carried[0] = close
    return value

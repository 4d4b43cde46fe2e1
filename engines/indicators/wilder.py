"""Wilder's averages: RSI, true range and its averages, directional movement."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.arithmetic import fused
from engines.indicators.averages import weight
from engines.indicators.periods import Periods
from engines.kernel import lean_kernel

WILDER_SIZE = 11
"""Carried numbers: gain, loss; two ATR, that of NATR, Keltner's, SuperTrend's; sums of plus DM, minus DM, true range; ADX."""

_TINY = 2.0**-700
_GROW = 2.0**400
_NOTHING = 2.0**-900


@lean_kernel
def movements(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    start: int,
    last: FloatArray,
    change: FloatArray,
    true_range: FloatArray,
    plus: FloatArray,
    minus: FloatArray,
) -> None:
    """Change of the close, true range and directional movements of each bar against the one before; 0 at bar 0.

    ``last`` holds the close, high and low of the bar before.
    """
    pc, ph, pl = last[0], last[1], last[2]
    h, l = high[0], low[0]
    change[0] = close[0] - pc
    true_range[0] = max(h, pc) - min(l, pc) if start else 0.0
    up, down = h - ph, pl - l
    plus[0] = up if (up > down) & (up > 0.0) else 0.0
    minus[0] = down if (down > up) & (down > 0.0) else 0.0
    for t in range(1, close.shape[0]):
        change[t] = close[t] - close[t - 1]
    for t in range(1, close.shape[0]):
        pc = close[t - 1]
        top = high[t] if high[t] > pc else pc
        bottom = low[t] if low[t] < pc else pc
        true_range[t] = top - bottom
    for t in range(1, close.shape[0]):
        up, down = high[t] - high[t - 1], low[t - 1] - low[t]
        plus[t] = up if (up > down) & (up > 0.0) else 0.0
        minus[t] = down if (down > up) & (down > 0.0) else 0.0


@lean_kernel
def lift(carried: FloatArray) -> None:
    """Keep what decays in a market that stands still from becoming too small for its ratio to be known.

    The ratios (RSI, DI) do not change when all their parts are multiplied by a power of two, and nothing that comes in later
    is small enough to notice. To be called on bars whose absolute index is a multiple of the block length.
    """
    if 0.0 < carried[0] + carried[1] < _TINY:
        carried[0] *= _GROW
        carried[1] *= _GROW
    if 0.0 < carried[9] < _TINY:
        carried[7] *= _GROW
        carried[8] *= _GROW
        carried[9] *= _GROW
    for k in range(carried.shape[0]):
        if carried[k] < _NOTHING:
            carried[k] = 0.0


@lean_kernel
def advance_wilder(
    change: FloatArray,
    true_range: FloatArray,
    start: int,
    periods: Periods,
    carried: FloatArray,
    plus: FloatArray,
    minus: FloatArray,
    rsi: FloatArray,
    atr_0: FloatArray,
    atr_1: FloatArray,
    natr: FloatArray,
    keltner: FloatArray,
    supertrend: FloatArray,
    both: FloatArray,
    ranges: FloatArray,
) -> None:
    """Fill RSI and the averages of the true range; ``plus`` and ``minus`` become the directional indicators.

    All of them skip bar 0, which has no bar before it, as TA-Lib's do. RSI is 0 while there has been no move at all.

    Parameters
    ----------
    change, true_range, plus, minus : ndarray of float64, shape (n,)
        What `movements` fills.
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (WILDER_SIZE,)
        Changed in place.
    rsi, atr_0, atr_1 : ndarray of float64, shape (n,)
        Filled.
    natr, keltner, supertrend : ndarray of float64, shape (n,)
        Filled with the averages those columns are made of.
    both, ranges : ndarray of float64, shape (n,)
        Scratch.
    """
    n_r, n_d = periods.rsi_period, periods.adx_period
    n_0, n_1 = periods.atr_periods
    n_n, n_k, n_s = periods.natr_period, periods.keltner_atr_period, periods.supertrend_period
    settled = max(max(n_r, n_d), max(n_0, n_1), max(n_n, n_k, n_s)) + 1
    gain, loss = carried[0], carried[1]
    a_0, a_1, a_n, a_k, a_s = carried[2], carried[3], carried[4], carried[5], carried[6]
    sum_plus, sum_minus, sum_range = carried[7], carried[8], carried[9]
    count = change.shape[0]
    begin = 0
    while begin < count:
        i = start + begin
        end = begin + 1 if i < settled else count
        w_r = weight(i - 1, n_r, 1.0 / n_r)
        w_0, w_1 = weight(i - 1, n_0, 1.0 / n_0), weight(i - 1, n_1, 1.0 / n_1)
        w_n, w_k, w_s = (
            weight(i - 1, n_n, 1.0 / n_n),
            weight(i - 1, n_k, 1.0 / n_k),
            weight(i - 1, n_s, 1.0 / n_s),
        )
        # The sums of the directional system are plain ones until they are over n - 1 bars.
        keep = 1.0 - 1.0 / n_d if i >= n_d else 1.0
        for t in range(begin, end):
            d, r = change[t], true_range[t]
            up = d if d > 0.0 else 0.0
            down = up - d
            gain = fused(up - gain, w_r, gain)
            loss = fused(down - loss, w_r, loss)
            a_0 = fused(r - a_0, w_0, a_0)
            a_1 = fused(r - a_1, w_1, a_1)
            a_n = fused(r - a_n, w_n, a_n)
            a_k = fused(r - a_k, w_k, a_k)
            a_s = fused(r - a_s, w_s, a_s)
            sum_plus = fused(sum_plus, keep, plus[t])
            sum_minus = fused(sum_minus, keep, minus[t])
            sum_range = fused(sum_range, keep, r)
            rsi[t] = gain
            both[t] = gain + loss
            atr_0[t] = a_0
            atr_1[t] = a_1
            natr[t] = a_n
            keltner[t] = a_k
            supertrend[t] = a_s
            plus[t] = sum_plus
            minus[t] = sum_minus
            ranges[t] = sum_range
        begin = end
    for t in range(count):
        whole = both[t]
        rsi[t] = 100.0 * (rsi[t] / (whole if whole > 0.0 else np.inf))
    for t in range(count):
        whole = ranges[t]
        share = 100.0 / (whole if whole > 0.0 else np.inf)
        plus[t] *= share
        minus[t] *= share
    carried[0], carried[1] = gain, loss
    carried[2], carried[3], carried[4], carried[5], carried[6] = a_0, a_1, a_n, a_k, a_s
    carried[7], carried[8], carried[9] = sum_plus, sum_minus, sum_range


@lean_kernel
def advance_adx(
    plus: FloatArray,
    minus: FloatArray,
    start: int,
    period: int,
    carried: FloatArray,
    adx: FloatArray,
    index: FloatArray,
) -> None:
    """Fill ADX: Wilder's average of the directional index; a bar that has none leaves it as it is, as in TA-Lib.

    Parameters
    ----------
    plus, minus : ndarray of float64, shape (n,)
        Directional indicators.
    start, period : int
    carried : ndarray of float64, shape (1,)
        Changed in place.
    adx : ndarray of float64, shape (n,)
        Filled.
    index : ndarray of float64, shape (n,)
        Scratch.
    """
    count = plus.shape[0]
    for t in range(count):
        whole = plus[t] + minus[t]
        index[t] = 100.0 * (abs(minus[t] - plus[t]) / (whole if whole > 0.0 else -np.inf))
    for t in range(count):
        adx[t] = 0.0 if plus[t] + minus[t] <= 0.0 else 1.0 / period
    mean = carried[0]
    begin = 0
    while begin < count and start + begin < 2 * period:
        mean = fused(index[begin] - mean, weight(start + begin - period, period, 0.0), mean)
        adx[begin] = mean
        begin += 1
    for t in range(begin, count):
        mean = fused(index[t] - mean, adx[t], mean)
        adx[t] = mean
    carried[0] = mean

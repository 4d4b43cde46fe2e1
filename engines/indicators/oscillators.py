"""Oscillators over windows: stochastics, Williams' %R, ultimate oscillator, KAMA's efficiency, momentum, Aroon."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.arithmetic import fused
from engines.indicators.windows import ONE, ZERO, U, end_sums
from engines.kernel import lean_kernel

_FLAT = 1e-14
"""TA-Lib's dead zone: a range below this share of the prices is rounding."""

_SLOWEST = 2.0 / 31.0
_FASTEST = 2.0 / 3.0


@lean_kernel
def place_in_range(value: FloatArray, highest: FloatArray, lowest: FloatArray, percent: FloatArray) -> None:
    """How high ``value`` stands between ``lowest`` and ``highest``, in percent; 0 where there is no range."""
    for t in range(value.shape[0]):
        top, bottom = highest[t], lowest[t]
        between = top - bottom
        percent[t] = 100.0 * ((value[t] - bottom) / (between if between > _FLAT * (top + bottom) else np.inf))


@lean_kernel
def below_range(value: FloatArray, highest: FloatArray, lowest: FloatArray, percent: FloatArray) -> None:
    """How far ``value`` stands below ``highest``, in percent of the range to ``lowest``, negative; 0 where there is none."""
    for t in range(value.shape[0]):
        top, bottom = highest[t], lowest[t]
        between = top - bottom
        percent[t] = -100.0 * ((top - value[t]) / (between if between > _FLAT * (top + bottom) else np.inf))


@lean_kernel
def smooth(values: FloatArray, start: int, carried: FloatArray, window: FloatArray, out: FloatArray) -> None:
    """Simple average of the last ``n`` values; ``carried`` (1,) and ``window`` (n + 1,) are 0 at first."""
    n = U(window.shape[0] - 1)
    j = U(start) % n
    share = 1.0 / n
    total = carried[0]
    for t in range(values.shape[0]):
        x = values[t]
        total += x
        out[t] = (total + window[j + ONE]) * share
        window[j] = x
        j += ONE
        if j == n:
            end_sums(window)
            j, total = ZERO, 0.0
    carried[0] = total


@lean_kernel
def advance_ultosc(
    close: FloatArray,
    low: FloatArray,
    previous: float,
    true_range: FloatArray,
    start: int,
    carried: FloatArray,
    short: FloatArray,
    short_range: FloatArray,
    middle: FloatArray,
    middle_range: FloatArray,
    long: FloatArray,
    long_range: FloatArray,
    ultosc: FloatArray,
    pressure: FloatArray,
    ratio_short: FloatArray,
    ratio_middle: FloatArray,
) -> None:
    """Fill the ultimate oscillator: buying pressure over true range of three lengths, weighted 4, 2, 1.

    Parameters
    ----------
    close, low, true_range : ndarray of float64, shape (count,)
        The true range of bar 0 is 0.
    previous : float
        Close of the bar before; of bar 0 its own low, so that its pressure is not counted.
    start : int
    carried : ndarray of float64, shape (6,)
        Sums of the present blocks, pressure and range of each length. Changed in place.
    short ... long_range : ndarray of float64, shape (n + 1,)
        Windows of pressure and of range, three lengths; 0 at first. Changed in place.
    ultosc : ndarray of float64, shape (count,)
        Filled.
    pressure, ratio_short, ratio_middle : ndarray of float64, shape (count,)
        Scratch.
    """
    count = close.shape[0]
    pressure[0] = close[0] - min(low[0], previous) if start else 0.0
    for t in range(1, count):
        l, p = low[t], close[t - 1]
        pressure[t] = close[t] - (l if l < p else p)
    n_0, n_1, n_2 = U(short.shape[0] - 1), U(middle.shape[0] - 1), U(long.shape[0] - 1)
    j_0, j_1, j_2 = U(start) % n_0, U(start) % n_1, U(start) % n_2
    p_0, r_0, p_1, r_1, p_2, r_2 = carried[0], carried[1], carried[2], carried[3], carried[4], carried[5]
    for t in range(count):
        p, r = pressure[t], true_range[t]
        p_0 += p
        p_1 += p
        p_2 += p
        r_0 += r
        r_1 += r
        r_2 += r
        up_0, all_0 = p_0 + short[j_0 + ONE], r_0 + short_range[j_0 + ONE]
        up_1, all_1 = p_1 + middle[j_1 + ONE], r_1 + middle_range[j_1 + ONE]
        up_2, all_2 = p_2 + long[j_2 + ONE], r_2 + long_range[j_2 + ONE]
        short[j_0] = p
        short_range[j_0] = r
        middle[j_1] = p
        middle_range[j_1] = r
        long[j_2] = p
        long_range[j_2] = r
        ratio_short[t] = up_0 / (all_0 if all_0 > 0.0 else np.inf)
        ratio_middle[t] = up_1 / (all_1 if all_1 > 0.0 else np.inf)
        ultosc[t] = up_2 / (all_2 if all_2 > 0.0 else np.inf)
        j_0 += ONE
        j_1 += ONE
        j_2 += ONE
        if j_0 == n_0:
            end_sums(short)
            end_sums(short_range)
            j_0, p_0, r_0 = ZERO, 0.0, 0.0
        if j_1 == n_1:
            end_sums(middle)
            end_sums(middle_range)
            j_1, p_1, r_1 = ZERO, 0.0, 0.0
        if j_2 == n_2:
            end_sums(long)
            end_sums(long_range)
            j_2, p_2, r_2 = ZERO, 0.0, 0.0
    for t in range(count):
        ultosc[t] = (4.0 * ratio_short[t] + 2.0 * ratio_middle[t] + ultosc[t]) * (100.0 / 7.0)
    carried[0], carried[1], carried[2], carried[3], carried[4], carried[5] = p_0, r_0, p_1, r_1, p_2, r_2


@lean_kernel
def lagged(values: FloatArray, start: int, ring: FloatArray, before: FloatArray) -> None:
    """Fill ``before`` with the values ``n`` bars ago; ``ring`` (n,) holds the last ``n``, that of bar ``i`` at ``i % n``."""
    count, length = values.shape[0], ring.shape[0]
    n = U(length)
    j = U(start) % n
    for t in range(min(length, count)):
        before[t] = ring[j]
        j += ONE
        if j == n:
            j = ZERO
    if count > length:
        older = values[: count - length]
        later = before[length:]
        for t in range(count - length):
            later[t] = older[t]
    first = max(count - length, 0)
    j = U(start + first) % n
    for t in range(first, count):
        ring[j] = values[t]
        j += ONE
        if j == n:
            j = ZERO


@lean_kernel
def advance_kama(
    close: FloatArray,
    change: FloatArray,
    start: int,
    carried: FloatArray,
    window: FloatArray,
    ring: FloatArray,
    kama: FloatArray,
    before: FloatArray,
) -> None:
    """Fill Kaufman's adaptive average.

    Its weight goes from that of 30 bars to that of 2 with the efficiency of the move, which counts as full where price
    stands still, as in TA-Lib. It begins as the close of the bar before its first value.

    Parameters
    ----------
    close, change : ndarray of float64, shape (count,)
    start : int
    carried : ndarray of float64, shape (2,)
        Sum of the present block, the average. Changed in place.
    window : ndarray of float64, shape (n + 1,)
        0 at first. Changed in place.
    ring : ndarray of float64, shape (n,)
        As for `lagged`.
    kama : ndarray of float64, shape (count,)
        Filled.
    before : ndarray of float64, shape (count,)
        Scratch.
    """
    count, period = close.shape[0], ring.shape[0]
    lagged(close, start, ring, before)
    n = U(period)
    j = U(start) % n
    total, mean = carried[0], carried[1]
    for t in range(count):
        move = abs(change[t])
        total += move
        kama[t] = total + window[j + ONE]
        window[j] = move
        j += ONE
        if j == n:
            end_sums(window)
            j, total = ZERO, 0.0
    for t in range(count):
        net, path = close[t] - before[t], kama[t]
        efficiency = abs(net) / path if path > net else 1.0
        heft = efficiency * (_FASTEST - _SLOWEST) + _SLOWEST
        kama[t] = heft * heft
    begin = min(max(period - start, 0), count)
    for t in range(begin):
        mean = close[t]
        kama[t] = mean
    for t in range(begin, count):
        mean = fused(close[t] - mean, kama[t], mean)
        kama[t] = mean
    carried[0], carried[1] = total, mean


@lean_kernel
def end_latest(highs: FloatArray, lows: FloatArray, high_at: FloatArray, low_at: FloatArray, begin: float) -> None:
    """Turn a full block of ``n`` bars into the extremes of its ends and the latest bars that have them; ``begin``: its first."""
    top, bottom = -np.inf, np.inf
    top_at, bottom_at = -1.0, -1.0
    k = U(high_at.shape[0] - 1)
    at = begin + float(high_at.shape[0] - 1)
    while k > ZERO:
        k -= ONE
        at -= 1.0
        h, l = highs[k], lows[k]
        if h > top:
            top, top_at = h, at
        if l < bottom:
            bottom, bottom_at = l, at
        highs[k] = top
        lows[k] = bottom
        high_at[k] = top_at
        low_at[k] = bottom_at


@lean_kernel
def advance_aroon(
    high: FloatArray,
    low: FloatArray,
    start: int,
    carried: FloatArray,
    highs: FloatArray,
    lows: FloatArray,
    high_at: FloatArray,
    low_at: FloatArray,
    up: FloatArray,
    down: FloatArray,
) -> None:
    """Fill Aroon: how recent the highest high and the lowest low of ``period + 1`` bars are; of equal ones the latest counts.

    Parameters
    ----------
    high, low : ndarray of float64, shape (count,)
    start : int
    carried : ndarray of float64, shape (4,)
        Highest, lowest of the present block and the indices of their bars; -inf, +inf, -1, -1 at first. Changed in place.
    highs, lows, high_at, low_at : ndarray of float64, shape (period + 2,)
        -inf, +inf, -1, -1 at first. Changed in place.
    up, down : ndarray of float64, shape (count,)
        Filled.
    """
    length = highs.shape[0] - 1
    period = length - 1.0
    factor = 100.0 / period
    n = U(length)
    j = U(start) % n
    top, bottom, top_at, bottom_at = carried[0], carried[1], carried[2], carried[3]
    at = float(start)
    for t in range(high.shape[0]):
        h, l = high[t], low[t]
        newer = h >= top
        top, top_at = (h if newer else top), (at if newer else top_at)
        newer = l <= bottom
        bottom, bottom_at = (l if newer else bottom), (at if newer else bottom_at)
        high_bar = top_at if top >= highs[j + ONE] else high_at[j + ONE]
        low_bar = bottom_at if bottom <= lows[j + ONE] else low_at[j + ONE]
        up[t] = factor * (period - (at - high_bar))
        down[t] = factor * (period - (at - low_bar))
        highs[j] = h
        lows[j] = l
        at += 1.0
        j += ONE
        if j == n:
            end_latest(highs, lows, high_at, low_at, at - length)
            j = ZERO
            top, bottom, top_at, bottom_at = -np.inf, np.inf, -1.0, -1.0
    carried[0], carried[1], carried[2], carried[3] = top, bottom, top_at, bottom_at

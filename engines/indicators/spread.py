"""How widely values are spread: Bollinger bands, realized volatility, CCI."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.windows import ONE, ZERO, U, end_moments, end_sums
from engines.kernel import lean_kernel

_FLAT = 1e-14
"""TA-Lib's dead zone: a difference below this share of what was subtracted is rounding."""

_NEAR = 0.05
"""Beyond this ``(c - p) / (c + p)`` the series of the logarithm would need more terms."""


@lean_kernel
def moments(
    values: FloatArray,
    start: int,
    carried: FloatArray,
    window: FloatArray,
    squares: FloatArray,
    mean: FloatArray,
    variation: FloatArray,
) -> None:
    """Mean of the last ``n`` values, and the sum of squared deviations from it.

    Deviations are taken from the last value of the block before: it lies in every window but the one that fills its block,
    so at most a factor ``n`` can cancel; for that one the block's own last value is taken.

    Parameters
    ----------
    values : ndarray of float64, shape (count,)
    start : int
        Absolute index of the first of these values.
    carried : ndarray of float64, shape (3,)
        Centre, and the present block's sums of deviations and of their squares; 0 at first. Changed in place.
    window, squares : ndarray of float64, shape (n + 1,)
        0 at first. Changed in place.
    mean, variation : ndarray of float64, shape (count,)
        Filled.
    """
    n = U(window.shape[0] - 1)
    j = U(start) % n
    share = 1.0 / n
    centre, first, second = carried[0], carried[1], carried[2]
    for t in range(values.shape[0]):
        x = values[t]
        d = x - centre
        first += d
        second += d * d
        one = first + window[j + ONE]
        two = second + squares[j + ONE]
        window[j] = x
        j += ONE
        if j == n:
            centre, first, second = x, 0.0, 0.0
            end_moments(window, squares, centre)
            j = ZERO
            one = window[ZERO]
            two = squares[ZERO]
        mean[t] = centre + one * share
        variation[t] = max(two - one * one * share, 0.0)
    carried[0], carried[1], carried[2] = centre, first, second


@lean_kernel
def bands(
    close: FloatArray,
    period: int,
    deviations: float,
    middle: FloatArray,
    variation: FloatArray,
    upper: FloatArray,
    lower: FloatArray,
    width: FloatArray,
    percent: FloatArray,
) -> None:
    """Bollinger bands around ``middle``; bands that coincide have no inside, so ``percent`` is NaN then."""
    share = 1.0 / period
    for t in range(close.shape[0]):
        m = middle[t]
        reach = deviations * np.sqrt(variation[t] * share)
        high, low = m + reach, m - reach
        between = high - low
        upper[t] = high
        lower[t] = low
        width[t] = between / m
        percent[t] = (close[t] - low) / (between if between > 0.0 else np.nan)


@lean_kernel
def log_returns(close: FloatArray, previous: float, returns: FloatArray) -> None:
    """Fill ``returns`` with log(c / p), ``p`` the close before.

    With ``s = (c - p) / (c + p)`` it is ``2 * atanh(s)``: exact where prices hardly differ, and without a call.
    """
    count = close.shape[0]
    returns[0] = (close[0] - previous) / (close[0] + previous)
    for t in range(1, count):
        returns[t] = (close[t] - close[t - 1]) / (close[t] + close[t - 1])
    far = False
    for t in range(count):
        s = returns[t]
        far |= abs(s) > _NEAR
        q = s * s
        returns[t] = (
            2.0
            * s
            * (1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q / 15)))))))
        )
    if far:
        before = previous
        for t in range(count):
            c = close[t]
            if abs(c - before) > _NEAR * (c + before):
                returns[t] = np.log(c / before)
            before = c


@lean_kernel
def advance_cci(
    typical: FloatArray,
    start: int,
    carried: FloatArray,
    window: FloatArray,
    recent: FloatArray,
    cci: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
) -> None:
    """Fill the commodity channel index: distance from the mean in units of 0.015 mean absolute deviations.

    Where price stands still it is 0, as in TA-Lib.

    Parameters
    ----------
    typical : ndarray of float64, shape (count,)
        (high + low + close) / 3.
    start : int
    carried : ndarray of float64, shape (1,)
        Sum of the present block. Changed in place.
    window : ndarray of float64, shape (n + 1,)
        0 at first. Changed in place.
    recent : ndarray of float64, shape (n,)
        The last ``n`` typical prices, that of bar ``i`` at ``i % n``. Changed in place.
    cci : ndarray of float64, shape (count,)
        Filled.
    mean, deviation : ndarray of float64, shape (count,)
        Scratch.
    """
    count, period = typical.shape[0], recent.shape[0]
    n = U(period)
    j = U(start) % n
    share = 1.0 / period
    total = carried[0]
    for t in range(count):
        x = typical[t]
        total += x
        mean[t] = (total + window[j + ONE]) * share
        window[j] = x
        j += ONE
        if j == n:
            end_sums(window)
            j, total = ZERO, 0.0
        deviation[t] = 0.0
    carried[0] = total
    # Oldest first: the order is the same whether a value is still in the block or already kept.
    for k in range(period - 1, 0, -1):
        j = (U(start) + n - U(k)) % n
        for t in range(min(k, count)):
            deviation[t] += abs(recent[j] - mean[t])
            j += ONE
            if j == n:
                j = ZERO
    # Four ages at a time, so that the sums are not read and written for each.
    k = period - 1
    while k >= 0:
        last = max(k - 3, 0)
        whole = k if k - 3 == last else count
        for t in range(last, min(whole, count)):
            for age in range(min(t, k), last - 1, -1):
                deviation[t] += abs(typical[t - age] - mean[t])
        if whole < count:
            middle, spread_so_far = mean[whole:], deviation[whole:]
            one, two, three, four = typical[: count - k], typical[1:], typical[2:], typical[3:]
            for t in range(count - k):
                m = middle[t]
                spread_so_far[t] = (((spread_so_far[t] + abs(one[t] - m)) + abs(two[t] - m)) + abs(three[t] - m)) + abs(
                    four[t] - m
                )
        k -= 4
    j = U(start + max(count - period, 0)) % n
    for t in range(max(count - period, 0), count):
        recent[j] = typical[t]
        j += ONE
        if j == n:
            j = ZERO
    for t in range(count):
        m = mean[t]
        distance = typical[t] - m
        spread = deviation[t] * share
        moves = (abs(distance) > _FLAT * m) & (spread > _FLAT * m)
        cci[t] = distance / (0.015 * spread if moves else np.inf)

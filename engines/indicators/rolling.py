"""Simple averages and Bollinger bands of the close."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.averages import window_sum
from engines.indicators.bands import slide, window_deviations
from engines.indicators.periods import BANDS, SMA, Periods
from engines.kernel import lean_kernel

ROLLING_SIZE = 12
"""Carried numbers: the sums of three averages and of the bands' middle, their peaks; centre, two sums and peak of the bands."""

ANCHOR_GRID = 128
"""All rolling sums are computed afresh on bars whose absolute index is a multiple of this, so rounding cannot pile up."""

CANCELLATION = 1024.0
"""They are also computed afresh at once when one has fallen by more than this factor from its peak since then.

What is left after a spike has gone through the window is mostly rounding error of the spike; the fixed grid alone would let
it stand for up to `ANCHOR_GRID` bars. A trend that has run away from the bands' centre is caught by the same rule.
"""


@lean_kernel
def advance_rolling(
    close: FloatArray, start: int, periods: Periods, carried: FloatArray, ring: FloatArray, out: FloatArray
) -> None:
    """Fill the SMA and Bollinger rows of ``out``.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (ROLLING_SIZE,)
        Changed in place.
    ring : ndarray of float64
        The newest closes, changed in place; its length is a power of two above every period.
    out : ndarray of float64, shape (COLUMN_COUNT, n)
    """
    n_0, n_1, n_2 = periods.sma
    n = periods.bb
    deviations = periods.bb_deviations
    share_0, share_1, share_2, share = 1.0 / n_0, 1.0 / n_1, 1.0 / n_2, 1.0 / n
    mask = ring.shape[0] - 1
    sum_0, sum_1, sum_2, total = carried[0], carried[1], carried[2], carried[3]
    peak_0, peak_1, peak_2, peak = carried[4], carried[5], carried[6], carried[7]
    centre, first, second, second_peak = carried[8], carried[9], carried[10], carried[11]
    for t in range(close.shape[0]):
        i = start + t
        c = close[t]
        ring[i & mask] = c
        # Before a window is full, what leaves it is the zero the ring began with.
        sum_0 += c - ring[(i - n_0) & mask]
        sum_1 += c - ring[(i - n_1) & mask]
        sum_2 += c - ring[(i - n_2) & mask]
        left = ring[(i - n) & mask]
        total += c - left
        first, second = slide(c - centre, left - centre if i >= n else 0.0, first, second)
        peak_0, peak_1, peak_2, peak = max(peak_0, sum_0), max(peak_1, sum_1), max(peak_2, sum_2), max(peak, total)
        second_peak = max(second_peak, second)
        squares = second - first * first * share
        if (
            i & (ANCHOR_GRID - 1) == 0
            or sum_0 * CANCELLATION < peak_0
            or sum_1 * CANCELLATION < peak_1
            or sum_2 * CANCELLATION < peak_2
            or total * CANCELLATION < peak
            or squares * CANCELLATION < second_peak
        ):
            sum_0, sum_1, sum_2 = window_sum(i, ring, n_0), window_sum(i, ring, n_1), window_sum(i, ring, n_2)
            total = window_sum(i, ring, n)
            peak_0, peak_1, peak_2, peak = sum_0, sum_1, sum_2, total
            centre = c
            first, second = window_deviations(i, ring, n, centre)
            second_peak = second
            squares = second - first * first * share
        out[SMA, t] = sum_0 * share_0 if i >= n_0 - 1 else np.nan
        out[SMA + 1, t] = sum_1 * share_1 if i >= n_1 - 1 else np.nan
        out[SMA + 2, t] = sum_2 * share_2 if i >= n_2 - 1 else np.nan
        middle = total * share if i >= n - 1 else np.nan
        reach = deviations * np.sqrt(max(squares, 0.0) * share)
        upper = middle + reach
        lower = middle - reach
        out[BANDS, t] = upper
        out[BANDS + 1, t] = middle
        out[BANDS + 2, t] = lower
        out[BANDS + 3, t] = (upper - lower) / middle
        out[BANDS + 4, t] = (c - lower) / (upper - lower)
    carried[0], carried[1], carried[2], carried[3] = sum_0, sum_1, sum_2, total
    carried[4], carried[5], carried[6], carried[7] = peak_0, peak_1, peak_2, peak
    carried[8], carried[9], carried[10], carried[11] = centre, first, second, second_peak

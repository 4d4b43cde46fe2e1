"""The dealing range: from the last confirmed swing high and low, widened by every bar since.

Definition: ENGINES section 3, pivots and range. At bar ``i`` the bar ``p = i - scale`` is a swing high if its high is above
all highs after it and the leg is not down already; swing lows mirror it.
"""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.indicators.windows import ONE, ZERO, U
from engines.kernel import lean_kernel

_LEG_UP, _LEG_DOWN = 1.0, -1.0


@lean_kernel
def suffix_extremes(highs: FloatArray, lows: FloatArray, highest_after: FloatArray, lowest_after: FloatArray) -> None:
    """For every position of a full block: highest high and lowest low from there to the block's end.

    The last element of ``highest_after`` and ``lowest_after`` (one longer than the block) stands for "nothing": it stays
    minus or plus infinity.
    """
    high, low = -np.inf, np.inf
    k = U(highs.shape[0])
    while k > ZERO:
        k -= ONE
        h, l = highs[k], lows[k]
        high = h if h > high else high
        low = l if l < low else low
        highest_after[k] = high
        lowest_after[k] = low


@lean_kernel
def advance_range(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    start: int,
    carried: FloatArray,
    highs: FloatArray,
    lows: FloatArray,
    highest_after: FloatArray,
    lowest_after: FloatArray,
    range_top: FloatArray,
    range_bottom: FloatArray,
    range_position: FloatArray,
) -> None:
    """Fill the three columns of the range.

    The highest high of the last ``scale`` bars is that of the present block of ``scale`` bars so far, or of the end of the
    block before it (see `engines.indicators.windows`); the values themselves are kept too, for the pivots.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    carried : ndarray of float64, shape (5,)
        Top and bottom, NaN at first; highest high and lowest low of the present block, -inf and +inf at first; the leg, 0
        until the first pivot, then 1 or -1. Changed in place.
    highs, lows : ndarray of float64, shape (scale,)
        The last ``scale`` bars, bar ``i`` at ``i % scale``; -inf and +inf at first. Changed in place.
    highest_after, lowest_after : ndarray of float64, shape (scale + 1,)
        What `suffix_extremes` found in the block before; -inf and +inf at first. Changed in place.
    range_top, range_bottom, range_position : ndarray of float64, shape (n,)
        Filled; NaN where a side does not exist yet.
    """
    scale = U(highs.shape[0])
    j = U(start) % scale
    top, bottom, highest, lowest, leg = carried[0], carried[1], carried[2], carried[3], carried[4]
    for t in range(high.shape[0]):
        h, l = high[t], low[t]
        pivot_high, pivot_low = highs[j], lows[j]
        highs[j] = h
        lows[j] = l
        highest = h if h > highest else highest
        lowest = l if l < lowest else lowest
        after_high, after_low = highest_after[j + ONE], lowest_after[j + ONE]
        if (pivot_high > highest) & (pivot_high > after_high) & (leg != _LEG_DOWN):
            leg = _LEG_DOWN
            top = pivot_high
        elif (pivot_low < lowest) & (pivot_low < after_low) & (leg != _LEG_UP):
            leg = _LEG_UP
            bottom = pivot_low
        # Comparisons with NaN are false: a side that does not exist yet stays NaN.
        top = h if h > top else top
        bottom = l if l < bottom else bottom
        range_top[t] = top
        range_bottom[t] = bottom
        j += ONE
        if j == scale:
            suffix_extremes(highs, lows, highest_after, lowest_after)
            j = ZERO
            highest, lowest = -np.inf, np.inf
    for t in range(close.shape[0]):
        bottom_now = range_bottom[t]
        between = range_top[t] - bottom_now
        range_position[t] = (close[t] - bottom_now) / (between if between > 0.0 else np.nan)
    carried[0], carried[1], carried[2], carried[3], carried[4] = top, bottom, highest, lowest, leg

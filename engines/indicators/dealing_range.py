"""The dealing range: from the last confirmed swing high and low, widened by every bar since.

Definition: ENGINES section 3, pivots and range. At bar ``i`` the bar ``p = i - scale`` is a swing high if its high is above
all highs after it and the leg is not down already; swing lows mirror it.
"""

from __future__ import annotations

from engines.bars import FloatArray, TimeArray
from engines.indicators.periods import RANGE
from engines.kernel import lean_kernel

RANGE_SIZE = 4
"""Carried numbers: top and bottom, highest high and lowest low of the present block."""

LEG_UP, LEG_DOWN = 1, -1


@lean_kernel
def suffix_extremes(highs: FloatArray, lows: FloatArray, highest_after: FloatArray, lowest_after: FloatArray) -> None:
    """For every position of a full block: highest high and lowest low from there to the block's end.

    The last element of ``highest_after`` and ``lowest_after`` (one longer than the block) stands for "nothing": it stays
    minus or plus infinity.
    """
    high = highest_after[highs.shape[0]]
    low = lowest_after[lows.shape[0]]
    for j in range(highs.shape[0] - 1, -1, -1):
        high = max(high, highs[j])
        low = min(low, lows[j])
        highest_after[j] = high
        lowest_after[j] = low


@lean_kernel
def advance_range(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    start: int,
    carried: FloatArray,
    leg: TimeArray,
    highs: FloatArray,
    lows: FloatArray,
    highest_after: FloatArray,
    lowest_after: FloatArray,
    out: FloatArray,
) -> None:
    """Fill the range rows of ``out``.

    The highest high of the last ``scale`` bars is that of the present block of ``scale`` bars so far, or of the end of the
    block before it: one comparison a bar whatever the scale (van Herk's method). Blocks begin at absolute multiples of
    the scale.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    carried : ndarray of float64, shape (RANGE_SIZE,)
        Top and bottom are NaN at first. Changed in place.
    leg : ndarray of int64, shape (1,)
        0 until the first pivot, then `LEG_UP` or `LEG_DOWN`. Changed in place.
    highs, lows : ndarray of float64, shape (scale,)
        The last ``scale`` bars, bar ``i`` at ``i % scale``; -inf and +inf at first. Changed in place.
    highest_after, lowest_after : ndarray of float64, shape (scale + 1,)
        What `suffix_extremes` found in the block before; -inf and +inf at first. Changed in place.
    out : ndarray of float64, shape (COLUMN_COUNT, n)
    """
    scale = highs.shape[0]
    top, bottom, highest, lowest = carried[0], carried[1], carried[2], carried[3]
    direction = leg[0]
    j = start % scale
    for t in range(high.shape[0]):
        h, l = high[t], low[t]
        pivot_high, pivot_low = highs[j], lows[j]
        highs[j], lows[j] = h, l
        highest = max(h, highest) if j else h
        lowest = min(l, lowest) if j else l
        upper = pivot_high > max(highest, highest_after[j + 1])
        lower = pivot_low < min(lowest, lowest_after[j + 1])
        if upper and direction != LEG_DOWN:
            direction = LEG_DOWN
            top = pivot_high
        elif lower and direction != LEG_UP:
            direction = LEG_UP
            bottom = pivot_low
        # Comparisons with NaN are false: a side that does not exist yet stays NaN.
        top = h if h > top else top
        bottom = l if l < bottom else bottom
        out[RANGE, t] = top
        out[RANGE + 1, t] = bottom
        out[RANGE + 2, t] = (close[t] - bottom) / (top - bottom)
        j += 1
        if j == scale:
            j = 0
            suffix_extremes(highs, lows, highest_after, lowest_after)
    carried[0], carried[1], carried[2], carried[3] = top, bottom, highest, lowest
    leg[0] = direction

"""Windows that slide by a bar: sums and extremes without subtracting what leaves.

The bars are cut at absolute multiples of the window's length ``n``. The window that ends at place ``j`` of its block is the
end of the block before, from place ``j + 1`` on, and the beginning of its own, up to ``j``. For the first part the sums (or
extremes) of all ends of the block before are kept; the second is carried from bar to bar. That is van Herk's method, here
for sums too: nothing is ever subtracted, so no rounding can pile up, no spike leaves a trace, and no bar needs another
treatment than any other.

A window is an array of ``n + 1`` numbers that belongs to the state. Before place ``j`` of the present block it holds the
values of that block, from ``j`` on the sums over the end of the block before; its last number stands for an empty end and
never changes. When a block is full, a function of this module turns its values into the sums over its ends, in place.
"""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.kernel import lean_kernel

# Places are unsigned: for a signed index the compiler has to allow for one counted from the end of the array.
U = np.uint64
ZERO = np.uint64(0)
ONE = np.uint64(1)


@lean_kernel
def end_sums(window: FloatArray) -> None:
    """Values of a full block become the sums over its ends."""
    total = 0.0
    k = U(window.shape[0] - 1)
    while k > ZERO:
        k -= ONE
        total += window[k]
        window[k] = total


@lean_kernel
def end_weighted_sums(window: FloatArray, weighted: FloatArray) -> None:
    """Values of a full block become the sums over its ends; ``weighted`` gets those weighted 1, 2, ... from the end's begin."""
    total, heavy = 0.0, 0.0
    k = U(window.shape[0] - 1)
    while k > ZERO:
        k -= ONE
        total += window[k]
        heavy += total
        window[k] = total
        weighted[k] = heavy


@lean_kernel
def end_moments(window: FloatArray, squares: FloatArray, centre: float) -> None:
    """Values of a full block become the sums over its ends of deviations from ``centre``, ``squares`` those of their squares."""
    first, second = 0.0, 0.0
    k = U(window.shape[0] - 1)
    while k > ZERO:
        k -= ONE
        d = window[k] - centre
        first += d
        second += d * d
        window[k] = first
        squares[k] = second


@lean_kernel
def end_extremes(highs: FloatArray, lows: FloatArray) -> None:
    """Highs and lows of a full block become the highest and lowest of its ends."""
    high, low = -np.inf, np.inf
    k = U(highs.shape[0] - 1)
    while k > ZERO:
        k -= ONE
        h, l = highs[k], lows[k]
        high = h if h > high else high
        low = l if l < low else low
        highs[k] = high
        lows[k] = low


@lean_kernel
def extremes(
    high: FloatArray,
    low: FloatArray,
    start: int,
    carried: FloatArray,
    highs: FloatArray,
    lows: FloatArray,
    highest: FloatArray,
    lowest: FloatArray,
) -> None:
    """Highest high and lowest low of the last ``n`` bars, by bar.

    Parameters
    ----------
    high, low : ndarray of float64, shape (count,)
    start : int
        Absolute index of the first of these bars.
    carried : ndarray of float64, shape (2,)
        Highest and lowest of the present block; -inf and +inf at first. Changed in place.
    highs, lows : ndarray of float64, shape (n + 1,)
        -inf and +inf at first. Changed in place.
    highest, lowest : ndarray of float64, shape (count,)
        Filled.
    """
    length = U(highs.shape[0] - 1)
    j = U(start) % length
    top, bottom = carried[0], carried[1]
    for t in range(high.shape[0]):
        h, l = high[t], low[t]
        top = h if h > top else top
        bottom = l if l < bottom else bottom
        before = highs[j + ONE]
        highest[t] = top if top > before else before
        before = lows[j + ONE]
        lowest[t] = bottom if bottom < before else before
        highs[j] = h
        lows[j] = l
        j += ONE
        if j == length:
            end_extremes(highs, lows)
            j = ZERO
            top, bottom = -np.inf, np.inf
    carried[0], carried[1] = top, bottom

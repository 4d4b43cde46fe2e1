"""Simple, weighted and Hull averages of the close."""

from __future__ import annotations

from engines.bars import FloatArray
from engines.indicators.windows import ONE, ZERO, U, end_sums, end_weighted_sums
from engines.kernel import lean_kernel


@lean_kernel
def advance_simple(
    close: FloatArray,
    start: int,
    carried: FloatArray,
    window_0: FloatArray,
    window_1: FloatArray,
    window_2: FloatArray,
    sma_0: FloatArray,
    sma_1: FloatArray,
    sma_2: FloatArray,
) -> None:
    """Fill three simple averages.

    Parameters
    ----------
    close : ndarray of float64, shape (count,)
    start : int
        Absolute index of the first of these bars.
    carried : ndarray of float64, shape (3,)
        Sums of the present blocks; 0 at first. Changed in place.
    window_0, window_1, window_2 : ndarray of float64, shape (n + 1,) of each length n
        0 at first. Changed in place.
    sma_0, sma_1, sma_2 : ndarray of float64, shape (count,)
        Filled.
    """
    n_0, n_1, n_2 = U(window_0.shape[0] - 1), U(window_1.shape[0] - 1), U(window_2.shape[0] - 1)
    j_0, j_1, j_2 = U(start) % n_0, U(start) % n_1, U(start) % n_2
    share_0, share_1, share_2 = 1.0 / n_0, 1.0 / n_1, 1.0 / n_2
    sum_0, sum_1, sum_2 = carried[0], carried[1], carried[2]
    for t in range(close.shape[0]):
        c = close[t]
        sum_0 += c
        sum_1 += c
        sum_2 += c
        sma_0[t] = (sum_0 + window_0[j_0 + ONE]) * share_0
        sma_1[t] = (sum_1 + window_1[j_1 + ONE]) * share_1
        sma_2[t] = (sum_2 + window_2[j_2 + ONE]) * share_2
        window_0[j_0] = c
        window_1[j_1] = c
        window_2[j_2] = c
        j_0 += ONE
        j_1 += ONE
        j_2 += ONE
        if j_0 == n_0:
            end_sums(window_0)
            j_0, sum_0 = ZERO, 0.0
        if j_1 == n_1:
            end_sums(window_1)
            j_1, sum_1 = ZERO, 0.0
        if j_2 == n_2:
            end_sums(window_2)
            j_2, sum_2 = ZERO, 0.0
    carried[0], carried[1], carried[2] = sum_0, sum_1, sum_2


@lean_kernel
def weighted_average(
    values: FloatArray, start: int, carried: FloatArray, window: FloatArray, ends: FloatArray, out: FloatArray
) -> None:
    """Linearly weighted average, the newest value weighing most.

    The window's part in its own block, places ``0`` to ``j``, weighs ``n - j`` to ``n``: the block's sum weighted 1, 2, ...
    plus its plain sum for each place that the part in the block before has.

    Parameters
    ----------
    values : ndarray of float64, shape (count,)
    start : int
        Absolute index of the first of these bars.
    carried : ndarray of float64, shape (2,)
        Plain and weighted sum of the present block; 0 at first. Changed in place.
    window, ends : ndarray of float64, shape (n + 1,)
        0 at first. Changed in place.
    out : ndarray of float64, shape (count,)
        Filled.
    """
    length = window.shape[0] - 1
    n = U(length)
    j = U(start) % n
    share = 2.0 / (length * (length + 1.0))
    place = float(j)
    before = length - 1.0 - place
    total, heavy = carried[0], carried[1]
    for t in range(values.shape[0]):
        x = values[t]
        place += 1.0
        total += x
        heavy += place * x
        out[t] = (heavy + before * total + ends[j + ONE]) * share
        window[j] = x
        j += ONE
        before -= 1.0
        if j == n:
            end_weighted_sums(window, ends)
            j, total, heavy = ZERO, 0.0, 0.0
            place, before = 0.0, length - 1.0
    carried[0], carried[1] = total, heavy


@lean_kernel
def advance_hull(
    close: FloatArray,
    start: int,
    carried: FloatArray,
    half_window: FloatArray,
    half_ends: FloatArray,
    window: FloatArray,
    ends: FloatArray,
    last_window: FloatArray,
    last_ends: FloatArray,
    hma: FloatArray,
    half: FloatArray,
    whole: FloatArray,
) -> None:
    """Fill the Hull average: WMA(2 * WMA(c, n // 2) - WMA(c, n), floor(sqrt(n))).

    Parameters
    ----------
    close : ndarray of float64, shape (count,)
    start : int
    carried : ndarray of float64, shape (6,)
    half_window, half_ends, window, ends, last_window, last_ends : ndarray of float64
        As for `weighted_average`, of the three lengths.
    hma : ndarray of float64, shape (count,)
        Filled.
    half, whole : ndarray of float64, shape (count,)
        Scratch.
    """
    weighted_average(close, start, carried[:2], half_window, half_ends, half)
    weighted_average(close, start, carried[2:4], window, ends, whole)
    for t in range(close.shape[0]):
        half[t] = 2.0 * half[t] - whole[t]
    weighted_average(half, start, carried[4:], last_window, last_ends, hma)

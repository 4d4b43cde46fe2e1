"""Steps of the averages: one bar in, the carried numbers and the value out.

Every step is a small kernel that the fused loop inlines. ``i`` is the absolute index of the bar since the first the
engine has seen (never the index within a call), so that nothing depends on how bars are cut into calls.
"""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray
from engines.kernel import lean_kernel


@lean_kernel
def exponential(i: int, x: float, period: int, alpha: float, carried: float) -> tuple[float, float]:
    """Exponential average, seeded as TA-Lib does with the mean of the first ``period`` values.

    Parameters
    ----------
    i : int
        Index of ``x`` among the values averaged; negative while there is none yet.
    x : float
    period : int
    alpha : float
        Weight of the newest value: ``2 / (period + 1)``, or ``1 / period`` for Wilder's average.
    carried : float
        The average, or, before it exists, the sum of the values so far. 0 at first.

    Returns
    -------
    carried, value : float
        ``value`` is NaN before bar ``period - 1``.
    """
    if i >= period:
        carried += (x - carried) * alpha
        return carried, carried
    if i < 0:
        return carried, np.nan
    carried += x
    if i < period - 1:
        return carried, np.nan
    carried /= period
    return carried, carried


@lean_kernel
def window_sum(i: int, ring: FloatArray, period: int) -> float:
    """Sum of the last ``period`` values (of all so far, while there are fewer), computed afresh.

    Parameters
    ----------
    i : int
        Index of the newest value.
    ring : ndarray of float64
        Value ``k`` stands at ``ring[k % len(ring)]``; the length is a power of two above ``period``.
    period : int
    """
    mask = ring.shape[0] - 1
    k = max(i - period + 1, 0)
    # Four sums side by side: an addition has to wait for the one before it. The order is fixed, so the bits are too.
    s_0, s_1, s_2, s_3 = 0.0, 0.0, 0.0, 0.0
    while k + 3 <= i:
        s_0 += float(ring[k & mask])
        s_1 += float(ring[(k + 1) & mask])
        s_2 += float(ring[(k + 2) & mask])
        s_3 += float(ring[(k + 3) & mask])
        k += 4
    while k <= i:
        s_0 += float(ring[k & mask])
        k += 1
    return (s_0 + s_1) + (s_2 + s_3)

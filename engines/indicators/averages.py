"""Exponential averages: weights, and the step of one bar.

An average is seeded as TA-Lib does with the mean of its first values. That mean is itself carried as an average, of weight
``1 / (k + 1)`` at its value ``k``: so the first bars differ from all others in their weights only.

``i`` is the absolute index of the bar since the first the engine has seen (never the index within a call), so that nothing
depends on how bars are cut into calls.
"""

from __future__ import annotations

import numpy as np

from engines.indicators.arithmetic import fused
from engines.kernel import lean_kernel


@lean_kernel
def weight(k: int, period: int, steady: float) -> float:
    """Weight of value ``k`` of an average over ``period`` bars.

    Parameters
    ----------
    k : int
        Index of the value among those averaged; negative while there is none yet.
    period : int
    steady : float
        Weight of the newest value once there are ``period`` others: ``2 / (period + 1)``, or ``1 / period`` for Wilder's.
    """
    if k >= period:
        return steady
    return 1.0 / (k + 1) if k >= 0 else 0.0


@lean_kernel
def exponential(i: int, x: float, period: int, alpha: float, carried: float) -> tuple[float, float]:
    """Exponential average after one bar.

    Parameters
    ----------
    i : int
        Index of ``x`` among the values averaged; negative while there is none yet.
    x : float
    period : int
    alpha : float
        As ``steady`` of `weight`.
    carried : float
        What the call before returned; 0 at first.

    Returns
    -------
    carried, value : float
        ``value`` is NaN before value ``period - 1``.
    """
    carried = fused(x - carried, weight(i, period, alpha), carried)
    return carried, carried if i >= period - 1 else np.nan

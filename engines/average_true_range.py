"""The average true range by itself, bit for bit the indicators' column, for engines that measure distance in it."""

from __future__ import annotations

from engines.indicators.averages import exponential
from engines.kernel import lean_kernel


@lean_kernel
def true_range_average(
    i: int, high: float, low: float, previous: float, period: int, weight: float, carried: float
) -> tuple[float, float]:
    """Wilder's average of the true range after one bar.

    Parameters
    ----------
    i : int
        Absolute index of the bar. Bar 0 has no true range, as in TA-Lib.
    high, low : float
    previous : float
        Close of the bar before; any number at bar 0.
    period : int
    weight : float
        ``1 / period``.
    carried : float
        What the call before returned; 0 at first.

    Returns
    -------
    carried, value : float
        ``value`` is NaN before bar ``period``.
    """
    return exponential(i - 1, max(high, previous) - min(low, previous), period, weight, carried)

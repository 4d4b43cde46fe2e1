"""Value at risk and expected shortfall, historical and with exponentially weighted variance.

Conventions for all functions here. ``returns`` are simple returns of one step, oldest first, without gaps in value: finite
numbers. Results are losses as a fraction of the value held, **positive for a loss**; a negative number says that even the
bad case was a gain. ``confidence`` is the probability that the loss stays below the value at risk: 0.95 looks at the worst
5 % of outcomes. The horizon is one step of the returns unless ``horizon`` says how many.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray
from engines.errors import BadParameter

RISK_METRICS_DECAY = 0.94
"""Decay of daily variance in J.P. Morgan's RiskMetrics Technical Document (1996), section 5.3.2."""


class TailRisk(NamedTuple):
    """Value at risk and expected shortfall of the same distribution, losses positive."""

    value_at_risk: float
    expected_shortfall: float


def historical_tail(returns: FloatArray, confidence: float = 0.95, horizon: int = 1) -> TailRisk:
    """Tail of the returns as they were.

    The value at risk is minus the ``1 - confidence`` quantile, interpolated linearly between order statistics (type 7 of
    Hyndman and Fan, 1996). The expected shortfall is minus the mean of the returns at or below that quantile: the
    ``floor((n - 1) * (1 - confidence)) + 1`` lowest.

    Parameters
    ----------
    returns : ndarray of float, shape (n,)
    confidence : float
    horizon : int
        Steps held. Above 1 the outcomes are those of all windows of that many steps, overlapping and compounded.

    Raises
    ------
    BadParameter
        If there are too few returns, one is not finite or at most -1, or an argument cannot be.
    """
    outcomes = np.sort(_outcomes(_checked(returns, confidence, horizon), horizon))
    tail = round(1.0 - confidence, 12)
    position = (outcomes.shape[0] - 1) * tail
    below = math.floor(position)
    above = min(below + 1, outcomes.shape[0] - 1)
    quantile = outcomes[below] + (outcomes[above] - outcomes[below]) * (position - below)
    return TailRisk(-float(quantile), -float(np.mean(outcomes[: below + 1])))


def ewma_volatility(returns: FloatArray, decay: float = RISK_METRICS_DECAY) -> float:
    """Standard deviation of the next step: root of the weighted mean of squared returns around zero.

    ``sum(decay**i * r[n-1-i]**2) / sum(decay**i)``: RiskMetrics' recursion with the weights made to add up to 1, which
    matters while there are few returns.

    Raises
    ------
    BadParameter
        If there are too few returns, one is not finite or at most -1, or the decay is not between 0 and 1.
    """
    if not 0.0 < decay < 1.0:
        raise BadParameter(f"decay must lie between 0 and 1, not {decay!r}")
    values = _checked(returns, 0.5, 1)
    weights = decay ** np.arange(values.shape[0] - 1, -1, -1.0)
    return math.sqrt(float(np.sum(weights * values * values) / np.sum(weights)))


def ewma_tail(
    returns: FloatArray, confidence: float = 0.95, horizon: int = 1, decay: float = RISK_METRICS_DECAY
) -> TailRisk:
    """Tail of a normal distribution around zero with the exponentially weighted variance.

    With ``s`` the `ewma_volatility` times the root of ``horizon`` and ``z`` the standard normal quantile of ``confidence``,
    the value at risk is ``z * s`` and the expected shortfall ``s * pdf(z) / (1 - confidence)``.

    Raises
    ------
    BadParameter
        As `historical_tail` and `ewma_volatility`.
    """
    _checked(returns, confidence, horizon)
    deviation = ewma_volatility(returns, decay) * math.sqrt(horizon)
    normal = NormalDist()
    z = normal.inv_cdf(confidence)
    return TailRisk(z * deviation, deviation * normal.pdf(z) / (1.0 - confidence))


def _checked(returns: FloatArray, confidence: float, horizon: int) -> FloatArray:
    values = np.asarray(returns, np.float64)
    if values.ndim != 1:
        raise BadParameter(f"returns must be one series, not an array of {values.ndim} dimensions")
    if not 0.0 < confidence < 1.0:
        raise BadParameter(f"confidence must lie between 0 and 1, not {confidence!r}")
    if isinstance(horizon, bool) or horizon < 1:
        raise BadParameter(f"horizon must be a whole number of at least 1, not {horizon!r}")
    if values.shape[0] < max(2, horizon + 1):
        raise BadParameter(f"{values.shape[0]} returns are too few; at least {max(2, horizon + 1)} are needed")
    bad = ~(np.isfinite(values) & (values > -1.0))
    if bad.any():
        row = int(bad.argmax())
        raise BadParameter(f"return {row} is {values[row]!r}; returns must be finite and above -1")
    return values


def _outcomes(returns: FloatArray, horizon: int) -> FloatArray:
    if horizon == 1:
        return returns
    growth = np.concatenate(([0.0], np.cumsum(np.log1p(returns))))
    return np.expm1(growth[horizon:] - growth[:-horizon])

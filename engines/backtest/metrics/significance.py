"""Is a Sharpe ratio more than luck? Its probability, deflated by the number of trials, and the track record it needs.

All ratios here are **of one step, not annualised**, and kurtosis is the whole one: 3 for normal returns. D. Bailey and
M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2012); "The Deflated Sharpe Ratio", Journal of
Portfolio Management 40 (2014).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from engines.backtest.metrics import returns as of
from engines.bars import FloatArray

_NORMAL = NormalDist()
_EULER = float(np.euler_gamma)


class Sample(NamedTuple):
    """What is needed of a series of returns: Sharpe ratio of one step, length, skewness and kurtosis (3 for normal ones)."""

    sharpe: float
    length: int
    skew: float = 0.0
    kurtosis: float = 3.0


def sample(returns: FloatArray) -> Sample:
    """Describe simple returns of equal steps, shape (n,). NaN where they do not vary."""
    return Sample(of.sharpe(returns, 1), returns.shape[0], of.skew(returns), of.excess_kurtosis(returns) + 3.0)


def probabilistic_sharpe(seen: Sample, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above ``benchmark`` (of one step).

    ``Phi((sr - benchmark) sqrt(n - 1) / sqrt(1 - skew sr + (kurtosis - 1) / 4 sr^2))`` (2012, equation 11).
    ``qs.probabilistic_ratio`` with moments that are corrected for bias. NaN with less than two returns or none that vary.
    """
    spread = _spread(seen)
    if not spread > 0.0 or seen.length < 2:
        return math.nan
    return _NORMAL.cdf((seen.sharpe - benchmark) * math.sqrt(seen.length - 1) / spread)


def minimum_track_record(seen: Sample, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Number of steps from which on `probabilistic_sharpe` would be ``confidence`` (2012, equation 13).

    NaN where the ratio is not above the benchmark: no length would do.
    """
    spread = _spread(seen)
    excess = seen.sharpe - benchmark
    if not spread > 0.0 or not excess > 0.0:
        return math.nan
    errors = spread * _NORMAL.inv_cdf(confidence) / excess
    length = 1.0 + errors * errors
    return length if math.isfinite(length) else math.nan


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Sharpe ratio that the best of independent trials without any skill is expected to show (2014, equation 1).

    ``sqrt(variance) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))``, ``g`` Euler's constant; 0 for a single trial.

    Parameters
    ----------
    trials : int
        Number of independent trials, at least 1.
    variance : float
        Of the trials' Sharpe ratios of one step.
    """
    if trials < 2:
        return 0.0
    normal = _NORMAL.inv_cdf
    best = (1.0 - _EULER) * normal(1.0 - 1.0 / trials) + _EULER * normal(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe(seen: Sample, trials: int, variance: float) -> float:
    """Probability that the true Sharpe ratio is above what the best of ``trials`` shows by luck (2014, equation 2).

    Parameters
    ----------
    seen : Sample
        The chosen trial.
    trials : int
        Independent trials it was chosen from. All that were looked at count, not only those that were kept.
    variance : float
        Of the trials' Sharpe ratios of one step (``n - 1``).
    """
    return probabilistic_sharpe(seen, expected_best_sharpe(trials, variance))


def _spread(seen: Sample) -> float:
    """Root of ``n - 1`` times the standard error of the ratio; NaN where the returns do not vary.

    Of real samples what is under the root is never negative: kurtosis is at least 1 + skew^2.
    """
    under = 1.0 - seen.skew * seen.sharpe + (seen.kurtosis - 1.0) / 4.0 * seen.sharpe * seen.sharpe
    return math.sqrt(max(under, 0.0)) if not math.isnan(under) else math.nan

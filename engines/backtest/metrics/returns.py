"""Numbers of a series of returns. All are pure functions of the array.

Conventions. ``returns`` are simple returns of equal steps, oldest first, shape (n,), finite; ``periods`` is their number a
year. Nothing is taken off for a risk-free rate. A result that is not defined (too few returns, a denominator of 0) is NaN,
never infinite and never a warning. Each docstring names the function of quantstats 0.0.86 (``qs.``) and of
empyrical-reloaded 0.5.12 (``em.``) that gives the same number, and where ours is another one, why.
"""

from __future__ import annotations

import math

import numpy as np

from engines.bars import FloatArray

NAN = math.nan


def ratio(above: float, below: float) -> float:
    """``above / below``, NaN where ``below`` is 0 or so small that the quotient is no number."""
    quotient = above / below if below != 0.0 else NAN
    return quotient if math.isfinite(quotient) else NAN


def total_return(returns: FloatArray) -> float:
    """Growth over the whole time: product of ``1 + r``, less 1. ``qs.comp``, ``em.cum_returns_final``."""
    return float(np.prod(1.0 + returns)) - 1.0


def annual_return(returns: FloatArray, periods: int) -> float:
    """Growth a year: ``(1 + total)^(periods / n) - 1``. ``qs.cagr``, ``em.annual_return``.

    -1 where everything or more was lost; growth too large for a number is NaN.
    """
    if returns.shape[0] == 0:
        return NAN
    growth = 1.0 + total_return(returns)
    if growth <= 0.0:
        return -1.0
    logarithm = math.log(growth) * periods / returns.shape[0]
    return math.expm1(logarithm) if logarithm < 700.0 else NAN


def volatility(returns: FloatArray, periods: int) -> float:
    """Standard deviation (``n - 1``) times the root of ``periods``. ``qs.volatility``, ``em.annual_volatility``."""
    return _deviation(returns) * math.sqrt(periods)


def sharpe(returns: FloatArray, periods: int) -> float:
    """Mean over standard deviation (``n - 1``), times the root of ``periods``. ``qs.sharpe``, ``em.sharpe_ratio``.

    W. Sharpe, "The Sharpe Ratio" (1994). NaN where the returns do not vary (quantstats divides by what rounding leaves).
    """
    if returns.shape[0] < 2:
        return NAN
    return ratio(float(np.mean(returns)), _deviation(returns)) * math.sqrt(periods)


def sortino(returns: FloatArray, periods: int) -> float:
    """Mean over downside deviation, times the root of ``periods``. ``qs.sortino``, ``em.sortino_ratio``.

    The downside deviation is the root of the mean over **all** returns of ``min(r, 0)^2`` (Sortino and Price, 1994). NaN
    where no return is negative (empyrical gives infinity).
    """
    if returns.shape[0] < 2:
        return NAN
    below = np.minimum(returns, 0.0)
    return ratio(float(np.mean(returns)), math.sqrt(float(np.mean(below * below)))) * math.sqrt(periods)


def omega(returns: FloatArray) -> float:
    """Sum of the gains over the sum of the losses, threshold 0. ``qs.omega``, ``em.omega_ratio``.

    Keating and Shadwick, "A Universal Performance Measure" (2002).
    """
    if returns.shape[0] < 2:
        return NAN
    return ratio(float(np.sum(np.maximum(returns, 0.0))), -float(np.sum(np.minimum(returns, 0.0))))


def ulcer_index(drawdowns: FloatArray) -> float:
    """Root of the mean square of the drawdowns (fractions, shape (n,)). P. Martin and B. McCann (1989).

    ``qs.ulcer_index`` divides by ``n - 1``; the definition has ``n``.
    """
    return math.sqrt(float(np.mean(drawdowns * drawdowns))) if drawdowns.shape[0] else NAN


def tail_ratio(returns: FloatArray) -> float:
    """Absolute 95 % quantile over absolute 5 % quantile, interpolated linearly. ``qs.tail_ratio``, ``em.tail_ratio``."""
    ordered = np.sort(returns)
    return ratio(abs(quantile(ordered, 0.95)), abs(quantile(ordered, 0.05)))


def value_at_risk(ordered: FloatArray, tail: float = 0.05) -> float:
    """Loss that all but the worst ``tail`` of the returns stay below: minus their quantile, positive for a loss.

    Takes the returns in ascending order. Minus ``em.value_at_risk``. ``qs.value_at_risk`` is that of a normal
    distribution, which these returns do not have.
    """
    return -quantile(ordered, tail)


def expected_shortfall(ordered: FloatArray, tail: float = 0.05) -> float:
    """Mean loss of the ``floor((n - 1) tail) + 1`` worst returns, positive for a loss.

    Takes the returns in ascending order. Minus ``em.conditional_value_at_risk``, and minus
    ``qs.conditional_value_at_risk(method="historical")`` (its default is that of a normal distribution).
    """
    n = ordered.shape[0]
    return -float(np.mean(ordered[: _floor((n - 1) * tail) + 1])) if n else NAN


def skew(returns: FloatArray) -> float:
    """Third central moment over the cube of the deviation, both with ``n``: as ``scipy.stats.skew``.

    ``qs.skew`` corrects for a bias under normality; the probabilistic Sharpe ratio is written in these moments.
    """
    return _moment(returns, 3)


def excess_kurtosis(returns: FloatArray) -> float:
    """Fourth central moment over the fourth power of the deviation, both with ``n``, less 3: as ``scipy.stats.kurtosis``.

    ``qs.kurtosis`` corrects for a bias under normality.
    """
    return _moment(returns, 4) - 3.0


def quantile(ordered: FloatArray, part: float) -> float:
    """Quantile of ascending numbers, interpolated linearly between order statistics (type 7 of Hyndman and Fan, 1996)."""
    n = ordered.shape[0]
    if n == 0:
        return NAN
    position = (n - 1) * part
    below = _floor(position)
    above = min(below + 1, n - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * max(position - below, 0.0))


def _floor(position: float) -> int:
    # (n - 1) * 0.05 may come out a hair under the whole number that it is.
    return math.floor(position + 1e-9)


def _deviation(returns: FloatArray) -> float:
    """Standard deviation with ``n - 1``; exactly 0 where the returns do not vary."""
    if returns.shape[0] < 2:
        return NAN
    if _level(returns):
        return 0.0
    return float(np.std(returns, ddof=1))


def _level(returns: FloatArray) -> bool:
    """Whether the returns differ by no more than rounding makes of ``1 + r``: equity that grows evenly."""
    low, high = float(returns.min()), float(returns.max())
    return high - low <= 1e-15 * (1.0 + max(abs(low), abs(high)))


def _moment(returns: FloatArray, power: int) -> float:
    if returns.shape[0] < 2 or _level(returns):
        return NAN
    centred = returns - np.mean(returns)
    # Scaled first, so that no power of a small or large number is lost.
    centred /= np.max(np.abs(centred))
    square: FloatArray = centred * centred
    higher: FloatArray = square * centred if power == 3 else square * square
    return float(np.mean(higher)) / float(np.mean(square)) ** (power / 2.0)

"""Returns of many markets on one grid of time, and the clusters of markets that move together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engines.bars import FloatArray

UNMEASURED = "unmeasured"
"""Name of the cluster of markets that have too few returns to be measured."""


def log_returns(closes: FloatArray) -> FloatArray:
    """Log returns between neighbours on the grid; NaN where a close is missing, so that none spans a gap.

    Parameters
    ----------
    closes : ndarray of float, shape (markets, n + 1)
        Closes by grid step, NaN where there is none.

    Returns
    -------
    ndarray of float, shape (markets, n)
    """
    logs = np.log(closes)
    return logs[:, 1:] - logs[:, :-1]


def correlations(returns: FloatArray, min_returns: int) -> FloatArray:
    """Pearson correlation of every pair of markets over the steps for which both have a return.

    Parameters
    ----------
    returns : ndarray of float, shape (markets, n)
        NaN where a market has none.
    min_returns : int
        Common returns below which a correlation is NaN.

    Returns
    -------
    ndarray of float, shape (markets, markets)
        NaN too where a market's returns did not vary over the common steps.
    """
    known = ~np.isnan(returns)
    if known.all():
        return _complete(returns, min_returns)
    # Sums over common steps for all pairs at once: a product of matrices in which what is missing is zero. Moving each
    # market to a mean of zero first keeps the differences of sums from cancelling.
    count = known.sum(axis=1)
    mean = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(count, 1)
    values = np.where(known, returns - mean[:, None], 0.0)
    ones = known.astype(np.float64)
    common = ones @ ones.T
    sums = values @ ones.T
    squares = (values * values) @ ones.T
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = values @ values.T - sums * sums.T / common
        spread = squares - sums * sums / common
        # What is left of the squares after the mean is taken out may be nothing but rounding: no variation.
        spread = np.where(spread > 1e-12 * squares, spread, np.nan)
        found = covariance / np.sqrt(spread * spread.T)
    return np.where(common >= min_returns, np.clip(found, -1.0, 1.0), np.nan)


def _complete(returns: FloatArray, min_returns: int) -> FloatArray:
    if returns.shape[1] < min_returns:
        return np.full((returns.shape[0],) * 2, np.nan)
    centred = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
    scale = np.sqrt((returns * returns).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(length > 1e-6 * scale, centred / length, np.nan)
    return np.clip(unit @ unit.T, -1.0, 1.0)


def clusters(markets: Sequence[str], returns: FloatArray, threshold: float, min_returns: int) -> dict[str, str]:
    """Cluster of every market: those linked, directly or through others, by a correlation of at least ``threshold``.

    A correlation counts by its absolute value: two markets that move against each other are one bet too, and exposures are
    added up whatever their side. Markets with fewer than ``min_returns`` returns form the cluster `UNMEASURED`: until
    they are measured they are taken to move together.

    Parameters
    ----------
    markets : sequence of str
        In order.
    returns : ndarray of float, shape (markets, n)
        NaN where a market has none.
    threshold : float
    min_returns : int

    Returns
    -------
    dict of str to str
        Market to the name of its cluster, which is that of its first market.
    """
    measured = (~np.isnan(returns)).sum(axis=1) >= min_returns
    names = {market: UNMEASURED for market, enough in zip(markets, measured.tolist(), strict=True) if not enough}
    rows = np.flatnonzero(measured)
    linked = np.abs(correlations(returns[rows], min_returns)) >= threshold
    left = np.ones(rows.shape[0], np.bool_)
    for first in range(rows.shape[0]):
        if not left[first]:
            continue
        members = np.zeros(rows.shape[0], np.bool_)
        edge = np.zeros(rows.shape[0], np.bool_)
        edge[first] = True
        while edge.any():
            members |= edge
            edge = linked[edge].any(axis=0) & ~members
        left &= ~members
        for member in np.flatnonzero(members).tolist():
            names[markets[int(rows[member])]] = markets[int(rows[first])]
    return names


def annual_volatility(returns: FloatArray, step_ms: int, min_returns: int) -> float:
    """Annual standard deviation of one market's log returns (ddof 1, 365 days a year); NaN if there are too few.

    Parameters
    ----------
    returns : ndarray of float, shape (n,)
        NaN where there is none.
    step_ms : int
        Length of a step of the grid, ms.
    min_returns : int
    """
    values: list[float] = returns[~np.isnan(returns)].tolist()
    count = len(values)
    if count < max(2, min_returns):
        return math.nan
    # Exactly rounded sums: the result cannot depend on where in memory the window lies.
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return math.sqrt(variance * (365 * 86_400_000 / step_ms))

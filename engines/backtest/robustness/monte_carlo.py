"""Equity curves that might as well have been: the same returns in another order, or drawn again.

Shuffled, every path ends where the backtest did, and shows what drawdown its returns lead to in another order. Drawn with
replacement in blocks, paths differ in where they end too, and returns near each other stay so. Blocks of the same length:
D. Politis and J. Romano, "A Circular Block-Resampling Procedure for Stationary Data" (1992); of random length: "The
Stationary Bootstrap", Journal of the American Statistical Association 89 (1994).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from engines.backtest.errors import BadBacktest
from engines.backtest.metrics.inputs import daily_returns
from engines.backtest.result import BacktestResult
from engines.bars import FloatArray

BAND_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_CELLS = 2_000_000
"""Returns drawn at a time: 16 MB, and some copies."""
_POINTS = 250
"""Steps at which the bands are known, at most; 8 bytes a path each are kept."""


class Resampling(StrEnum):
    """How a path is made of the returns."""

    SHUFFLE = "shuffle"
    """Each return once, in a random order."""
    CIRCULAR = "circular"
    """Blocks of equal length, from anywhere; the first return follows the last."""
    STATIONARY = "stationary"
    """Blocks of geometrically distributed length, from anywhere; the first return follows the last."""


@dataclass(frozen=True, kw_only=True)
class MonteCarlo:
    """What the resampled paths came to. Equity is in units of the equity before the first step.

    Attributes
    ----------
    method : Resampling
    block : float
        Length of a block, on average; 1 of a shuffle.
    ruin : float
        Part of the first equity at or below which an account counts as ruined.
    steps : ndarray of int64, shape (points,)
        Returns taken so far at each point of the bands; from 0 to all.
    bands : ndarray of float64, shape (5, points)
        Quantiles `BAND_LEVELS` of the paths' equity.
    actual : ndarray of float64, shape (points,)
        The backtest's own path.
    final_return : ndarray of float64, shape (paths,)
    max_drawdown : ndarray of float64, shape (paths,)
        Largest part lost of the highest equity so far, step by step, at least 0.
    actual_return, actual_drawdown : float
        Of the backtest's own path.
    probability_of_loss : float
        Part of the paths that end below where they began.
    probability_of_ruin : float
        Part of the paths that were at or below ``ruin`` at any step.
    """

    method: Resampling
    block: float
    ruin: float
    steps: npt.NDArray[np.int64]
    bands: FloatArray
    actual: FloatArray
    final_return: FloatArray
    max_drawdown: FloatArray
    actual_return: float
    actual_drawdown: float
    probability_of_loss: float
    probability_of_ruin: float


def trade_returns(result: BacktestResult) -> FloatArray:
    """Each trade's result over the realised equity before it, in the order of their ends, shape (trades,).

    Compounded they end at the last equity exactly, also where trades of several markets overlapped. 0 once nothing is left.
    """
    pnl = result.trades["pnl"].to_numpy()
    before = result.config.cash + np.concatenate([[0.0], np.cumsum(pnl)[:-1]]) if pnl.shape[0] else pnl
    alive = np.minimum.accumulate(before) > 0.0 if pnl.shape[0] else np.zeros(0, np.bool_)
    return np.divide(pnl, before, out=np.zeros_like(pnl), where=alive)


def day_returns(result: BacktestResult) -> FloatArray:
    """Returns of the equity at the end of each UTC day, shape (days,)."""
    return daily_returns(result.curve)


def monte_carlo(
    returns: FloatArray,
    *,
    method: Resampling = Resampling.STATIONARY,
    paths: int = 1_000,
    block: float | None = None,
    ruin: float = 0.5,
    seed: int = 1,
) -> MonteCarlo:
    """Resample returns into paths, each as long as they are.

    Parameters
    ----------
    returns : ndarray of float64, shape (n,)
        Simple returns, as of `trade_returns` or `day_returns`. A return of -1 or less ends a path at 0.
    method : Resampling
    paths : int
    block : float, optional
        Length of a block, for `Resampling.STATIONARY` on average, at least 1; the cube root of ``n`` if not given.
    ruin : float
        Part of the first equity at or below which an account counts as ruined, in 0 to 1.
    seed : int
        The same seed gives the same paths.

    Raises
    ------
    BadBacktest
        If there are no returns, one is not finite, or an option is out of its bounds.
    """
    length = returns.shape[0]
    if returns.ndim != 1 or not length:
        raise BadBacktest("returns", "there are none to resample; the backtest made no trade")
    if not np.isfinite(returns).all():
        raise BadBacktest("returns", f"return {int((~np.isfinite(returns)).argmax())} is not a finite number")
    if paths < 1:
        raise BadBacktest("paths", f"must be at least 1, not {paths!r}")
    if not 0.0 <= ruin < 1.0:
        raise BadBacktest("ruin", f"must be at least 0 and below 1, not {ruin!r}")
    wanted = float(round(length ** (1.0 / 3.0))) if block is None else float(block)
    if not 1.0 <= wanted < float("inf"):
        raise BadBacktest("block", f"must be at least 1, not {block!r}")
    size = 1.0 if method is Resampling.SHUFFLE else wanted
    points = np.arange(min(length + 1, _POINTS), dtype=np.int64) * length // (min(length + 1, _POINTS) - 1)
    random = np.random.default_rng(seed)
    kept = np.empty((paths, points.shape[0]))
    drawdown, lowest = np.empty(paths), np.empty(paths)
    at_once = max(1, _CELLS // length)
    for begin in range(0, paths, at_once):
        mine = slice(begin, min(begin + at_once, paths))
        drawn = returns[_places(random, method, mine.stop - begin, length, size)]
        kept[mine], drawdown[mine], lowest[mine] = _grown(drawn, points)
    actual, actual_drawdown, _ = _grown(returns[None, :], points)
    final = kept[:, -1]
    if method is Resampling.SHUFFLE:
        # A product does not depend on the order but in its last bits.
        final = np.full(paths, actual[0, -1])
    return MonteCarlo(
        method=method,
        block=size,
        ruin=ruin,
        steps=points,
        bands=np.quantile(kept, BAND_LEVELS, axis=0),
        actual=actual[0],
        final_return=final - 1.0,
        max_drawdown=drawdown,
        actual_return=float(actual[0, -1]) - 1.0,
        actual_drawdown=float(actual_drawdown[0]),
        probability_of_loss=int(np.count_nonzero(final < 1.0)) / paths,
        probability_of_ruin=int(np.count_nonzero(lowest <= ruin)) / paths,
    )


def _places(
    random: np.random.Generator, method: Resampling, paths: int, length: int, block: float
) -> npt.NDArray[np.int64]:
    """Which return each step of each path takes, shape (paths, length)."""
    steps = np.arange(length, dtype=np.int64)
    if method is Resampling.SHUFFLE:
        return random.permuted(np.tile(steps, (paths, 1)), axis=1)
    if method is Resampling.CIRCULAR:
        size = min(round(block), length)
        starts = random.integers(length, size=(paths, -(-length // size)))
        return (np.repeat(starts, size, axis=1)[:, :length] + steps % size) % length
    anew = random.random((paths, length)) < 1.0 / block
    anew[:, 0] = True
    # The step at which the present block began.
    since = np.maximum.accumulate(np.where(anew, steps, 0), axis=1)
    starts = random.integers(length, size=(paths, length))
    return (np.take_along_axis(starts, since, axis=1) + steps - since) % length


def _grown(returns: FloatArray, points: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Equity at the points, largest drawdown and lowest equity of paths of returns, shape (paths, length)."""
    equity = np.ones((returns.shape[0], returns.shape[1] + 1))
    np.multiply.accumulate(np.maximum(1.0 + returns, 0.0), axis=1, out=equity[:, 1:])
    peak = np.maximum.accumulate(equity, axis=1)
    return equity[:, points], np.max(1.0 - equity / peak, axis=1), np.min(equity, axis=1)

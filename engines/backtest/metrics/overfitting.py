"""How likely the best trial of a sweep owes its place to chance: combinatorially symmetric cross-validation.

D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, "The Probability of Backtest Overfitting", Journal of Computational
Finance 20 (2016; first 2015), section 2.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.backtest.errors import BadBacktest
from engines.bars import FloatArray

_CELLS = 4_000_000
"""Sharpe ratios held at a time: 32 MB."""


class Overfitting(NamedTuple):
    """What became of the trial that was best in one half of the time, in the other half.

    Attributes
    ----------
    probability : float
        Part of the splits in which it came to the worse half of the trials: at or below the median.
    probability_of_loss : float
        Part of the splits in which its Sharpe ratio was below 0.
    logits : ndarray of float64, shape (splits,)
        ``ln(w / (1 - w))`` of its relative rank ``w = rank / (trials + 1)``, 1 the worst.
    best_inside, best_outside : ndarray of float64, shape (splits,)
        Its Sharpe ratio, of one step, in the half where it was chosen and in the other.
    slope : float
        Of the straight line of ``best_outside`` on ``best_inside``, least squares: below 0, what is better inside is worse outside.
    """

    probability: float
    probability_of_loss: float
    logits: FloatArray
    best_inside: FloatArray
    best_outside: FloatArray
    slope: float


def probability_of_overfitting(returns: FloatArray, blocks: int = 16) -> Overfitting:
    """Cut the time into blocks; choose the best trial in every half of them, and rank it in the rest.

    The steps that do not fill a block are left off at the beginning. A trial's Sharpe ratio is 0 where its returns do not
    vary (it did nothing). Of equally good trials the first is chosen; equal ranks are averaged.

    Parameters
    ----------
    returns : ndarray of float64, shape (steps, trials)
        Returns of all trials of a sweep over the same steps, finite.
    blocks : int
        Even, at least 2; ``comb(blocks, blocks / 2)`` splits: 12,870 of 16.

    Raises
    ------
    BadBacktest
        If there are less than 2 trials or 2 steps a block, a return is not finite, or ``blocks`` is odd or not in 2 to 20.
    """
    if blocks % 2 or not 2 <= blocks <= 20:
        raise BadBacktest("blocks", f"must be an even number from 2 to 20, not {blocks!r}")
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise BadBacktest("returns", f"need a column for each of at least 2 trials, not shape {returns.shape}")
    length = returns.shape[0] // blocks
    if length < 2:
        raise BadBacktest("returns", f"{returns.shape[0]} steps do not give 2 for each of {blocks} blocks")
    bad: npt.NDArray[np.bool_] = ~np.isfinite(returns)
    if bad.any():
        step, trial = divmod(int(np.argmax(bad)), returns.shape[1])
        raise BadBacktest("returns", f"trial {trial} is not finite in step {step}")
    cut = returns[returns.shape[0] - blocks * length :]
    sums = _Sums(cut, blocks)
    splits = np.zeros((comb(blocks, blocks // 2), blocks))
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        splits[row, list(chosen)] = 1.0
    at_once = max(1, _CELLS // returns.shape[1])
    parts = [_ranked(sums, splits[start : start + at_once]) for start in range(0, splits.shape[0], at_once)]
    rank, inside, outside = (np.concatenate(column) for column in zip(*parts, strict=True))
    place = rank / (returns.shape[1] + 1.0)
    logits = np.log(place / (1.0 - place))
    return Overfitting(
        probability=int(np.count_nonzero(logits <= 0.0)) / logits.shape[0],
        probability_of_loss=int(np.count_nonzero(outside < 0.0)) / outside.shape[0],
        logits=logits,
        best_inside=inside,
        best_outside=outside,
        slope=_slope(inside, outside),
    )


class _Sums:
    """Sums of each block and trial: a split's Sharpe ratios need only these, not its returns.

    They are kept around each trial's mean, so that squares lose nothing to a mean far from 0.
    """

    def __init__(self, returns: FloatArray, blocks: int) -> None:
        self.mean = np.mean(returns, axis=0)
        centred = (returns - self.mean).reshape(blocks, returns.shape[0] // blocks, returns.shape[1])
        self.first = centred.sum(axis=1)
        self.second = (centred * centred).sum(axis=1)
        self.steps = returns.shape[0] // 2
        # Below this the deviation is what rounding leaves of returns that are all the same.
        self.least = 1e-12 * np.max(np.abs(returns), axis=0)

    def sharpe(self, splits: FloatArray) -> FloatArray:
        """Sharpe ratios of one step, shape (splits, trials)."""
        first, second = splits @ self.first, splits @ self.second
        mean = first / self.steps
        deviation = np.sqrt(np.maximum(second - first * mean, 0.0) / (self.steps - 1))
        return np.divide(mean + self.mean, deviation, out=np.zeros_like(mean), where=deviation > self.least)


def _ranked(sums: _Sums, splits: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rank outside, and ratios inside and outside, of the trial that is best inside each split."""
    inside, outside = sums.sharpe(splits), sums.sharpe(1.0 - splits)
    best: npt.NDArray[np.intp] = np.argmax(inside, axis=1)
    rows: npt.NDArray[np.intp] = np.arange(best.shape[0], dtype=np.intp)
    own = outside[rows, best]
    # Trials with the same returns may differ in the last bits: a matrix product adds up in an order of its own.
    near = 1e-12 * np.abs(own)
    below = np.count_nonzero(outside < (own - near)[:, None], axis=1)
    level = np.count_nonzero(outside <= (own + near)[:, None], axis=1) - below
    return below + (level + 1.0) / 2.0, inside[rows, best], own


def _slope(x: FloatArray, y: FloatArray) -> float:
    centred = x - np.mean(x)
    square = float(np.sum(centred * centred))
    return float(np.sum(centred * y)) / square if square > 0.0 else float("nan")

"""Numbers of the trades. All are pure functions of the arrays; NaN where not defined.

A win is a trade with ``pnl > 0``, a loss one with ``pnl < 0``: after fees, funding and slippage. Trades of exactly 0 are
neither, but count as trades.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.backtest.metrics.inputs import TradeArrays
from engines.backtest.metrics.returns import NAN, ratio
from engines.bars import FloatArray


class Outcome(NamedTuple):
    """Wins and losses of trades: counts, means and sums in quote currency; losses positive."""

    trades: int
    wins: int
    losses: int
    won: float
    lost: float

    @property
    def win_rate(self) -> float:
        """Wins over trades. ``qs.win_rate`` leaves those of exactly 0 out."""
        return ratio(float(self.wins), float(self.trades))

    @property
    def profit_factor(self) -> float:
        """Sum of the wins over the sum of the losses. ``qs.profit_factor`` of the results; infinite there without a loss."""
        return ratio(self.won, self.lost)

    @property
    def average_win(self) -> float:
        """Mean win. ``qs.avg_win`` of the results."""
        return ratio(self.won, float(self.wins))

    @property
    def average_loss(self) -> float:
        """Mean loss, positive. Minus ``qs.avg_loss`` of the results."""
        return ratio(self.lost, float(self.losses))

    @property
    def payoff(self) -> float:
        """Mean win over mean loss. ``qs.payoff_ratio`` of the results."""
        return ratio(self.average_win, self.average_loss)


def outcome(pnl: FloatArray) -> Outcome:
    """Count wins and losses of ``pnl``, shape (n,)."""
    return Outcome(
        trades=pnl.shape[0],
        wins=int(np.count_nonzero(pnl > 0.0)),
        losses=int(np.count_nonzero(pnl < 0.0)),
        won=float(np.sum(np.maximum(pnl, 0.0))),
        lost=-float(np.sum(np.minimum(pnl, 0.0))),
    )


def sqn(r_multiples: FloatArray) -> float:
    """System quality number: root of n times mean over standard deviation (``n - 1``) of the R multiples.

    V. Tharp, "The Definitive Guide to Position Sizing" (2008); without his bound of 100 on n. NaN where all are the same.
    """
    n = r_multiples.shape[0]
    if n < 2 or r_multiples.max() == r_multiples.min():
        return NAN
    return math.sqrt(n) * ratio(float(np.mean(r_multiples)), float(np.std(r_multiples, ddof=1)))


def longest_run(hits: npt.NDArray[np.bool_]) -> int:
    """Most hits in a row. ``qs.consecutive_wins`` and ``qs.consecutive_losses`` of the results."""
    breaks = np.flatnonzero(~hits)
    if breaks.shape[0] == 0:
        return hits.shape[0]
    between = int(np.max(np.diff(breaks), initial=1)) - 1
    return max(int(breaks[0]), between, hits.shape[0] - 1 - int(breaks[-1]))


def mean(values: FloatArray) -> float:
    """Mean, NaN of nothing."""
    return float(np.mean(values)) if values.shape[0] else NAN


class Excursion(NamedTuple):
    """Mean worst and best move while open: in percent of the entry, and in R. Adverse ones at most 0, favourable at least 0."""

    mae_percent: float
    mfe_percent: float
    mae_r: float
    mfe_r: float


def excursions(trades: TradeArrays) -> Excursion:
    """Mean excursions of the trades.

    One R in money is ``pnl / r_multiple``, so trades of exactly 0 and those without a stop are not in the means in R.
    J. Sweeney, "Maximum Adverse Excursion" (1996).
    """
    percent = 100.0 / trades.entry_price
    known = (trades.pnl != 0.0) & ~np.isnan(trades.r_multiple)
    in_r = trades.quantity[known] * trades.r_multiple[known] / trades.pnl[known]
    return Excursion(
        mean(trades.mae * percent),
        mean(trades.mfe * percent),
        mean(trades.mae[known] * in_r),
        mean(trades.mfe[known] * in_r),
    )

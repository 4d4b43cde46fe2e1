"""What an account has at stake, by market and by cluster, and what its open positions would have lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray
from engines.risk.portfolio import Portfolio


class Exposure(NamedTuple):
    """Open positions of a group of markets, at their values at entry, quote currency.

    ``gross`` is long and short added up, ``net`` long less short, ``risk`` the loss if every stop is hit.
    """

    name: str
    markets: tuple[str, ...]
    positions: int
    long: float
    short: float
    risk: float

    @property
    def gross(self) -> float:
        """Long and short added up."""
        return self.long + self.short

    @property
    def net(self) -> float:
        """Long less short."""
        return self.long - self.short


def exposures(portfolio: Portfolio, group: Callable[[str], str]) -> list[Exposure]:
    """Exposure by group of markets, the largest gross first; ties by name.

    Parameters
    ----------
    portfolio : Portfolio
    group : callable
        Market to the name of its group: its cluster, or itself.
    """
    found: dict[str, Exposure] = {}
    for position in portfolio.positions.values():
        name = group(position.market)
        one = found.get(name, Exposure(name, (), 0, 0.0, 0.0, 0.0))
        value = position.notional
        found[name] = Exposure(
            name,
            tuple(sorted({*one.markets, position.market})),
            one.positions + 1,
            one.long + (value if position.direction > 0 else 0.0),
            one.short + (value if position.direction < 0 else 0.0),
            one.risk + position.risk,
        )
    return sorted(found.values(), key=lambda one: (-one.gross, one.name))


def portfolio_returns(portfolio: Portfolio, markets: Sequence[str], log_returns: FloatArray) -> FloatArray:
    """Returns on equity that the open positions would have had in each past step, held unchanged at their entry values.

    Parameters
    ----------
    portfolio : Portfolio
        With equity above 0.
    markets : sequence of str
        Of the rows of ``log_returns``.
    log_returns : ndarray of float, shape (markets, n)
        NaN where there is none.

    Returns
    -------
    ndarray of float
        One value for each step for which every market that is held has a return, oldest first.
    """
    weights = np.zeros(len(markets))
    places = {market: place for place, market in enumerate(markets)}
    for position in portfolio.positions.values():
        weights[places[position.market]] += position.direction * position.notional / portfolio.equity
    held = np.flatnonzero([any(p.market == market for p in portfolio.positions.values()) for market in markets])
    known = ~np.isnan(log_returns[held]).any(axis=0)
    return weights[held] @ np.expm1(log_returns[held][:, known])

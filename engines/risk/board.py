"""Closes of many markets side by side on one grid of time, and what was known of them at an instant."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.risk.correlation import UNMEASURED, annual_volatility, clusters, log_returns
from engines.risk.policy import RiskPolicy
from engines.state import AnyArray
from engines.timeframe import Timeframe


class BoardArrays(NamedTuple):
    """A `Board` as arrays: the step of its last column, its closes by market and step, the markets as JSON."""

    edge: TimeArray
    closes: FloatArray
    markets: AnyArray


class Board:
    """A window of closes, one row a market in order of names, one column a step of the grid; NaN where there is none.

    A column's step is the number of whole steps from the grid's origin to the instant its closes become known.

    Parameters
    ----------
    policy : RiskPolicy
    """

    def __init__(self, policy: RiskPolicy) -> None:
        self._policy = policy
        self._grid = Timeframe(policy.returns_timeframe)
        # Clusters are measured on whole multiples of correlation_refresh: up to that much before an instant.
        self._keep = policy.returns_window + policy.correlation_refresh
        self.markets: list[str] = []
        self._rows: dict[str, int] = {}
        self._edge = -self._keep
        self._closes = np.empty((0, self._keep))
        self._measured: tuple[int, dict[str, str], dict[str, frozenset[str]]] | None = None

    @property
    def edge(self) -> int:
        """Step of the last column."""
        return self._edge

    @property
    def step_ms(self) -> int:
        """Length of a step of the grid, ms."""
        return self._grid.milliseconds

    def step(self, instant: int) -> int:
        """Step of the newest closes that are known at an instant."""
        return (instant - self._grid.offset_ms) // self._grid.milliseconds

    def instant(self, step: int) -> int:
        """Instant (ms) at which the closes of a step become known."""
        return step * self._grid.milliseconds + self._grid.offset_ms

    def extend(
        self, edge: int, markets: Iterable[str], rows: Iterable[str], steps: TimeArray, closes: FloatArray
    ) -> None:
        """Add closes and move the last column to ``edge``.

        Parameters
        ----------
        edge : int
        markets : iterable of str
            Markets that must have a row from now on.
        rows, steps, closes
            Market, step and value of each close; all after the last column and none after ``edge``.
        """
        names = sorted({*self.markets, *markets})
        # An instant of the new columns may look back as far as the columns that are kept.
        fresh = np.full((len(names), self._keep + max(0, edge - self._edge)), np.nan)
        places = {name: place for place, name in enumerate(names)}
        for name, row in self._rows.items():
            fresh[places[name], : self._keep] = self._closes[row, -self._keep :]
        at = np.array([places[name] for name in rows], np.int64)
        fresh[at, steps - self._edge + self._keep - 1] = closes
        self.markets, self._rows, self._closes = names, places, fresh
        self._edge = max(edge, self._edge)
        self._measured = None

    def begin(self, edge: int) -> None:
        """Put the last column of an empty board to ``edge``."""
        if not self.markets:
            self._edge = edge

    def trim(self) -> None:
        """Forget what no later instant looks back to."""
        self._closes = self._closes[:, -self._keep :].copy()

    def volatility(self, market: str, instant: int) -> tuple[float, int]:
        """Annual volatility of a market's returns known at an instant (NaN if too few), and how many there are."""
        row = self._rows.get(market)
        if row is None:
            return float("nan"), 0
        returns = self._returns(self.step(instant))[row]
        count = int((~np.isnan(returns)).sum())
        return annual_volatility(returns, self.step_ms, self._policy.min_returns), count

    def cluster(self, market: str, instant: int) -> tuple[str, frozenset[str]]:
        """Name and markets of a market's cluster, as measured at the last refresh at or before an instant."""
        step = self.step(instant)
        step -= step % self._policy.correlation_refresh
        if self._measured is None or self._measured[0] != step:
            self._measured = (step, *self._measure(step))
        _, names, members = self._measured
        name = names.get(market, UNMEASURED)
        return name, members.get(name, frozenset()) | {market}

    def clusters(self, instant: int) -> dict[str, str]:
        """Cluster of every market as measured at the last refresh at or before an instant."""
        return {market: self.cluster(market, instant)[0] for market in self.markets}

    def returns(self, instant: int) -> FloatArray:
        """Log returns known at an instant, shape (markets, returns_window), NaN where there is none."""
        return self._returns(self.step(instant))

    def _returns(self, step: int) -> FloatArray:
        end = self._closes.shape[1] - (self._edge - step)
        return log_returns(self._closes[:, max(0, end - self._policy.returns_window - 1) : max(0, end)])

    def _measure(self, step: int) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
        policy = self._policy
        names = clusters(self.markets, self._returns(step), policy.cluster_correlation, policy.min_returns)
        members: dict[str, set[str]] = {}
        for market, name in names.items():
            members.setdefault(name, set()).add(market)
        return names, {name: frozenset(found) for name, found in members.items()}

    def as_arrays(self) -> BoardArrays:
        """State as arrays."""
        names = np.frombuffer(json.dumps(self.markets, separators=(",", ":")).encode(), np.uint8)
        return BoardArrays(np.array([self._edge], np.int64), self._closes, names)

    @classmethod
    def from_arrays(cls, policy: RiskPolicy, arrays: BoardArrays) -> Board:
        """Build the board `as_arrays` was taken of."""
        board = cls(policy)
        board.markets = json.loads(arrays.markets.tobytes())
        board._rows = {name: place for place, name in enumerate(board.markets)}
        board._edge = int(arrays.edge[0])
        board._closes = arrays.closes
        return board

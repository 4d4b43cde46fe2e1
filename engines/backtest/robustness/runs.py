"""What the tests run a backtest through."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.result import BacktestResult


class Run(Protocol):
    """Backtests signals under a configuration, always on the same bars.

    ``partial(backtest, bars, funding=funding)`` is one.
    """

    def __call__(self, signals: pl.DataFrame, config: BacktestConfig, /) -> BacktestResult:
        """Trade the signals."""
        ...

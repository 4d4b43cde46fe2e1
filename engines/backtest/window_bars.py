"""Market data cut into the windows of a walk-forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.inputs import MARKET
from engines.backtest.simulate import PreparedBars
from engines.signals.rows import times
from engines.timeframe import Timeframe


def between(frame: pl.DataFrame, begin: int, end: int) -> pl.DataFrame:
    """Rows in a time; without a copy where they stand in its order."""
    ts = times(frame["ts"])
    if MARKET not in frame.columns and (ts.shape[0] < 2 or bool((ts[1:] >= ts[:-1]).all())):
        first, last = np.searchsorted(ts, [begin, end]).tolist()
        return frame.slice(first, last - first)
    return frame.filter(pl.Series((ts >= begin) & (ts < end)))


@dataclass(frozen=True)
class MarketData:
    """The market data, to be cut into windows."""

    bars: pl.DataFrame
    funding: pl.DataFrame | None
    mark: pl.DataFrame | None
    finer: pl.DataFrame | None
    timeframe: Timeframe
    market: str
    warm_up: int | None

    def warm_up_of(self, config: BacktestConfig) -> int:
        """Bars that a configuration must see before a window: none but for a trailing stop."""
        if self.warm_up is not None:
            return self.warm_up
        return 20 * config.trailing.atr_period if config.trailing is not None else 0

    def prepared(self, begin: int, end: int, warm_up: int) -> PreparedBars | None:
        """Bars of a window, and those before it; None if it has none."""
        early = begin - warm_up * self.timeframe.milliseconds
        bars = between(self.bars, early, end)
        if not between(bars, begin, end).height:
            return None
        return PreparedBars(
            bars,
            funding=_funding_of(self.funding, bars),
            mark=_of_markets(self.mark, bars, early, end),
            finer=_of_markets(self.finer, bars, early, end),
            timeframe=self.timeframe,
            market=self.market,
        )


def _of_markets(frame: pl.DataFrame | None, bars: pl.DataFrame, begin: int, end: int) -> pl.DataFrame | None:
    """Rows in a time, of markets that have bars in it."""
    frame = _funding_of(frame, bars)
    return None if frame is None else between(frame, begin, end)


def _funding_of(frame: pl.DataFrame | None, bars: pl.DataFrame) -> pl.DataFrame | None:
    if frame is None or MARKET not in frame.columns or MARKET not in bars.columns:
        return frame
    return frame.filter(pl.col(MARKET).is_in(bars[MARKET].unique().to_list()))

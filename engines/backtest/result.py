"""What a backtest found. Frames and metrics are made when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.account import FUNDING_PAID, LOG_PRICE, LOG_QUANTITY, LOG_REASON, LOGGED, Account
from engines.backtest.config import BacktestConfig
from engines.backtest.frames import equity_frame, fill_frame, funding_frame, identities, trade_arrays, trade_frame
from engines.backtest.inputs import Series
from engines.backtest.marking import (
    DAY,
    DAYS,
    DRAWDOWN,
    EQUITY,
    EXPOSED,
    HELD_BARS,
    LONGEST,
    MARKS,
    OUT_COLUMNS,
    Marks,
    mark,
    new_marks,
)
from engines.backtest.metrics import Curve, summary
from engines.backtest.rows import FATES
from engines.bars import FloatArray, TimeArray
from engines.timeframe import Timeframe

_DAY_MS = 86_400_000


@dataclass(frozen=True)
class History:
    """What the frames of a result are made of.

    Attributes
    ----------
    series : Series
        Bars of all markets.
    account : Account
        The account with its logs, after the last bar.
    signals : DataFrame
        As they were given.
    order : ndarray of int64
        Row of ``signals`` of each signal, by its number in the account.
    """

    series: Series
    account: Account
    signals: pl.DataFrame
    order: npt.NDArray[np.int64]


@dataclass(frozen=True)
class BacktestResult:
    """Trades, fills, equity and metrics of one backtest.

    Attributes
    ----------
    config : BacktestConfig
    timeframe : Timeframe
    markets : tuple of str
    history : History
    """

    config: BacktestConfig
    timeframe: Timeframe
    markets: tuple[str, ...]
    history: History = field(repr=False)

    @property
    def first_ts(self) -> int:
        """Open time of the first bar, milliseconds UTC."""
        return int(self.history.series.bars.ts[self.history.series.begin[:-1]].min())

    @property
    def last_ts(self) -> int:
        """Open time of the last bar, milliseconds UTC."""
        return int(self.history.series.bars.ts[self.history.series.begin[1:] - 1].max())

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row a position (`engines.backtest.rows.TRADE_SCHEMA`), in the order in which they were closed."""
        return trade_frame(self.history.account, self._known, self.markets)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Every fill (`engines.backtest.rows.FILL_SCHEMA`), in order."""
        return fill_frame(self.history.account, self._known, self.markets)

    @cached_property
    def fundings(self) -> pl.DataFrame:
        """Every funding paid or received (negative), in order."""
        return funding_frame(self.history.account, self.markets)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """The account at each close (`engines.backtest.rows.EQUITY_SCHEMA`)."""
        series = self.history.series
        times = int(series.bars.ts.shape[0]) if len(self.markets) == 1 else int(np.unique(series.bars.ts).shape[0])
        ts, out, _ = mark_account(series, self.history.account, new_marks(self.config.cash, len(self.markets)), times)
        return equity_frame(ts, out)

    @cached_property
    def signals(self) -> pl.DataFrame:
        """The signals as they were given, with what became of each in the column ``fate``."""
        fates = np.zeros(self.history.order.shape[0], np.int64)
        fates[self.history.order] = self.history.account.fates
        names = pl.Series("fate", [str(fate) for fate in FATES], pl.String)
        return self.history.signals.with_columns(names.gather(fates).alias("fate"))

    @cached_property
    def curve(self) -> Curve:
        """Equity by day and what was measured bar by bar."""
        account = self.history.account
        marks = new_marks(self.config.cash, len(self.markets))
        _, _, days = mark_account(self.history.series, account, marks, 0)
        count = account.counters[LOGGED]
        filled = account.log_numbers[:count, LOG_REASON] != FUNDING_PAID
        traded = account.log[:count, LOG_PRICE] * account.log[:count, LOG_QUANTITY]
        values, whole = marks.values, marks.numbers
        ended = int(whole[DAYS])
        equity = np.append(days[:ended], values[EQUITY])
        last_day = int(whole[DAY])
        bars = int(whole[MARKS])
        return Curve(
            day_ts=np.arange(last_day - ended, last_day + 1) * _DAY_MS,
            day_equity=equity,
            start_equity=self.config.cash,
            max_drawdown=float(values[DRAWDOWN]),
            max_drawdown_ms=int(whole[LONGEST]),
            time_in_market=float(whole[HELD_BARS]) / bars,
            mean_exposure=float(values[EXPOSED]) / bars,
            traded_notional=float(traded[filled].sum()),
            bars=bars,
        )

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by their names (`engines.backtest.metrics`); NaN where one is not defined."""
        return summary(self.curve, trade_arrays(self.history.account))

    @cached_property
    def _known(self) -> pl.DataFrame:
        return identities(self.history.signals)[self.history.order]


def mark_account(
    series: Series, account: Account, marks: Marks, times: int
) -> tuple[TimeArray, FloatArray, FloatArray]:
    """Mark an account at every close of a series.

    Parameters
    ----------
    series : Series
    account : Account
        Its log holds what happened in these bars.
    marks : Marks
        Changed in place.
    times : int
        How many marks there will be; 0 to write none.

    Returns
    -------
    ts : ndarray of int64, shape (times,)
    out : ndarray of float64, shape (OUT_COLUMNS, times)
    days : ndarray of float64
        Equity at the end of each day that ended.
    """
    bars = series.bars
    count = bars.ts.shape[0]
    # The present day at the first call is that of the first bar, later that of the last mark.
    began = int(marks.numbers[DAY])
    newest = int(bars.ts[series.begin[1:][np.diff(series.begin) > 0] - 1].max()) // _DAY_MS if count else began
    oldest = began if began >= 0 else int(bars.ts[series.begin[:-1][np.diff(series.begin) > 0]].min()) // _DAY_MS
    days = np.zeros(max(newest - oldest, 0) + 1 + int(marks.numbers[DAYS]))
    ts, out = np.empty(times, np.int64), np.empty((OUT_COLUMNS, times))
    rows = np.array([0, account.counters[LOGGED]], np.int64)
    mark(bars.ts, bars.close, series.begin, account.log, account.log_numbers, rows, marks, days, ts, out)
    return ts, out, days

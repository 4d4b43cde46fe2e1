"""The backtest: bars and signals in, trades, fills and equity out; at once, or as bars close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.account import (
    DIRECTION,
    FATE_PENDING,
    LOGGED,
    NEXT_FUNDING,
    NEXT_SIGNAL,
    SEEN,
    TRADES,
    Account,
    Terms,
    new_account,
    terms_of,
)
from engines.backtest.bar_walk import Tape
from engines.backtest.config import BacktestConfig
from engines.backtest.decisions import Orders
from engines.backtest.errors import BadBacktest
from engines.backtest.frames import equity_frame, fill_frame, identities, trade_frame
from engines.backtest.inputs import MARKET, Series, infer_timeframe, market_names, take_bars, take_orders, take_tape
from engines.backtest.loop import NEEDS_ROOM, close_all, find_excursions, run
from engines.backtest.marking import EQUITY, OUT_CASH, OUT_COLUMNS, OUT_DRAWDOWN, OUT_EQUITY, PEAK, Marks, new_marks
from engines.backtest.result import BacktestResult, History, mark_account
from engines.backtest.rows import FILL_SCHEMA, TRADE_SCHEMA
from engines.bars import NO_BAR, FloatArray, TimeArray
from engines.timeframe import Timeframe

_NO_FILLS, _NO_TRADES = FILL_SCHEMA.to_frame(), TRADE_SCHEMA.to_frame()
_ROWS_A_BAR = 8
"""Fills of one market in one bar: closing, entry, the rest of an entry, stop or liquidation, two targets; and some."""


class Step(NamedTuple):
    """What one call of `Simulation.advance` brought.

    Attributes
    ----------
    fills, trades, equity : DataFrame
        In the schemas of `engines.backtest.rows`; ``trades`` are those that were closed.
    """

    fills: pl.DataFrame
    trades: pl.DataFrame
    equity: pl.DataFrame


def backtest(
    bars: pl.DataFrame,
    signals: pl.DataFrame,
    config: BacktestConfig | None = None,
    *,
    funding: pl.DataFrame | None = None,
    mark: pl.DataFrame | None = None,
    finer: pl.DataFrame | None = None,
    timeframe: Timeframe | str | None = None,
    market: str = "",
) -> BacktestResult:
    """Trade signals on bars, by the rules that `docs/backtest.md` states.

    Parameters
    ----------
    bars : DataFrame
        Closed bars in the normal form (`engines.bars.BAR_SCHEMA`) of one market; or of many on one account, told apart by a
        column ``market``, each in order of time.
    signals : DataFrame
        Columns of `engines.backtest.rows.SIGNAL_COLUMNS`, as far as they are needed, and, if there, ``signal_id`` and
        ``strategy``; with ``market`` if the bars have it. A signal decided at the close of its ``ts`` fills from the next bar on.
    config : BacktestConfig, optional
    funding : DataFrame, optional
        ``ts``, ``funding_rate``, of any interval.
    mark : DataFrame, optional
        Mark prices as bars of the shortest timeframe given; volume may be missing.
    finer : DataFrame, optional
        Bars of a shorter timeframe, which tell what happened first within a bar.
    timeframe : Timeframe or str, optional
        Inferred from the bars if not given.
    market : str
        Name of the only market, where the bars have no column of it.

    Returns
    -------
    BacktestResult

    Raises
    ------
    BadBacktest
        Naming the field, or the table and row. Nothing has run.

    Examples
    --------
    >>> result = backtest(bars, signals, BacktestConfig(size=0.01))
    >>> result.metrics["total_return"], result.trades.height
    """
    prepared = PreparedBars(bars, funding=funding, mark=mark, finer=finer, timeframe=timeframe, market=market)
    return prepared.backtest(signals, config or BacktestConfig())


class PreparedBars:
    """Bars, checked and taken apart once, for many backtests on them.

    Parameters
    ----------
    bars, funding, mark, finer, timeframe, market
        As for `backtest`.

    Raises
    ------
    BadBacktest
    """

    def __init__(
        self,
        bars: pl.DataFrame,
        *,
        funding: pl.DataFrame | None = None,
        mark: pl.DataFrame | None = None,
        finer: pl.DataFrame | None = None,
        timeframe: Timeframe | str | None = None,
        market: str = "",
    ) -> None:
        self.timeframe = infer_timeframe(bars) if timeframe is None else Timeframe(timeframe)
        self.markets = market_names(bars, market)
        self.series = take_bars(bars, self.markets, self.timeframe)
        if not self.series.bars.ts.shape[0]:
            raise BadBacktest("bars", "there are none")
        self._last = int(self.series.bars.ts[self.series.begin[1:][np.diff(self.series.begin) > 0] - 1].max())
        self._funding, self._mark, self._finer = funding, mark, finer
        self._tapes: dict[float, Tape] = {}

    def backtest(self, signals: pl.DataFrame, config: BacktestConfig) -> BacktestResult:
        """Trade signals on these bars. May be called by several threads at once.

        Raises
        ------
        BadBacktest
            Nothing has run.
        """
        orders, order = take_orders(signals, self.markets, self.series, config)
        machine = _Machine(config, len(self.markets))
        machine.run(self.tape(config), orders)
        machine.close(self._last, np.diff(self.series.begin))
        return BacktestResult(
            config, self.timeframe, self.markets, History(self.series, machine.account, signals, order)
        )

    def tape(self, config: BacktestConfig) -> Tape:
        """What the loop reads; of the configuration it depends only on the longest gap of the fundings."""
        gap = float(config.max_funding_gap_hours)
        if gap not in self._tapes:
            self._tapes[gap] = take_tape(
                self.series,
                self.markets,
                self.timeframe,
                config,
                funding=self._funding,
                mark=self._mark,
                finer=self._finer,
            )
        return self._tapes[gap]


class _Machine:
    """The compiled loop with its account, and the care for the room in its logs."""

    def __init__(self, config: BacktestConfig, markets: int) -> None:
        self.account: Account = new_account(config, markets)
        self.terms: Terms = terms_of(config)
        self.signals = 0

    def run(self, tape: Tape, orders: Orders) -> None:
        """Take the account through the bars of a tape."""
        count = orders.ts.shape[0]
        first = self.signals
        markets = tape.begin.shape[0] - 1
        self.signals += count
        most_rows = self._most_rows(tape, markets)
        self._make_room(most_rows + 4 * count + 64, first, count, markets)
        self.account.slots[:, NEXT_FUNDING] = 0
        self.account.counters[NEXT_SIGNAL] = 0
        cursor = tape.begin[:-1].copy()
        while run(tape, orders, self.terms, self.account, cursor, first, most_rows) == NEEDS_ROOM:
            self._make_room(self.account.log.shape[0] + most_rows, 0, 0, markets)
        if markets == 1 and tape.bars.ts.shape[0]:
            # Trades of calls before have been taken out of the log, or looked at.
            find_excursions(tape.bars.high, tape.bars.low, self.account, 0, int(self.account.slots[0, SEEN]))
        self.account.slots[:, SEEN] += np.diff(tape.begin)

    def close(self, now: int, counts: TimeArray) -> None:
        """Close what is open at the last closes."""
        markets = self.account.slots.shape[0]
        self._make_room(markets, 0, 0, markets)
        close_all(self.terms, self.account, now, counts)

    def take_logs(self) -> Account:
        """The account with what its logs hold, which are empty after."""
        taken = self.account
        logged, trades = taken.counters[LOGGED], taken.counters[TRADES]
        copy = taken._replace(
            counters=taken.counters.copy(),
            log=taken.log[:logged].copy(),
            log_numbers=taken.log_numbers[:logged].copy(),
            trades=taken.trades[:trades].copy(),
            trade_numbers=taken.trade_numbers[:trades].copy(),
        )
        taken.counters[LOGGED] = taken.counters[TRADES] = 0
        return copy

    def _make_room(self, rows: int, first: int, signals: int, markets: int) -> None:
        account = self.account
        log, numbers = account.log, account.log_numbers
        needed = int(account.counters[LOGGED]) + rows
        if needed > log.shape[0]:
            size = max(needed, 2 * log.shape[0])
            log, numbers = _longer(log, size), _longer(numbers, size)
        trades, trade_numbers = account.trades, account.trade_numbers
        needed = int(account.counters[TRADES]) + signals + markets
        if needed > trades.shape[0]:
            size = max(needed, 2 * trades.shape[0])
            trades, trade_numbers = _longer(trades, size), _longer(trade_numbers, size)
        fates = account.fates
        if first + signals > fates.shape[0]:
            fates = np.concatenate([fates, np.full(first + signals - fates.shape[0], FATE_PENDING, np.int8)])
        self.account = account._replace(
            log=log, log_numbers=numbers, trades=trades, trade_numbers=trade_numbers, fates=fates
        )

    def _most_rows(self, tape: Tape, markets: int) -> int:
        walks = 1
        if tape.finer_begin.shape[0]:
            walks = max(1, int((tape.finer_end - tape.finer_begin).max(initial=1)))
        return markets * (_ROWS_A_BAR * walks + 1) + tape.funding_ts.shape[0]


def _longer(array: npt.NDArray[np.generic], rows: int) -> npt.NDArray[np.generic]:
    made = np.zeros((rows, array.shape[1]), array.dtype)
    made[: array.shape[0]] = array
    return made


class Simulation:
    """The same machine as `backtest`, fed piece by piece: what a live account does with bars as they close.

    However the bars are cut into calls, fills, trades and equity are the same, bit for bit.

    Parameters
    ----------
    config : BacktestConfig
    timeframe : Timeframe or str
    markets : sequence of str
        All markets of the account, in the order of their names. A call may leave some out.
    """

    def __init__(
        self, config: BacktestConfig, *, timeframe: Timeframe | str, markets: tuple[str, ...] | list[str] = ("",)
    ) -> None:
        self._config = config
        self._grid = Timeframe(timeframe)
        self._names = tuple(sorted(markets))
        if not self._names or len(set(self._names)) != len(self._names):
            raise BadBacktest("markets", f"must be named once each, and at least one: {', '.join(markets)}")
        self._machine = _Machine(config, len(self._names))
        self._marks = new_marks(config.cash, len(self._names))
        self._last: TimeArray = np.full(len(self._names), NO_BAR, np.int64)
        self._identities: list[pl.DataFrame] = []
        self._finished = False

    @property
    def equity(self) -> float:
        """Equity at the last close; what was paid in before the first."""
        return float(self._marks.values[EQUITY])

    @property
    def open_positions(self) -> int:
        """Number of open positions."""
        return int((self._machine.account.slots[:, DIRECTION] != 0).sum())

    def advance(
        self,
        bars: pl.DataFrame,
        signals: pl.DataFrame,
        *,
        funding: pl.DataFrame | None = None,
        mark: pl.DataFrame | None = None,
        finer: pl.DataFrame | None = None,
    ) -> Step:
        """Trade the next bars and the signals decided at their closes.

        Bars of all markets must come in the order of time: none may be before a bar of another call.

        Raises
        ------
        BadBacktest
            Nothing has moved.
        """
        if self._finished:
            raise BadBacktest("bars", "the simulation is finished; make a new one")
        series = take_bars(bars, self._names, self._grid, self._last)
        times = series.bars.ts
        newest = int(self._last.max())
        if times.shape[0] and int(times.min()) < newest:
            raise BadBacktest(
                "bars", "some open before a bar of a call before; bring the bars of all markets in the order of time"
            )
        orders, _ = take_orders(signals, self._names, series, self._config)
        if funding is not None and newest != NO_BAR:
            funding = self._not_yet_due(funding)
        tape = take_tape(series, self._names, self._grid, self._config, funding=funding, mark=mark, finer=finer)
        if signals.height:
            self._identities.append(identities(signals))
        self._machine.run(tape, orders)
        for m in range(len(self._names)):
            begin, end = series.begin[m], series.begin[m + 1]
            if end > begin:
                self._last[m] = times[end - 1]
        return self._step(series)

    def _not_yet_due(self, funding: pl.DataFrame) -> pl.DataFrame:
        """Fundings after the last bar of their market: those before were paid, or passed over, in calls before."""
        paid = [NO_BAR if last == NO_BAR else last + self._grid.milliseconds for last in self._last.tolist()]
        until = pl.lit(paid[0], pl.Int64)
        if MARKET in funding.columns:
            until = pl.col(MARKET).replace_strict(self._names, paid, default=NO_BAR, return_dtype=pl.Int64)
        return funding.filter(pl.col("ts").to_physical() >= until)

    def finish(self) -> Step:
        """Close what is open at the last closes. The equity row is that of the last bar, after it."""
        self._finished = True
        now = int(self._last.max())
        if now == NO_BAR:
            raise BadBacktest("bars", "there were none")
        self._machine.close(now, self._machine.account.slots[:, SEEN].copy())
        return self._step(None)

    def _step(self, series: Series | None) -> Step:
        taken = self._machine.take_logs()
        if series is None:
            ts, out = _closed(taken, self._marks, int(self._last.max()))
        else:
            ts, out, _ = mark_account(series, taken, self._marks, int(np.unique(series.bars.ts).shape[0]))
        equity = equity_frame(ts, out)
        if not taken.counters[LOGGED]:
            return Step(_NO_FILLS, _NO_TRADES, equity)
        self._identities = [pl.concat(self._identities)]
        known = self._identities[0]
        return Step(fill_frame(taken, known, self._names), trade_frame(taken, known, self._names), equity)


def _closed(account: Account, marks: Marks, now: int) -> tuple[TimeArray, FloatArray]:
    """The mark of an account without positions."""
    out = np.zeros((OUT_COLUMNS, 1))
    out[OUT_CASH] = out[OUT_EQUITY] = account.cash[0]
    peak = max(marks.values[PEAK], account.cash[0])
    out[OUT_DRAWDOWN] = (peak - account.cash[0]) / peak
    return np.array([now], np.int64), out

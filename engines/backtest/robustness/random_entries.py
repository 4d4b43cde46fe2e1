"""Are the entries better than entries at random? The same orders, at random bars of the same market, at the same costs.

A randomisation test: every trade keeps its direction, the distances of its stop and targets in average true ranges (or in parts
of the price), and, where a signal or the end closed it, its length; only its time is drawn. What random entries make is what direction, exits, costs and
the market's drift make by themselves; the entries are worth what is beyond that. The p value counts the strategy's own run as
one of the random ones, so that it never is 0: B. Phipson and G. Smyth, "Permutation P-values Should Never Be Zero",
Statistical Applications in Genetics and Molecular Biology 9 (2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.config import EntryOrder
from engines.backtest.errors import BadBacktest
from engines.backtest.inputs import MARKET
from engines.backtest.metrics.catalogue import CATALOGUE, Better
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.runs import Run
from engines.backtest.robustness.stress import price_column, rows_by_market
from engines.backtest.rows import Fate, Reason
from engines.bars import FloatArray, TimeArray
from engines.signals.rows import time_series, times

_PERIOD = 14
"""Bars of the average true range."""
_MOST_SCALED = 20.0
PRICES = ("entry", "stop", "target_1", "target_2")
_CLOSED_BY_TIME = (Reason.SIGNAL, Reason.OPPOSITE, Reason.END)
"""Ends that come with no price of the order's own: the random trade is closed after as many bars."""


class DistanceUnit(StrEnum):
    """In which unit a random trade keeps the distances of its entry, stop and targets."""

    RANGE = "range"
    """Average true ranges: as far away as the market moves at the time, so that trades last about as long."""
    PRICE = "price"
    """Parts of the price: for strategies whose distances do not follow how much the market moves."""


@dataclass(frozen=True, kw_only=True)
class RandomEntries:
    """A strategy against random entries.

    Attributes
    ----------
    metric : str
    observed : float
        That of the strategy.
    values : ndarray of float64, shape (runs,)
        That of each random run; NaN where it is not defined.
    trades : ndarray of float64, shape (runs,)
        Trades of each random run.
    observed_trades : int
    p : float
        ``(1 + runs at least as good) / (1 + runs)``; a run without the metric counts as at least as good.
    """

    metric: str
    observed: float
    values: FloatArray
    trades: FloatArray
    observed_trades: int
    p: float


@dataclass(frozen=True)
class _Orders:
    """Orders of one market.

    Prices are logarithms over the close at which they were decided, in ``unit``, which each bar has its own of.
    """

    market: int
    direction: npt.NDArray[np.int8]
    prices: dict[str, FloatArray]
    unit: FloatArray
    quantity: FloatArray
    span: npt.NDArray[np.int64]
    """Bars from a signal to the next one that is possible."""
    held: npt.NDArray[np.int64]
    """Bars from a signal to the one that closes it; 0 where a price does."""


def random_entries(
    result: BacktestResult,
    run: Run,
    *,
    runs: int = 500,
    metric: str = "total_return",
    unit: DistanceUnit = DistanceUnit.RANGE,
    seed: int = 1,
) -> RandomEntries:
    """Hold a backtest against the same orders at random bars.

    The trades of a market come in a random order with random gaps between them, as far apart as they were long, so that they
    seldom meet; one that meets an open position is passed over, as any signal is.

    Parameters
    ----------
    result : BacktestResult
        The strategy's.
    run : Run
        Over the same bars.
    runs : int
        The smallest p value is ``1 / (1 + runs)``.
    metric : str
        Name of the metric compared.
    unit : DistanceUnit
    seed : int

    Raises
    ------
    BadBacktest
        For a metric that does not exist or has no better side, or a backtest without trades.
    """
    better = next((one.better for one in CATALOGUE if one.name == metric), Better.NEITHER)
    if better is Better.NEITHER:
        raise BadBacktest("metric", f"{metric!r} is not a metric with a better side")
    if runs < 1:
        raise BadBacktest("runs", f"must be at least 1, not {runs!r}")
    if not result.trades.height:
        raise BadBacktest("result", "there are no trades to hold against random ones")
    orders = _orders_of(result, unit)
    random = np.random.default_rng(seed)
    values, trades = np.empty(runs), np.empty(runs)
    for k in range(runs):
        metrics = run(_drawn(random, orders, result), result.config).metrics
        values[k], trades[k] = metrics[metric], metrics["trades"]
    observed = result.metrics[metric]
    side = 1.0 if better is Better.HIGH else -1.0
    # Not "at least": NaN on either side must count against the strategy.
    worse = int(np.count_nonzero(values * side < observed * side))
    return RandomEntries(
        metric=metric,
        observed=observed,
        values=values,
        trades=trades,
        observed_trades=result.trades.height,
        p=(1 + runs - worse) / (1 + runs),
    )


def _orders_of(result: BacktestResult, unit: DistanceUnit) -> list[_Orders]:
    """Orders that were sent: those that became a trade and, if they wait for a price, those that it never reached."""
    series, signals = result.history.series, result.signals
    sent = signals["fate"] == Fate.FILLED
    if result.config.entry is not EntryOrder.MARKET:
        sent |= signals["fate"].is_in([Fate.NOT_REACHED, Fate.STOP_BEYOND])
    is_sent = sent.to_numpy()
    prices = {name: price_column(signals, name) for name in PRICES}
    quantity = price_column(signals, "quantity")
    direction = signals["direction"].to_numpy().astype(np.int8)
    found: list[_Orders] = []
    for m, mine in enumerate(rows_by_market(signals, result.markets)):
        rows = mine[is_sent[mine]]
        bars = series.bars.ts[series.begin[m] : series.begin[m + 1]]
        if not rows.shape[0]:
            continue
        ts = times(signals["ts"])[rows]
        bar = np.searchsorted(bars, ts)
        close = series.bars.close[series.begin[m] + bar]
        units = _units(result, m, unit)
        span, held = _lengths(result, m, ts, bars)
        found.append(
            _Orders(
                m,
                direction[rows],
                {name: np.log(column[rows] / close) / units[bar] for name, column in prices.items()},
                units,
                quantity[rows],
                span,
                held,
            )
        )
    return found


def _units(result: BacktestResult, market: int, unit: DistanceUnit) -> FloatArray:
    """Unit of distances at each bar of a market, a part of the price."""
    series = result.history.series
    mine = slice(series.begin[market], series.begin[market + 1])
    high, low, close = series.bars.high[mine], series.bars.low[mine], series.bars.close[mine]
    same: FloatArray = np.ones(len(close))
    if unit is DistanceUnit.PRICE:
        return same
    before = np.append(close[:1], close[:-1])
    ranges = (np.maximum(high, before) - np.minimum(low, before)) / close
    average: FloatArray = pl.Series(ranges).ewm_mean(alpha=1.0 / _PERIOD, adjust=True).to_numpy()
    # Where nothing moves for long, distances do not shrink to nothing.
    typical = float(np.median(average))
    if typical > 0.0:
        np.clip(average, typical / _MOST_SCALED, typical * _MOST_SCALED, out=same)
    return same


def _lengths(
    result: BacktestResult, market: int, ts: TimeArray, bars: TimeArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Bars that each order took, and after which it must be closed."""
    span = np.full(ts.shape[0], result.config.valid_bars + 1, np.int64)
    held = np.zeros(ts.shape[0], np.int64)
    trades = result.trades.filter(pl.col(MARKET) == result.markets[market])
    begun, ended = times(trades["signal_ts"]), times(trades["exit_ts"])
    by_time = trades["exit_reason"].is_in([str(reason) for reason in _CLOSED_BY_TIME]).to_numpy()
    length = np.searchsorted(bars, ended) - np.searchsorted(bars, begun)
    at = (
        np.searchsorted(ts, begun)
        if np.all(np.diff(ts) > 0)
        else np.array([int((ts == one).argmax()) for one in begun])
    )
    span[at] = np.maximum(length, 1)
    # A signal closes at the open after its bar; what the end closed had all of its last bar.
    signalled = (trades["exit_reason"] != Reason.END).to_numpy()
    held[at[by_time]] = np.maximum(length - signalled, 1)[by_time]
    return span, held


def _drawn(random: np.random.Generator, orders: list[_Orders], result: BacktestResult) -> pl.DataFrame:
    """Signals at random bars."""
    frames: list[pl.DataFrame] = []
    series = result.history.series
    for one in orders:
        begin, end = series.begin[one.market], series.begin[one.market + 1]
        ts, closes = series.bars.ts[begin:end], series.bars.close[begin:end]
        chosen, bar = _placed(random, one.span, ts.shape[0] - 1)
        columns = {name: closes[bar] * np.exp(values[chosen] * one.unit[bar]) for name, values in one.prices.items()}
        entries = pl.DataFrame(
            [
                time_series("ts", ts[bar]),
                pl.Series("direction", one.direction[chosen]),
                *(pl.Series(name, values, nan_to_null=True) for name, values in columns.items()),
                pl.Series("quantity", one.quantity[chosen], nan_to_null=True),
            ]
        )
        closing = bar + one.held[chosen]
        closing = closing[(closing > bar) & (closing < ts.shape[0])]
        closings = pl.DataFrame(
            [time_series("ts", ts[closing]), pl.Series("direction", np.zeros(closing.shape[0], np.int8))]
        )
        frame = pl.concat([closings, entries], how="diagonal")
        if len(result.markets) > 1:
            frame = frame.with_columns(pl.lit(result.markets[one.market]).alias(MARKET))
        frames.append(frame)
    # Closings come before entries of the same time.
    return pl.concat(frames, how="diagonal").sort("ts", maintain_order=True)


def _placed(
    random: np.random.Generator, span: npt.NDArray[np.int64], bars: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Orders in a random order, and the bar of each, the next after the span of the one before.

    Where they fill the time so that not all fit (a strategy that is always in the market), the last ones are left out.
    """
    chosen = random.permutation(span.shape[0]).astype(np.int64)
    ends = np.cumsum(span[chosen])
    chosen = chosen[: max(1, int(np.searchsorted(ends, bars, side="right")))]
    taken = np.minimum(span[chosen], bars)
    free = bars - int(taken.sum())
    count = chosen.shape[0]
    # Stars and bars: every way to spread the free bars over the gaps is equally likely.
    places = cast("npt.NDArray[np.int64]", random.choice(free + count, count, replace=False))
    gaps = np.sort(places) - np.arange(count, dtype=np.int64)
    return chosen, np.cumsum(taken) - taken + gaps

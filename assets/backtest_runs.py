"""Backtests of stored signals on stored bars: what has to be run, and its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assets.fold import read_bars, read_rows
from engines.versions import BACKTEST_ROWS
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.backtest.config import BacktestConfig
    from engines.backtest.result import BacktestResult

RUNS, TRADES, EQUITY = "market.backtest_runs", "market.backtest_trades", "market.backtest_equity"
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRADE_COLUMNS = (
    "signal_id",
    "direction",
    "signal_ts",
    "entry_ts",
    "entry_price",
    "exit_price",
    "stop",
    "quantity",
    "entry_notional",
    "fees",
    "slippage_cost",
    "funding",
    "pnl_gross",
    "pnl",
    "equity_at_entry",
    "return_on_equity",
    "r_multiple",
    "mae",
    "mfe",
    "bars_held",
    "exit_reason",
)


@dataclass(frozen=True)
class SeriesRuns:
    """Backtests of a series.

    Attributes
    ----------
    series : Series
    fresh : bool
        Whether they had to be run; else those that are stored still are what they would be.
    runs : list of dict
        Rows of the table of runs.
    equity : dict of str to list of float
        Equity at the end of each day by strategy.
    """

    series: Series
    fresh: bool
    runs: list[dict[str, Any]] = field(default_factory=list)
    equity: dict[str, list[float]] = field(default_factory=dict)


def bring_up_to_date(
    warehouse: Warehouse, series: Series, strategies: Sequence[str], version: str, *, anew: bool = False
) -> SeriesRuns:
    """Backtest each strategy's stored signals over the whole days that are stored, unless that is what stands.

    Only days that are complete are traded: so the runs change once a day, not with each bar, and a live graph does not run them
    all the time.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    strategies : sequence of str
    version : str
        Of the rows the signals are computed by.
    anew : bool
        Run them even if they stand.
    """
    end = _end_of_last_day(warehouse, series)
    if end is None:
        return SeriesRuns(series, fresh=False)
    shorter = _shorter(warehouse, series)
    inputs = _fingerprint(warehouse, series, shorter, end, strategies, version)
    standing = _standing(warehouse, series)
    ids = {strategy: _run_id(inputs, strategy) for strategy in strategies}
    if not anew and {row["strategy"]: row["run_id"] for row in standing} == ids:
        return SeriesRuns(series, fresh=False, runs=standing)
    return _run(warehouse, series, shorter, end, ids, version)


def _end_of_last_day(warehouse: Warehouse, series: Series) -> datetime | None:
    """End of the last complete UTC day that is stored; None before the first."""
    newest = warehouse.query_rows(
        f"SELECT count() AS bars, max(ts) AS newest FROM market.candles WHERE {IN_SERIES}", series.parameters
    )[0]
    if not newest["bars"]:
        return None
    from engines.timeframe import Timeframe

    closed = newest["newest"].replace(tzinfo=UTC) + timedelta(milliseconds=Timeframe(series.timeframe).milliseconds)
    return closed.replace(hour=0, minute=0, second=0, microsecond=0)


def _fingerprint(
    warehouse: Warehouse, series: Series, shorter: str | None, end: datetime, strategies: Sequence[str], version: str
) -> str:
    """Hash of all that the runs depend on."""
    from engines.backtest.config import BacktestConfig

    before = f"{IN_SERIES} AND ts < {{end:DateTime64(3, 'UTC')}}"
    bars = [
        warehouse.query_rows(
            "SELECT count() AS bars, sum(cityHash64(ts, open, high, low, close, volume)) AS hash "
            f"FROM market.candles FINAL WHERE {before}",
            {**Series(series.market, timeframe).parameters, "end": end},
        )
        for timeframe in (series.timeframe, shorter)
        if timeframe is not None
    ]
    # A hash of null is null, which a sum passes over: a signal without a second target would not count.
    signals = warehouse.query_rows(
        "SELECT count() AS signals, "
        "sum(cityHash64(signal_id, entry, stop, target_1, isNull(target_2), ifNull(target_2, 0))) AS hash "
        f"FROM market.signals FINAL WHERE {before}",
        {**series.parameters, "end": end},
    )
    words = (bars, shorter, signals, sorted(strategies), version, BACKTEST_ROWS, BacktestConfig().as_json())
    return hashlib.sha256(json.dumps(words, default=str, sort_keys=True).encode()).hexdigest()


def _run_id(inputs: str, strategy: str) -> str:
    return hashlib.sha256(f"{inputs} {strategy}".encode()).hexdigest()[:32]


def _standing(warehouse: Warehouse, series: Series) -> list[dict[str, Any]]:
    return warehouse.query_rows(
        f"SELECT * EXCEPT (config, made_at) FROM {RUNS} FINAL WHERE {IN_SERIES} ORDER BY strategy", series.parameters
    )


def _run(
    warehouse: Warehouse, series: Series, shorter: str | None, end: datetime, ids: Mapping[str, str], version: str
) -> SeriesRuns:
    import polars as pl

    from engines.backtest.config import BacktestConfig
    from engines.backtest.metrics.baselines import buy_and_hold
    from engines.backtest.simulate import PreparedBars

    bars = read_bars(warehouse, series, _EPOCH, end)
    signals = read_rows(warehouse, "market.signals", series, _EPOCH, end)
    if bars.height < 2:
        return SeriesRuns(series, fresh=False)
    config = BacktestConfig()
    finer = read_bars(warehouse, Series(series.market, shorter), _EPOCH, end) if shorter else None
    prepared = PreparedBars(bars, finer=finer, timeframe=series.timeframe, market=str(series.market))
    held = buy_and_hold(bars, config.cash, config.fees.taker_bp).metrics()["total_return"]
    runs: list[dict[str, Any]] = []
    trades: list[pl.DataFrame] = []
    equity: list[pl.DataFrame] = []
    for strategy, run_id in ids.items():
        own = signals.filter(pl.col("strategy") == strategy)
        result = prepared.backtest(_as_engine_rows(own), config)
        names = {"strategy": strategy, "run_id": run_id}
        runs.append({**_run_row(result, config, version, own.height, held), **names, "finer_timeframe": shorter or ""})
        trades.append(_trade_rows(result, names))
        equity.append(_equity_rows(result, names))
    made = pl.DataFrame(runs, infer_schema_length=None).with_columns(
        pl.lit(datetime.now(UTC)).alias("made_at"), pl.col("ts", "first_ts").cast(pl.Datetime("ms", "UTC"))
    )
    first = bars["ts"][0]
    # The rows of the runs go first and come last: no run ever stands with trades that are missing or another's.
    warehouse.write_range(RUNS, series, first, end, made.clear())
    warehouse.write_range(TRADES, series, first, end, pl.concat(trades).sort("ts"))
    warehouse.write_range(EQUITY, series, first, end, pl.concat(equity).sort("ts"))
    warehouse.write_range(RUNS, series, first, end, made)
    days = {frame["strategy"][0]: frame["equity"].to_list() for frame in equity if frame.height}
    return SeriesRuns(series, fresh=True, runs=runs, equity=days)


def _as_engine_rows(signals: pl.DataFrame) -> pl.DataFrame:
    """Stored signals in the types of the engine's."""
    import polars as pl

    from engines.signals.rows import SIGNAL_SCHEMA

    return signals.select(pl.col(name).cast(SIGNAL_SCHEMA[name]) for name in SIGNAL_SCHEMA if name in signals.columns)


def _shorter(warehouse: Warehouse, series: Series) -> str | None:
    """Shortest timeframe of the market that is stored and that the series' bars are made of."""
    from engines.timeframe import Timeframe

    grid = Timeframe(series.timeframe)
    market: Market = series.market
    rows = warehouse.query_rows(
        "SELECT DISTINCT timeframe FROM market.candles WHERE exchange = {exchange:String} AND symbol = {symbol:String}",
        {"exchange": market.exchange, "symbol": market.symbol},
    )
    stored = [Timeframe(row["timeframe"]) for row in rows]
    fitting = [one for one in stored if one is not grid and grid.is_multiple_of(one)]
    return min(fitting, key=lambda one: one.milliseconds).value if fitting else None


def _run_row(result: BacktestResult, config: BacktestConfig, version: str, signals: int, held: float) -> dict[str, Any]:
    metrics = {name: value for name, value in result.metrics.items() if value == value}
    multiples = result.trades["r_multiple"].drop_nulls()
    return {
        "ts": datetime.fromtimestamp(result.last_ts / 1000, UTC),
        "version": f"{version}.{BACKTEST_ROWS}",
        "first_ts": datetime.fromtimestamp(result.first_ts / 1000, UTC),
        "bars": int(result.curve.bars),
        "signals": signals,
        "config": json.dumps(config.as_json(), sort_keys=True),
        "metrics": json.dumps(metrics, sort_keys=True),
        "trades": result.trades.height,
        "total_return": metrics["total_return"],
        "buy_and_hold_return": held,
        "sharpe": metrics.get("sharpe"),
        "probabilistic_sharpe": metrics.get("probabilistic_sharpe"),
        "max_drawdown": metrics["max_drawdown"],
        "expectancy_r": metrics.get("expectancy_r"),
        "stddev_r": multiples.std() if multiples.len() > 1 else None,
    }


def _trade_rows(result: BacktestResult, names: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    columns = [pl.lit(value).alias(name) for name, value in names.items()]
    return result.trades.select(pl.col("exit_ts").alias("ts"), *columns, *_TRADE_COLUMNS)


def _equity_rows(result: BacktestResult, names: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    columns = [pl.lit(value).alias(name) for name, value in names.items()]
    days = result.equity.group_by(pl.col("ts").dt.date().alias("day"), maintain_order=True).last()
    return days.select(
        "ts", *columns, "cash", "position_value", "equity", pl.col("exposure").fill_nan(None), "drawdown"
    )

"""Backtests in the warehouse: run again when an input is another, and whole wherever a run stops."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from assets.backtest_runs import EQUITY, RUNS, TRADES, SeriesRuns, bring_up_to_date
from assets.chain import ChainFold
from assets.fold import advance_series
from engines.ingestion.simulation import SimulatedCandles
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

NAMES = ("smc_pullback", "trend_following")
JANUARY = datetime(2024, 1, 1, tzinfo=UTC)
MARCH = datetime(2024, 3, 1, tzinfo=UTC)
APRIL = datetime(2024, 4, 1, tzinfo=UTC)


class Stopped(RuntimeError):
    """The process died here."""


@pytest.fixture(scope="module")
def minutes() -> pl.DataFrame:
    first, last = (int(moment.timestamp() * 1000) for moment in (JANUARY, APRIL))
    return SimulatedCandles(lambda: last).bars("BTCUSDT", first, last)


def put(warehouse: Warehouse, series: Series, minutes: pl.DataFrame, length: str, *, version: int = 0) -> None:
    bars = minutes.group_by_dynamic("ts", every=length).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
    )
    names = {**series.parameters, "base_timeframe": "1m", "source": "sim"}
    warehouse.insert(
        "market.candles",
        bars.with_columns(
            *(pl.lit(value).alias(name) for name, value in names.items()),
            pl.lit(1, pl.UInt32).alias("base_bars"),
            pl.lit(datetime(2024, 5, 1 + version, tzinfo=UTC)).alias("ingested_at"),
        ),
    )


@pytest.fixture
def series(connection: Warehouse, market: Market, minutes: pl.DataFrame) -> Series:
    made = Series(market, "15m")
    put(connection, made, minutes.filter(pl.col("ts") < MARCH), "15m")
    advance_series(connection, made, ChainFold(), MARCH)
    return made


def table(warehouse: Warehouse, name: str, series: Series) -> pl.DataFrame:
    return warehouse.query_polars(f"SELECT * FROM {name} WHERE {IN_SERIES} ORDER BY ALL", series.parameters)


def run(warehouse: Warehouse, series: Series) -> SeriesRuns:
    return bring_up_to_date(warehouse, series, NAMES, "1")


def ids(runs: SeriesRuns) -> dict[str, str]:
    return {row["strategy"]: row["run_id"] for row in runs.runs}


def test_written_twice_it_is_there_once(connection: Warehouse, series: Series) -> None:
    assert run(connection, series).fresh
    before = {name: table(connection, name, series) for name in (RUNS, TRADES, EQUITY)}
    assert before[TRADES].height > 5
    assert not run(connection, series).fresh
    bring_up_to_date(connection, series, NAMES, "1", anew=True)
    for name, rows in before.items():
        assert table(connection, name, series).drop("made_at", strict=False).equals(rows.drop("made_at", strict=False))


def test_finer_bars_that_come_later_or_change_run_it_again(
    connection: Warehouse, series: Series, minutes: pl.DataFrame
) -> None:
    first = run(connection, series)
    finer = Series(series.market, "1m")
    put(connection, finer, minutes.filter(pl.col("ts") < MARCH), "1m")
    second = run(connection, series)
    assert second.fresh
    assert not set(ids(first).values()) & set(ids(second).values())
    put(connection, finer, minutes.filter(pl.col("ts") < MARCH).with_columns(pl.col("low") - 10.0), "1m", version=1)
    assert run(connection, series).fresh


@pytest.mark.parametrize("column", ["entry", "stop", "target_1"])
def test_a_signal_without_second_target_that_changes_runs_it_again(
    connection: Warehouse, series: Series, column: str
) -> None:
    target = "ALTER TABLE market.signals UPDATE target_2 = NULL WHERE "
    wait = " SETTINGS mutations_sync = 2"
    connection.command(f"{target}{IN_SERIES}{wait}", series.parameters)
    run(connection, series)
    change = f"{column} = {column} * 1.0001"
    connection.command(f"ALTER TABLE market.signals UPDATE {change} WHERE {IN_SERIES}{wait}", series.parameters)
    assert run(connection, series).fresh


@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_run_that_stands_has_its_trades_wherever_the_next_one_stops(
    connection: Warehouse, series: Series, minutes: pl.DataFrame, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(connection, series)
    put(connection, series, minutes.filter(pl.col("ts") >= MARCH), "15m")
    advance_series(connection, series, ChainFold(), APRIL)
    whole, calls = Warehouse.write_range, 0

    def stop(self: Warehouse, *arguments: object) -> int:
        nonlocal calls
        calls += 1
        if calls == write:
            raise Stopped
        return whole(self, *arguments)  # pyright: ignore[reportArgumentType] - handed on as they came

    with monkeypatch.context() as dying:
        dying.setattr(Warehouse, "write_range", stop)
        with pytest.raises(Stopped):
            run(connection, series)
    of_run = "SELECT run_id, trades FROM market.backtest_runs FINAL WHERE " + IN_SERIES
    standing = {row["run_id"]: row["trades"] for row in connection.query_rows(of_run, series.parameters)}
    trades = table(connection, TRADES, series).group_by("run_id").len()
    there = dict(zip(trades["run_id"], trades["len"], strict=True))
    assert {name: there.get(name, 0) for name in standing} == standing
    assert run(connection, series).fresh
    assert set(table(connection, TRADES, series)["run_id"]) == set(ids(run(connection, series)).values())


def test_a_run_goes_on_over_the_turn_of_a_year(connection: Warehouse, market: Market) -> None:
    over = Series(market, "15m")
    first, turn, end = (datetime(*day, tzinfo=UTC) for day in ((2023, 12, 1), (2024, 1, 1), (2024, 1, 20)))
    last = int(end.timestamp() * 1000)
    minutes = SimulatedCandles(lambda: last).bars("BTCUSDT", int(first.timestamp() * 1000), last)
    put(connection, over, minutes.filter(pl.col("ts") < turn), "15m")
    advance_series(connection, over, ChainFold(), turn)
    assert run(connection, over).fresh
    put(connection, over, minutes.filter(pl.col("ts") >= turn), "15m")
    advance_series(connection, over, ChainFold(), end)
    assert run(connection, over).fresh
    runs = table(connection, RUNS, over)
    assert runs["ts"].unique().to_list() == [datetime(2024, 1, 19, 23, 45, tzinfo=UTC)]
    assert runs.height == len(NAMES)

"""The graph on real stores: however it is cut into runs, and whatever was left behind, the rows are the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.chain import ChainFold
from assets.fold import advance_series
from assets.partitions import next_month, range_tags
from assets.row_checks import replay
from orchestration.definitions import defs
from stores.engine_states import newest_valid_state
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

TABLES = (
    "candles",
    "indicators",
    "structure_events",
    "zone_events",
    "signals",
    "signal_outcomes",
    "risk_decisions",
    "backtest_runs",
    "backtest_trades",
    "backtest_equity",
)
JANUARY = datetime(2024, 1, 1, tzinfo=UTC)
APRIL = datetime(2024, 4, 1, tzinfo=UTC)
INSTANT = timedelta(milliseconds=1)


def rows(warehouse: Warehouse, market: Market) -> dict[str, pl.DataFrame]:
    """All rows of a market, but for the time they were stored at."""
    return {
        table: warehouse.query_polars(
            f"SELECT * FROM market.{table} WHERE exchange = {{exchange:String}} AND symbol = {{symbol:String}} ORDER BY ALL",
            {"exchange": market.exchange, "symbol": market.symbol},
        ).drop("ingested_at", "decided_at", "made_at", strict=False)
        for table in TABLES
    }


def forget(warehouse: Warehouse, market: Market) -> None:
    """Remove everything the warehouse knows of a market."""
    for table in (*TABLES, "engine_states", "candle_gaps", "ingestion_reports", "candle_restatements"):
        warehouse.command(
            f"DELETE FROM market.{table} WHERE exchange = {{exchange:String}} AND symbol = {{symbol:String}}",
            {"exchange": market.exchange, "symbol": market.symbol},
        )


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def materialize(
    instance: dg.DagsterInstance,
    settings: Settings,
    warehouse: Warehouse,
    market: Market,
    first: datetime,
    end: datetime,
    *,
    recompute: bool = False,
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("market", [str(market)])
    steps = ("chain", "signal_outcomes", "backtests", "risk_decisions")
    config = {"ops": {name: {"config": {"recompute": True}} for name in steps}}
    return defs.resolve_job_def("advance_market").execute_in_process(
        instance=instance,
        tags=range_tags(market, first, end - INSTANT),
        resources={"settings": settings, "warehouse": warehouse},
        run_config=config if recompute else None,
    )


def failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        f"{one.asset_key.to_user_string()}.{one.check_name}"
        for one in result.get_asset_check_evaluations()
        if not one.passed and one.severity is dg.AssetCheckSeverity.ERROR
    ]


def assert_same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for table in TABLES:
        assert one[table].equals(other[table]), table


@pytest.fixture
def simulated(migrated: Settings) -> tuple[Settings, Market]:
    market = Market("sim", "BTCUSDT")
    return migrated.model_copy(
        update={"source": "sim", "markets": (str(market),), "timeframes": ("15m", "1h"), "since": None, "until": None}
    ), market


def test_every_cut_of_a_simulated_quarter_gives_the_same_rows(
    instance: dg.DagsterInstance, simulated: tuple[Settings, Market], connection: Warehouse
) -> None:
    settings, market = simulated
    forget(connection, market)
    result = materialize(instance, settings, connection, market, JANUARY, APRIL)
    assert failed_checks(result) == []
    whole = rows(connection, market)
    for table, frame in whole.items():
        assert not frame.is_empty(), table
    assert {
        key for key in instance.get_materialized_partitions(dg.AssetKey("signals")) if key.startswith(str(market))
    } == {f"{market}|2024-0{month}-01" for month in (1, 2, 3)}

    again = materialize(instance, settings, connection, market, JANUARY, APRIL)
    assert_same(rows(connection, market), whole)
    assert again.asset_materializations_for_node("chain")[0].metadata["bars"].value == 0

    materialize(instance, settings, connection, market, JANUARY, APRIL, recompute=True)
    assert_same(rows(connection, market), whole)

    forget(connection, market)
    month = JANUARY
    while month < APRIL:
        materialize(instance, settings, connection, market, month, next_month(month))
        month = next_month(month)
    assert_same(rows(connection, market), whole)

    forget(connection, market)
    for end in (
        datetime(2024, 1, 10, tzinfo=UTC),
        datetime(2024, 2, 14, tzinfo=UTC),
        datetime(2024, 2, 15, tzinfo=UTC),
        APRIL,
    ):
        # The open month as it grows.
        upto = settings.model_copy(update={"until": (end - timedelta(days=1)).date()})
        materialize(instance, upto, connection, market, JANUARY, end)
    assert_same(rows(connection, market), whole)


def test_two_recorded_markets_month_by_month(
    instance: dg.DagsterInstance, migrated: Settings, connection: Warehouse, real_data: Path
) -> None:
    settings = migrated.model_copy(
        update={
            "source": f"files:{real_data / 'candles'}/*_5m_*.parquet",
            "timeframes": ("15m", "1h"),
            "since": None,
            "until": None,
        }
    )
    for symbol in ("SOLUSDT", "LINKUSDT"):
        market = Market("binance", symbol)
        forget(connection, market)
        assert failed_checks(materialize(instance, settings, connection, market, JANUARY, APRIL)) == []
        whole = rows(connection, market)
        assert whole["indicators"].height == 91 * (96 + 24)
        forget(connection, market)
        month = JANUARY
        while month < APRIL:
            materialize(instance, settings, connection, market, month, next_month(month))
            month = next_month(month)
        assert_same(rows(connection, market), whole)


def test_rows_of_a_run_that_died_before_its_state_are_made_again(
    simulated: tuple[Settings, Market], connection: Warehouse
) -> None:
    settings, market = simulated
    del settings
    series = Series(market, "15m")
    before = rows(connection, market)
    assert not before["indicators"].is_empty()
    connection.command(
        "DELETE FROM market.engine_states WHERE symbol = {symbol:String} AND exchange = 'sim' AND engine = 'chain' "
        "AND ts >= '2024-02-01'",
        {"symbol": market.symbol},
    )
    result = advance_series(connection, series, ChainFold(), APRIL)
    assert result.replaced == sum(result.rows.values()) > 0
    assert_same(rows(connection, market), before)


def test_a_state_that_does_not_stand_on_the_bars_is_not_used(
    simulated: tuple[Settings, Market], connection: Warehouse
) -> None:
    """A bar that goes missing in February makes the states of February and March invalid, and not January's."""
    _, market = simulated
    series = Series(market, "15m")
    fold = ChainFold()
    newest = newest_valid_state(connection, series, fold.name, fold.version)
    assert newest is not None
    assert newest.month == datetime(2024, 3, 1, tzinfo=UTC)
    connection.command(
        "DELETE FROM market.candles WHERE exchange = 'sim' AND symbol = {symbol:String} AND timeframe = '15m' "
        "AND ts = '2024-02-10 00:00:00'",
        {"symbol": market.symbol},
    )
    fallback = newest_valid_state(connection, series, fold.name, fold.version)
    assert fallback is not None
    assert fallback.month == JANUARY


def test_a_stored_state_is_not_what_makes_batch_equal_live(
    instance: dg.DagsterInstance, simulated: tuple[Settings, Market], connection: Warehouse
) -> None:
    """The check compares with what is stored: change one stored number and it must fail."""
    settings, market = simulated
    forget(connection, market)
    materialize(instance, settings, connection, market, JANUARY, APRIL)
    series = Series(market, "15m")
    replayed, differing = replay(connection, series)
    assert (replayed, differing) == (120, [])
    first_of_march = datetime(2024, 3, 1, tzinfo=UTC)
    frame = connection.query_polars(
        "SELECT * EXCEPT (exchange, symbol, timeframe) FROM market.indicators FINAL WHERE exchange = 'sim' "
        "AND symbol = {symbol:String} AND timeframe = '15m' AND ts = {ts:DateTime64(3, 'UTC')}",
        {"symbol": market.symbol, "ts": first_of_march},
    )
    nudged = frame.with_columns(pl.col("ema_9") + 1e-9 * pl.col("ema_9"))
    assert connection.write_range("market.indicators", series, first_of_march, first_of_march + INSTANT, nudged) == 1
    assert replay(connection, series)[1] == ["indicators"]


def test_window_of_a_market_that_has_no_bars_is_no_error(
    instance: dg.DagsterInstance, simulated: tuple[Settings, Market], connection: Warehouse
) -> None:
    settings, _ = simulated
    market = Market("sim", "XRPUSDT")
    long_ago = datetime(2019, 1, 1, tzinfo=UTC)
    result = materialize(instance, settings, connection, market, long_ago, datetime(2019, 2, 1, tzinfo=UTC))
    assert result.success
    assert all(frame.is_empty() for frame in rows(connection, market).values())

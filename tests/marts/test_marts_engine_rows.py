"""The marts over rows that the engines wrote, on recorded bars where they are and on simulated ones everywhere."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from deploy.local.stack import LocalStack
from orchestration.marts.build import build_marts
from orchestration.marts.environment import PROJECT_DIR, Target
from stores import warehouse
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse
from tests.engines.market_bars import real_bars, simulated_bars
from tests.marts.market_logs import read_rows
from tests.stack_fixtures import empty


def _write_series(connection: Warehouse, series: Series, bars: pl.DataFrame, source: str) -> dict[str, pl.DataFrame]:
    """Run every engine over the bars and store what they write."""
    from engines.chain import Chain
    from engines.risk import RiskEngine
    from engines.signals.outcomes import OutcomeEngine

    market = str(series.market)
    made = Chain(timeframe=series.timeframe, market=market).advance(bars)
    outcomes = OutcomeEngine(timeframe=series.timeframe, market=market).advance(bars, made.signals)
    decisions = RiskEngine(timeframe=series.timeframe, market=market).advance(bars, made.signals, outcomes)
    stored = bars.with_columns(
        base_timeframe=pl.lit(series.timeframe),
        base_bars=pl.lit(1, pl.UInt32),
        source=pl.lit(source),
        ingested_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
    )
    frames = {
        "candles": stored,
        "indicators": made.indicators,
        "structure_events": made.structure,
        "zone_events": made.zones,
        "signals": made.signals,
        "signal_outcomes": outcomes,
        "risk_decisions": decisions,
    }
    for table, frame in frames.items():
        rows = frame.with_columns(pl.lit(value).alias(name) for name, value in series.parameters.items())
        connection.insert(f"market.{table}", rows)
    return frames


@pytest.fixture
def stores(stack: LocalStack, manifests: None) -> Settings:
    empty(stack)
    warehouse.migrate(stack.settings)
    return stack.settings


def _hold(stores: Settings, series: Series, bars: pl.DataFrame, source: str) -> None:
    with closing(Warehouse.connect(stores)) as connection:
        frames = _write_series(connection, series, bars, source)
        # Every law the marts are tested by holds on what the engines write: the build would fail.
        build_marts(stores, targets=[Target.WAREHOUSE])
        zones = frames["zone_events"]
        created = zones.filter(pl.col("event") == "created").height
        ends = ("invalidated", "filled", "swept", "broken", "expired")
        ended = zones.filter(pl.col("event").is_in(ends)).height
        counts = read_rows(
            connection,
            "SELECT count() AS zones, countIf(status != 'live') AS ended FROM ("
            "SELECT status FROM marts.order_blocks UNION ALL SELECT status FROM marts.fair_value_gaps "
            "UNION ALL SELECT status FROM marts.liquidity_pools)",
        )
        assert counts == [{"zones": created, "ended": ended}]
        assert ended > 20
        swing = frames["structure_events"].filter(pl.col("scale") == "swing")
        (state,) = read_rows(connection, "SELECT * FROM marts.market_structure WHERE scale = 'swing'")
        assert state["bias"] == swing["bias"][-1]
        assert state["range_position"] == frames["indicators"]["range_position"][-1]
        feed = read_rows(connection, "SELECT * FROM marts.signal_feed ORDER BY ts")
        assert len(feed) == frames["signals"].height > 0
        assert all(row["decision"] for row in feed)
        final = frames["signal_outcomes"].filter(pl.col("outcome").is_in(["stopped", "expired", "target_2"]))
        assert sum(row["status"] == "closed" for row in feed) >= final.height > 0


def test_simulated_bars(stores: Settings) -> None:
    bars = simulated_bars(6_000, seed=7, timeframe="15m")
    _hold(stores, Series(Market("sim", "BTCUSDT"), "15m"), bars, "sim")


def test_recorded_bars(stores: Settings, real_data: Path) -> None:
    recorded = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")
    bars = recorded.filter(pl.col("ts").dt.year().is_between(2018, 2019))
    _hold(stores, Series(Market("binance", "BTCUSDT"), "1h"), bars, "files")


def test_the_account_takes_as_much_off_at_the_first_target() -> None:
    import yaml

    from engines.risk.portfolio import FIRST_TARGET_FRACTION

    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    assert project["vars"]["first_target_fraction"] == FIRST_TARGET_FRACTION

"""The sensor and the schedule against real stores: what they ask for, and that what they ask for can be run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from engines.ingestion.simulation import SimulatedCandles
from engines.timeframe import Timeframe
from orchestration.definitions import defs
from orchestration.schedules import hourly_ingestion
from orchestration.sensors import new_candles
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import IN_SERIES, Series, Warehouse

START = datetime(2024, 1, 25, tzinfo=UTC)
TURN = datetime(2024, 2, 1, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def _write(folder: Path, market: Market, start: datetime, days: int) -> None:
    first, end = (round(one.timestamp() * 1000) for one in (start, start + timedelta(days=days)))
    source = SimulatedCandles(lambda: end)
    bars = pl.concat([batch.bars for batch in source.read(Market("sim", "BTCUSDT"), Timeframe.M1, first, end)])
    bars.write_csv(folder / f"{market.exchange}_{market.symbol}_1m_{start:%Y-%m-%d}.csv")


def _evaluate(
    instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse, cursor: str | None
) -> dg.SensorEvaluationContext:
    return dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"settings": settings, "warehouse": warehouse}
    )


def _bars(warehouse: Warehouse, market: Market, timeframe: str) -> int:
    return int(
        warehouse.scalar(
            f"SELECT count() FROM market.candles FINAL WHERE {IN_SERIES}", Series(market, timeframe).parameters
        )
    )


def test_a_new_file_advances_the_months_it_reaches(
    instance: dg.DagsterInstance, migrated: Settings, connection: Warehouse, market: Market, tmp_path: Path
) -> None:
    _write(tmp_path, market, START, 7)
    settings = migrated.model_copy(
        update={"source": f"files:{tmp_path}", "markets": (str(market),), "timeframes": ("1h",)}
    )
    instance.add_dynamic_partitions("market", [str(market)])
    (first,) = new_candles(_evaluate(instance, settings, connection, None))
    assert isinstance(first, dg.SensorResult)
    assert not first.run_requests
    (same,) = new_candles(_evaluate(instance, settings, connection, first.cursor))
    assert isinstance(same, dg.SensorResult)
    assert not same.run_requests

    job = defs.resolve_job_def("advance_market")
    resources = {"settings": settings, "warehouse": connection}
    _write(tmp_path, market, TURN, 2)
    (changed,) = new_candles(_evaluate(instance, settings, connection, first.cursor))
    assert isinstance(changed, dg.SensorResult)
    (request,) = changed.run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == f"{market}|2024-01-01"
    assert request.tags["dagster/asset_partition_range_end"] == f"{market}|2024-02-01"
    result = job.execute_in_process(instance=instance, tags=request.tags, resources=resources)
    assert result.success
    assert _bars(connection, market, "1m") == 9 * 1440
    assert _bars(connection, market, "1h") == 9 * 24

    _write(tmp_path, market, TURN + timedelta(days=2), 1)
    (later,) = new_candles(_evaluate(instance, settings, connection, changed.cursor))
    assert isinstance(later, dg.SensorResult)
    (request,) = later.run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == f"{market}|2024-02-01", "January is not touched again"
    result = job.execute_in_process(instance=instance, tags=request.tags, resources=resources)
    assert result.asset_materializations_for_node("chain")[0].metadata["bars"].value == 24


def test_no_market_yet_is_a_skip_that_says_what_to_do(
    instance: dg.DagsterInstance, migrated: Settings, connection: Warehouse
) -> None:
    (skip,) = new_candles(_evaluate(instance, migrated, connection, None))
    assert isinstance(skip, dg.SkipReason)
    assert "cap run" in (skip.skip_message or "")


def test_the_hourly_schedule_asks_for_the_open_month(
    instance: dg.DagsterInstance, migrated: Settings, market: Market
) -> None:
    settings = migrated.model_copy(update={"markets": (str(market),)})
    instance.add_dynamic_partitions("market", [str(market)])
    spans: list[tuple[str, str]] = []
    for moment in (datetime(2024, 5, 20, 9, 7, tzinfo=UTC), datetime(2024, 5, 1, 0, 7, tzinfo=UTC)):
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, resources={"settings": settings}
        )
        (request,) = hourly_ingestion(context)
        assert isinstance(request, dg.RunRequest)
        spans.append(
            (
                request.tags["dagster/asset_partition_range_start"],
                request.tags["dagster/asset_partition_range_end"],
            )
        )
    assert spans == [
        (f"{market}|2024-05-01", f"{market}|2024-05-01"),
        (f"{market}|2024-04-01", f"{market}|2024-05-01"),
    ]

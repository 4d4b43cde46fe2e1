"""Schedules: hourly ingestion, the net under the sensor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

import dagster as dg

from assets.partitions import month_start
from orchestration.jobs import ADVANCE_MARKET
from orchestration.new_candles import Due, configured_markets
from orchestration.sensors import run_request
from stores.settings import Settings

_ONE_DAY = timedelta(days=1)


@dg.schedule(
    job=ADVANCE_MARKET,
    cron_schedule="7 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour, bring in what the sensor may have missed: the open month of each configured market.",
)
def hourly_ingestion(
    context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for the open month of every market, and for the month before while its last bars may still arrive."""
    known = set(context.instance.get_dynamic_partitions("market"))
    now = context.scheduled_execution_time.astimezone(UTC)
    first = month_start(now) if now.day > 1 else month_start(now.replace(hour=0) - _ONE_DAY)
    markets = [market for market in configured_markets(settings) if str(market) in known]
    if not markets:
        yield dg.SkipReason("no market has been ingested yet")
    for market in markets:
        yield run_request(Due(market, first, now, f"hourly|{market}|{now:%Y-%m-%dT%H}"))

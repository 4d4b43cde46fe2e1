"""Sensors: new candles in the source advance the open month of their market."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.partitions import range_tags
from orchestration.jobs import ADVANCE_MARKET
from orchestration.new_candles import Due, configured_markets, due_by_clock, finest, folder_mark, newest_bars
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

_FILES = "files:"


def run_request(due: Due) -> dg.RunRequest:
    """Ask for one run over the months a market's new bars fall in."""
    return dg.RunRequest(
        run_key=due.mark, tags={**range_tags(due.market, due.first, due.last), "cap/market": str(due.market)}
    )


@dg.sensor(
    job=ADVANCE_MARKET,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Advance the open month of each configured market whenever its next bar has closed.",
)
def new_candles(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.RunRequest | dg.SkipReason | dg.SensorResult]:
    """Compare what is stored with what the source must have by now."""
    known = set(context.instance.get_dynamic_partitions("market"))
    markets = tuple(market for market in configured_markets(settings) if str(market) in known)
    if not markets:
        yield dg.SkipReason("no market has been ingested yet: run 'cap run' or 'cap up' first")
        return
    if settings.source.startswith(_FILES):
        yield _changed_files(context, settings, markets, warehouse)
        return
    due = due_by_clock(newest_bars(warehouse), markets, finest(settings.timeframes), datetime.now(UTC))
    if not due:
        yield dg.SkipReason("every market is up to its last closed bar")
    for one in due:
        yield run_request(one)


def _changed_files(
    context: dg.SensorEvaluationContext, settings: Settings, markets: tuple[Market, ...], warehouse: Warehouse
) -> dg.SensorResult:
    """Ask for every market's months from its newest stored bar to the last one in the files, when a file changed."""
    mark = folder_mark(settings.source.removeprefix(_FILES))
    if context.cursor is None:
        return dg.SensorResult(skip_reason="the candle files were looked at for the first time", cursor=mark)
    if mark == context.cursor:
        return dg.SensorResult(skip_reason="no candle file was added or changed", cursor=mark)
    from orchestration.pipeline import plan
    from orchestration.pipeline_request import PipelineRequest

    request = PipelineRequest(settings.source, tuple(map(str, markets)), settings.timeframes)
    newest = newest_bars(warehouse)
    requests: list[dg.RunRequest] = []
    for one in plan(request, settings)[1]:
        stored = newest.get(Series(one.market, finest(settings.timeframes).value), one.first)
        requests.append(run_request(Due(one.market, min(stored, one.last), one.last, f"{one.market}|{mark}")))
    return dg.SensorResult(run_requests=requests, cursor=mark)

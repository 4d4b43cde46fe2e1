"""Stage `ingestion`: candles in one normal form, each version of a bar kept until the next replaces it."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.partitions import MARKET_MONTHS, MarketWindow, market_windows
from assets.plots import line_plot
from assets.queries import recent_column
from assets.series import origin
from engines.timeframe import Timeframe
from engines.versions import CANDLE_ROWS
from stores.locks import market_lock
from stores.settings import Settings
from stores.warehouse import Warehouse

if TYPE_CHECKING:
    from assets.ingestion import Ingestion


@dg.asset(
    key="candles",
    group_name="ingestion",
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CANDLE_ROWS,
    kinds={"clickhouse", "polars"},
)
def candles(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Bars of the configured source, in the finest timeframe it has and in those the later stages work on."""
    from assets.ingestion import ingest, stored_market
    from engines.ingestion import open_source

    began = time.perf_counter()
    source = open_source(settings.source)
    timeframes = [Timeframe(name) for name in settings.timeframes]
    windows = market_windows(context.partition_keys)
    tagged = warehouse.tagged(origin(context, "candles"))
    done: list[Ingestion] = []
    for window in windows:
        # The base is chosen for all that is asked for, not for this window: a month by itself gets the same bars.
        base = source.choose_base(window.market, timeframes, *asked(settings))
        start, end = clip(window, settings)
        with market_lock(settings, stored_market(source, window.market)):
            outcome = ingest(tagged, source, window.market, base, timeframes, start, end)
        context.log.info(f"{outcome.market}: {outcome.read:,} bars of {outcome.base.value} read, {outcome.new:,} new")
        for refusal in outcome.refused:
            context.log.error(f"refused {refusal}")
        done.append(outcome)
    return dg.MaterializeResult(metadata=_metadata(done, warehouse, windows, settings, time.perf_counter() - began))


def asked(settings: Settings) -> tuple[int | None, int | None]:
    """First instant and end of the days that are ingested, ms UTC; None where they are open."""
    since = None if settings.since is None else _day_ms(settings.since)
    until = None if settings.until is None else _day_ms(settings.until + timedelta(days=1))
    return since, until


def clip(window: MarketWindow, settings: Settings, now: datetime | None = None) -> tuple[datetime, datetime]:
    """Cut a window of months to the days that are ingested, and to what has happened yet.

    Parameters
    ----------
    window : MarketWindow
    settings : Settings
        ``since`` and ``until`` (inclusive), UTC days.
    now : datetime, optional
        The present instant, for tests.
    """
    since, until = asked(settings)
    start, end = window.start, min(window.end, now or datetime.now(UTC))
    if since is not None:
        start = max(start, datetime.fromtimestamp(since / 1000, UTC))
    if until is not None:
        end = min(end, datetime.fromtimestamp(until / 1000, UTC))
    return start, max(start, end)


def _day_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _metadata(
    done: list["Ingestion"], warehouse: Warehouse, windows: list[MarketWindow], settings: Settings, seconds: float
) -> dict[str, Any]:
    read = sum(one.read for one in done)
    closes = recent_column(warehouse, "market.candles", "close", windows, settings.timeframes[0])
    return {
        "dagster/row_count": sum(one.new + sum(one.derived.values()) for one in done),
        "dagster/relation_identifier": "market.candles",
        "source": settings.source.partition(":")[0],
        "simulated": any(one.market.simulated for one in done),
        "base_timeframe": ", ".join(sorted({one.base.value for one in done})),
        "bars_read": read,
        "bars_new": sum(one.new for one in done),
        "bars_restated": sum(one.restated for one in done),
        "bars_snapped": sum(one.snapped for one in done),
        "bars_refused": sum(one.refused_bars for one in done),
        "bars_repeated": sum(one.duplicates for one in done),
        "incomplete_higher_bars": sum(sum(one.incomplete.values()) for one in done),
        "refused_batches": dg.MetadataValue.md(
            "\n".join(f"- {refusal}" for one in done for refusal in one.refused) or "none"
        ),
        "bars_per_second": round(read / seconds) if seconds else 0,
        "plot": dg.MetadataValue.md(line_plot(closes, label=f"close, {settings.timeframes[0]}")),
    }

"""Run the whole graph once, in this process: candles to published signals for each market, then the marts."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration.pipeline_request import (
    NewestSignal,
    PipelineError,
    PipelineRequest,
    PipelineSummary,
    ProgressListener,
    SourceOutOfReach,
)
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Warehouse

if TYPE_CHECKING:
    import dagster as dg

    from engines.ingestion.source import CandleSource

DEFAULT_HISTORY = timedelta(days=90)
"""How far back candles of a source without a beginning (an exchange, the simulated market) are brought in unasked."""

_TABLES = (
    "candles",
    "indicators",
    "structure_events",
    "zone_events",
    "signals",
    "signal_outcomes",
    "risk_decisions",
)


@dataclass(frozen=True)
class Plan:
    """What a run covers for one market.

    Attributes
    ----------
    market : Market
        As it is stored.
    base : str
        Timeframe that is read from the source.
    first, last : datetime
        First and last instant covered, UTC.
    """

    market: Market
    base: str
    first: datetime
    last: datetime


def run_pipeline(request: PipelineRequest, settings: Settings, progress: ProgressListener) -> PipelineSummary:
    """Bring candles in, advance every stage to the published signals, build the marts.

    Parameters
    ----------
    request : PipelineRequest
    settings : Settings
        With the URLs of all stores; ``DAGSTER_HOME`` must be set in the environment.
    progress : ProgressListener

    Returns
    -------
    PipelineSummary

    Raises
    ------
    SourceOutOfReach
        If the source does not answer.
    PipelineError
        If the source has no such candles, or a stage failed.
    """
    summary = PipelineSummary()
    with _timed(summary, "prepare"):
        progress.stage("Preparing", None)
        scoped, plans = plan(request, settings)
        summary.markets = tuple(str(one.market) for one in plans)
        summary.simulated = any(one.market.simulated for one in plans)
        summary.base_timeframes = {str(one.market): one.base for one in plans}
        _migrate(scoped)
        progress.done()
    _import_ahead()
    with _timed(summary, "graph"):
        _advance_markets(plans, scoped, request.recompute, progress, summary)
        _tell_newest(scoped, summary, request, progress)
    with _timed(summary, "marts"):
        summary.marts = _build_marts(scoped, progress)
    with _timed(summary, "summary"), closing(Warehouse.connect(scoped, origin='{"asset": "summary"}')) as warehouse:
        _summarize(warehouse, scoped, plans, request, summary)
    return summary


def plan(request: PipelineRequest, settings: Settings) -> tuple[Settings, list[Plan]]:
    """Find out what a run covers, before anything is written.

    Returns
    -------
    tuple of Settings and list of Plan
        Settings scoped to the request, and one plan a market.
    """
    from assets.candles import asked
    from engines.ingestion import open_source
    from engines.ingestion.source import SourceError, SourceUnavailable
    from engines.timeframe import Timeframe

    now = datetime.now(UTC)
    try:
        source = open_source(request.source)
        since = request.since
        if since is None and source.kind.value != "files":
            since = (now - DEFAULT_HISTORY).date()
        scoped = settings.model_copy(
            update={
                "source": request.source,
                "markets": request.markets,
                "timeframes": request.timeframes,
                "since": since,
                "until": request.until,
            }
        )
        timeframes = [Timeframe(name) for name in request.timeframes]
        plans: list[Plan] = []
        for text in request.markets:
            market = Market.parse(text)
            base = source.choose_base(market, timeframes, *asked(scoped))
            first, last = _extent(source, market, base, asked(scoped), now)
            stored = Market(source.stored_exchange(market), market.symbol)
            plans.append(Plan(stored, base.value, first, last))
    except SourceUnavailable as error:
        raise SourceOutOfReach(str(error)) from error
    except SourceError as error:
        raise PipelineError(str(error)) from error
    except ValueError as error:
        raise PipelineError(str(error)) from error
    return scoped.model_copy(update={"markets": tuple(str(one.market) for one in plans)}), plans


def _extent(
    source: CandleSource, market: Market, base: Any, days: tuple[int | None, int | None], now: datetime
) -> tuple[datetime, datetime]:
    """First and last instant to cover: the days asked for, cut to what the source says it has."""
    first, last = (None if edge is None else datetime.fromtimestamp(edge / 1000, UTC) for edge in days)
    spans = getattr(source, "coverage", lambda *_: [])(market, base)
    if spans:
        start = datetime.fromtimestamp(min(span.start for span in spans) / 1000, UTC)
        end = datetime.fromtimestamp(max(span.end for span in spans) / 1000, UTC)
        first = start if first is None else max(first, start)
        last = end if last is None else min(last, end)
    first = first or now - DEFAULT_HISTORY
    last = min(last or now, now) - timedelta(milliseconds=1)
    if last < first:
        raise PipelineError(f"{market} has no candles between the days asked for; see --since and --until")
    return first, last


def _migrate(settings: Settings) -> None:
    from stores import database, warehouse

    warehouse.migrate(settings)
    database.migrate(settings)


def _advance_markets(
    plans: Sequence[Plan], settings: Settings, recompute: bool, progress: ProgressListener, summary: PipelineSummary
) -> None:
    """Advance market by market; signals of several markets are decided together, in the order they became known."""
    instance = pooled_instance()
    instance.add_dynamic_partitions("market", [str(one.market) for one in plans])
    runs = _runs(plans, instance)
    progress.stage("Advancing the graph", sum(len(run.job.graph.node_defs) for run in runs))
    for run in runs:
        _execute(run, instance, settings, recompute, progress, summary)
    progress.done()


@dataclass(frozen=True)
class _Run:
    """A job on partitions; ``name`` is said of what goes wrong in it."""

    job: dg.JobDefinition
    name: str
    tags: dict[str, str]


def _runs(plans: Sequence[Plan], instance: dg.DagsterInstance) -> list[_Run]:
    from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, partition_key, range_tags
    from orchestration.definitions import defs

    first_half = defs.resolve_job_def("advance_market" if len(plans) == 1 else "advance_series")
    runs = [
        _Run(
            first_half, str(one.market), {**range_tags(one.market, one.first, one.last), "cap/market": str(one.market)}
        )
        for one in plans
    ]
    if len(plans) > 1:
        # A range over markets goes in the order in which Dagster lists them.
        places = {name: place for place, name in enumerate(instance.get_dynamic_partitions("market"))}
        markets = sorted((one.market for one in plans), key=lambda market: places[str(market)])
        tags = {
            RANGE_START_TAG: partition_key(markets[0], min(one.first for one in plans)),
            RANGE_END_TAG: partition_key(markets[-1], max(one.last for one in plans)),
        }
        runs.append(_Run(defs.resolve_job_def("decide"), "all markets", tags))
    return runs


@cache
def pooled_instance() -> dg.DagsterInstance:
    """Dagster's instance with one open connection a storage instead of a new one for every statement.

    That is what the webserver does to it; a run of some hundred events saves seconds.
    """
    import dagster as dg

    instance = dg.DagsterInstance.get()
    for storage in (instance.event_log_storage, instance.run_storage, instance.schedule_storage):
        if storage is not None:
            storage.optimize_for_webserver(statement_timeout=60_000, pool_recycle=-1, max_overflow=20)
    return instance


def _execute(
    run: _Run,
    instance: dg.DagsterInstance,
    settings: Settings,
    recompute: bool,
    progress: ProgressListener,
    summary: PipelineSummary,
) -> None:
    run_id = str(uuid.uuid4())

    def count(event: dg.EventLogEntry) -> None:
        if event.is_dagster_event and event.get_dagster_event().is_step_success:
            progress.advance()

    instance.add_event_listener(run_id, count)
    steps = [name for name in _RECOMPUTED if run.job.has_node_named(name)]
    run_config = {"ops": {name: {"config": {"recompute": True}} for name in steps}} if recompute else None
    with closing(Warehouse.connect(settings, origin=f'{{"run": "{run_id}"}}')) as warehouse:
        result = run.job.execute_in_process(
            run_config=run_config,
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags=run.tags,
            resources={"settings": settings, "warehouse": warehouse},
        )
    if not result.success:
        raise PipelineError(f"{run.name}: {_first_failure(result)}")
    _note_ingestion(result, summary)
    _note_checks(result, run.name, summary)


_RECOMPUTED = ("chain", "signal_outcomes", "backtests", "risk_decisions")


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            error = failure.error
            cause = (error.cause or error) if error else None
            reason = cause.message.strip().splitlines()[0] if cause else "no reason was recorded"
            return f"step {event.step_key} failed: {reason}"
    return "the run failed before its first step; the Dagster UI shows its log"


def _note_ingestion(result: dg.ExecuteInProcessResult, summary: PipelineSummary) -> None:
    if not result.job_def.has_node_named("candles"):
        return
    materializations = result.asset_materializations_for_node("candles")
    if not materializations:
        return
    metadata: dict[str, Any] = {name: value.value for name, value in materializations[0].metadata.items()}
    summary.new_bars += int(metadata["bars_new"])
    summary.restated_bars += int(metadata["bars_restated"])
    summary.snapped_bars += int(metadata["bars_snapped"])
    summary.refused_bars += int(metadata["bars_refused"])
    if metadata["refused_batches"] != "none":
        summary.refused.extend(line.removeprefix("- ") for line in str(metadata["refused_batches"]).splitlines())


def _note_checks(result: dg.ExecuteInProcessResult, name: str, summary: PipelineSummary) -> None:
    from assets.strategy_checks import HEALTHY, PROBLEMS

    for evaluation in result.get_asset_check_evaluations():
        if evaluation.passed:
            continue
        if evaluation.check_name == HEALTHY:
            summary.strategy_problems += str(evaluation.metadata[PROBLEMS].value).splitlines()
            continue
        text = f"{name}: {evaluation.asset_key.to_user_string()}.{evaluation.check_name}"
        (summary.failed_checks if evaluation.severity.value == "ERROR" else summary.warnings).append(text)


def _import_ahead() -> None:
    """Import what the marts need while the graph waits for its stores; a failure shows where the marts are built."""
    from orchestration.marts.build import warm_up

    def quietly() -> None:
        with suppress(Exception):
            warm_up()

    threading.Thread(target=quietly, name="import-ahead", daemon=True).start()


def _build_marts(settings: Settings, progress: ProgressListener) -> int:
    from orchestration.marts.build import build_marts

    return build_marts(settings, instance=pooled_instance(), listener=progress)


def _summarize(
    warehouse: Warehouse, settings: Settings, plans: Sequence[Plan], request: PipelineRequest, summary: PipelineSummary
) -> None:
    scope = (
        "(concat(exchange, ':', symbol)) IN {markets:Array(String)} AND timeframe IN {timeframes:Array(String)}",
        {"markets": list(summary.markets), "timeframes": list(request.timeframes)},
    )
    for table in _TABLES:
        count = warehouse.scalar(f"SELECT count() FROM market.{table} FINAL WHERE {scope[0]}", scope[1])
        summary.rows[table] = int(count)
    bases = sorted({one.base for one in plans})
    gaps = warehouse.query_rows(
        "SELECT count() AS gaps, sum(missing_bars) AS missing FROM market.candle_gaps FINAL "
        "WHERE (concat(exchange, ':', symbol)) IN {markets:Array(String)} "
        "AND timeframe IN {timeframes:Array(String)} AND missing_bars > 0",
        {"markets": list(summary.markets), "timeframes": bases},
    )[0]
    summary.gaps, summary.missing_bars = int(gaps["gaps"]), int(gaps["missing"])
    counts = warehouse.query_rows(
        f"SELECT strategy, count() AS n FROM market.signals FINAL WHERE {scope[0]} GROUP BY strategy ORDER BY strategy",
        scope[1],
    )
    summary.signals_by_strategy = {row["strategy"]: int(row["n"]) for row in counts}
    summary.newest_signals = newest_signals(settings, summary.markets, request.timeframes)


def newest_signals(
    settings: Settings, markets: Sequence[str], timeframes: Sequence[str], count: int = 5
) -> list[NewestSignal]:
    """Read the signals published last for some markets and timeframes, newest first."""
    from sqlalchemy import text

    from stores import database

    engine = database.engine(settings, pool_size=1, max_overflow=0)
    try:
        with engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT exchange || ':' || symbol AS market, timeframe, strategy, direction, known_at, entry, stop, "
                    "target_1, target_2, score FROM serving.published_signals "
                    "WHERE exchange || ':' || symbol = ANY(:markets) AND timeframe = ANY(:timeframes) "
                    "ORDER BY known_at DESC, sequence DESC LIMIT :count"
                ),
                {"markets": list(markets), "timeframes": list(timeframes), "count": count},
            )
            return [NewestSignal(**row) for row in rows.mappings()]
    finally:
        engine.dispose()


def _tell_newest(
    settings: Settings, summary: PipelineSummary, request: PipelineRequest, progress: ProgressListener
) -> None:
    """Say what was published last as soon as it is, before the marts are built."""
    label = " (simulated)" if summary.simulated else ""
    for one in newest_signals(settings, summary.markets, request.timeframes, count=1):
        side = "long" if one.direction > 0 else "short"
        progress.message(
            f"Newest signal{label}: {one.market} {one.timeframe} {one.strategy}, {side} at {one.entry:,.8g}, "
            f"known {one.known_at:%Y-%m-%d %H:%M} UTC"
        )


@contextmanager
def _timed(summary: PipelineSummary, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    summary.seconds[stage] = round(time.perf_counter() - began, 2)

"""The work every stage after ingestion shares: which series a run covers, and what it tells Dagster about its rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg

from assets.fold import Fold, FoldResult, advance_series
from assets.partitions import MarketWindow, market_windows
from assets.side_by_side import side_by_side
from stores.locks import market_lock
from stores.settings import Settings
from stores.warehouse import Series, Warehouse


@dataclass(frozen=True)
class Advance:
    """What a run did to the series it covers: the sum, and the windows it covered."""

    result: FoldResult
    windows: tuple[MarketWindow, ...]


def advance_windows(
    context: dg.AssetExecutionContext, settings: Settings, warehouse: Warehouse, fold: Fold, *, recompute: bool
) -> Advance:
    """Advance a fold over every series of the run's partitions, several at a time, each under its market's lock."""
    tagged = warehouse.tagged(origin(context, fold.name))
    windows = tuple(market_windows(context.partition_keys))
    total = FoldResult(rows=dict.fromkeys(fold.tables, 0))
    began = time.perf_counter()

    def advance_timeframe(window: MarketWindow, timeframe: str) -> tuple[Series, FoldResult]:
        series = Series(window.market, timeframe)
        return series, advance_series(tagged, series, fold, window.end, window.start if recompute else None)

    def advance_market(window: MarketWindow) -> list[tuple[Series, FoldResult]]:
        """Advance a market's series: side by side when it is the only market, which then has the cores to itself."""
        with market_lock(settings, window.market):
            spread = side_by_side if len(windows) == 1 else map
            return list(spread(partial(advance_timeframe, window), settings.timeframes))

    for results in side_by_side(advance_market, windows):
        for series, result in results:
            total.add(result)
            context.log.info(
                f"{series}: {result.bars:,} bars, {sum(result.rows.values()):,} rows in {result.seconds:.2f} s"
            )
            if result.replaced:
                context.log.warning(f"{series}: {result.replaced:,} rows that stood there were replaced")
    # Of work done side by side the wall clock's time counts, not the sum.
    total.seconds = time.perf_counter() - began
    return Advance(total, windows)


def origin(context: dg.AssetExecutionContext, asset: str) -> str:
    """Who asks, for ``log_comment``: the asset and the run."""
    return f'{{"asset": "{asset}", "run": "{context.run.run_id}"}}'


def row_metadata(result: FoldResult, table: str) -> Mapping[str, Any]:
    """Metadata of one table's rows: count, time range, throughput."""
    metadata: dict[str, Any] = {
        "dagster/row_count": result.rows[table],
        "bars": result.bars,
        "replaced_rows": result.replaced,
        "bars_per_second": round(result.bars / result.seconds) if result.seconds else 0,
        "dagster/relation_identifier": table,
    }
    if result.first is not None and result.last is not None:
        metadata["first_bar"] = dg.MetadataValue.timestamp(result.first)
        metadata["last_bar"] = dg.MetadataValue.timestamp(result.last)
    return metadata

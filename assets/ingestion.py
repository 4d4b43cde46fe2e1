"""Bring bars of a market from a source into the candle tables, once.

Only what is not stored yet is written. A bar that comes back with other values becomes a new version of it and a row in
``market.candle_restatements``; a gap becomes a row in ``market.candle_gaps`` and, once filled, a row that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assets.fold import read_bars
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.ingestion.source import Batch, CandleSource, IngestionReport

_BARS_PER_WRITE = 500_000

_LONGEST_GAP = timedelta(days=31)
"""Where more than this is missing, nothing was ever asked for: stretches of history brought in apart, not a gap."""


@dataclass
class Ingestion:
    """What was brought in for one market.

    Attributes
    ----------
    market : Market
        As it is stored: a simulated market is one of the exchange ``sim``.
    base : Timeframe
        Timeframe that was read from the source.
    read, new, restated : int
        Bars of the base timeframe in normal form, those not stored before, those stored before with other values.
    derived : dict of str to int
        New bars of each higher timeframe.
    incomplete : dict of str to int
        Higher bars that were not made because base bars are missing in them.
    snapped, refused_bars, duplicates : int
        Counts of the normal form.
    refused : list of str
        Batches refused whole: origin and reason.
    """

    market: Market
    base: Timeframe
    read: int = 0
    new: int = 0
    restated: int = 0
    derived: dict[str, int] = field(default_factory=dict)
    incomplete: dict[str, int] = field(default_factory=dict)
    snapped: int = 0
    refused_bars: int = 0
    duplicates: int = 0
    refused: list[str] = field(default_factory=list)


def stored_market(source: CandleSource, market: Market) -> Market:
    """Market under which the bars a source gives for ``market`` are stored."""
    return Market(source.stored_exchange(market), market.symbol)


def ingest(
    warehouse: Warehouse,
    source: CandleSource,
    market: Market,
    base: Timeframe,
    timeframes: Sequence[Timeframe],
    start: datetime,
    end: datetime,
) -> Ingestion:
    """Read the bars of ``[start, end)`` and store what is new, in the base timeframe and in those asked for.

    Parameters
    ----------
    warehouse : Warehouse
    source : CandleSource
    market : Market
        As the user named it.
    base : Timeframe
        Timeframe to read from the source.
    timeframes : sequence of Timeframe
        Timeframes the later stages work on.
    start, end : datetime
        UTC.

    Raises
    ------
    engines.ingestion.source.SourceError
        If the source is out of reach or has no candles the timeframes can be made from.
    """
    since, until = _milliseconds(start), _milliseconds(end)
    target = stored_market(source, market)
    series = Series(target, base.value)
    outcome = Ingestion(target, base)
    batches: list[Batch] = []
    waiting = 0
    resume = _resume_at(warehouse, series, start, end) if source.kind.value == "exchange" else since
    try:
        for batch in source.read(market, base, resume, until):
            batches.append(batch)
            waiting += batch.bars.height
            if waiting >= _BARS_PER_WRITE:
                _store_batches(warehouse, series, batches, outcome)
                batches, waiting = [], 0
    finally:
        # A source that fails halfway has still given whole batches: the next run goes on after them.
        _store_batches(warehouse, series, batches, outcome)
    _record_gaps(warehouse, series, base, start, end)
    for timeframe in timeframes:
        if timeframe is not base:
            _store_derived(warehouse, series, timeframe, source.kind.value, start, end, outcome)
    return outcome


def _resume_at(warehouse: Warehouse, series: Series, start: datetime, end: datetime) -> int:
    """Open time (ms) of the first bar of the window that is not stored."""
    stored = read_bars(warehouse, series, start, end)["ts"].to_physical()
    step = Timeframe(series.timeframe).milliseconds
    first = Timeframe(series.timeframe).open_time(_milliseconds(start) + step - 1)
    # Stored times are sorted and on the grid: the first that is not where a gapless run would have it ends the run.
    if stored.is_empty() or int(stored[0]) != first:
        return first
    breaks = (stored.diff() != step).fill_null(False).arg_true()
    last = int(stored[int(breaks[0]) - 1]) if len(breaks) else int(stored[-1])
    return last + step


def _store_batches(warehouse: Warehouse, series: Series, batches: Sequence[Batch], outcome: Ingestion) -> None:
    import polars as pl

    from engines.ingestion.restatements import restatements

    if not batches:
        return
    bars = pl.concat([batch.bars for batch in batches]).unique("ts", keep="last", maintain_order=True).sort("ts")
    report = batches[0].report
    now = datetime.now(UTC)
    if not bars.is_empty():
        first, last = bars["ts"][0], bars["ts"][-1]
        stored = read_bars(warehouse, series, first, last + timedelta(milliseconds=1))
        comparison = restatements(stored, bars)
        fresh = pl.concat([comparison.new, comparison.changed]).sort("ts")
        _insert_bars(warehouse, series, fresh.with_columns(base_bars=pl.lit(1, pl.UInt32)), series.timeframe, report)
        differences = pl.concat([comparison.differences, *(batch.restated for batch in batches)])
        _insert_restatements(warehouse, series, differences, report.source.value, now)
        outcome.read += bars.height
        outcome.new += comparison.new.height
        outcome.restated += comparison.changed.height
    _insert_reports(warehouse, series, [batch.report for batch in batches], now)
    for batch in batches:
        outcome.snapped += batch.report.snapped_bars
        outcome.refused_bars += batch.report.refused_bars
        outcome.duplicates += batch.report.duplicate_bars
        if not batch.report.accepted:
            outcome.refused.append(f"{batch.report.origin}: {batch.report.reason}")


def _insert_bars(
    warehouse: Warehouse, series: Series, bars: pl.DataFrame, base: str, report: IngestionReport | str
) -> None:
    import polars as pl

    source = report if isinstance(report, str) else report.source.value
    warehouse.insert(
        "market.candles",
        bars.select(
            *(pl.lit(value).alias(name) for name, value in series.parameters.items()),
            "ts",
            "open",
            "high",
            "low",
            "close",
            "volume",
            pl.lit(base).alias("base_timeframe"),
            "base_bars",
            pl.lit(source).alias("source"),
            pl.lit(datetime.now(UTC)).dt.cast_time_unit("us").alias("ingested_at"),
        ),
    )


def _insert_restatements(
    warehouse: Warehouse, series: Series, differences: pl.DataFrame, source: str, now: datetime
) -> None:
    import polars as pl

    rows = differences.with_columns(
        pl.lit(source).alias("source"), pl.lit(now).dt.cast_time_unit("us").alias("ingested_at")
    )
    values = [name for name in differences.columns if name.startswith("new_")]
    warehouse.insert_missing("market.candle_restatements", series, rows, ("ts", *values))


def _insert_reports(warehouse: Warehouse, series: Series, reports: Sequence[IngestionReport], now: datetime) -> None:
    import polars as pl

    rows = [
        {
            "ts": report.ts,
            "ts_last": report.ts_last,
            "source": report.source.value,
            "origin": report.origin,
            "content_hash": report.content_hash,
            "status": report.status.value,
            "reason": report.reason,
            "bars": report.bars,
            "snapped_bars": report.snapped_bars,
            "refused_bars": report.refused_bars,
            "duplicate_bars": report.duplicate_bars,
            "missing_bars": report.missing_bars,
        }
        for report in reports
    ]
    frame = pl.DataFrame(rows).with_columns(
        pl.col("ts", "ts_last").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
        pl.lit(now).dt.cast_time_unit("us").alias("ingested_at"),
    )
    warehouse.insert_missing("market.ingestion_reports", series, frame, ("ts", "origin", "content_hash"))


def _record_gaps(warehouse: Warehouse, series: Series, base: Timeframe, start: datetime, end: datetime) -> None:
    """Bring the gap table in line with the stored bars from the last one before the window to the first one after it."""
    import polars as pl

    from engines.ingestion.gaps import find_gaps

    before, after = _neighbours(warehouse, series, start, end)
    ts = read_bars(warehouse, series, start, end)["ts"].to_physical().to_numpy()
    found = find_gaps(ts, base, before, after).cast({"missing_bars": pl.UInt32})
    found = found.filter(pl.col("missing_bars") * base.milliseconds <= _LONGEST_GAP // timedelta(milliseconds=1))
    first = start if before is None else _instant(before)
    stored = warehouse.query_polars(
        f"SELECT ts, gap_end, missing_bars FROM market.candle_gaps FINAL WHERE {IN_SERIES} "
        "AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}",
        {**series.parameters, "start": first, "end": end},
    ).cast({"missing_bars": pl.UInt32})
    filled = stored.filter(pl.col("missing_bars") > 0).join(found, on="ts", how="anti")
    rows = pl.concat(
        [
            found.join(stored, on=["ts", "gap_end", "missing_bars"], how="anti"),
            filled.with_columns(missing_bars=pl.lit(0, pl.UInt32)),
        ],
        how="diagonal_relaxed",
    )
    if rows.is_empty():
        return
    warehouse.insert(
        "market.candle_gaps",
        rows.select(
            *(pl.lit(value).alias(name) for name, value in series.parameters.items()),
            "ts",
            "gap_end",
            "missing_bars",
            pl.lit(datetime.now(UTC)).dt.cast_time_unit("us").alias("ingested_at"),
        ),
    )


def _neighbours(warehouse: Warehouse, series: Series, start: datetime, end: datetime) -> tuple[int | None, int | None]:
    """Open times (ms) of the last stored bar before the window and of the first after it, near enough for a gap."""
    row = warehouse.query_rows(
        "SELECT toUnixTimestamp64Milli(maxIf(ts, ts < {start:DateTime64(3, 'UTC')})) AS before, "
        "toUnixTimestamp64Milli(minIf(ts, ts >= {end:DateTime64(3, 'UTC')})) AS after "
        f"FROM market.candles WHERE {IN_SERIES} "
        "AND ts >= {nearest:DateTime64(3, 'UTC')} AND ts < {furthest:DateTime64(3, 'UTC')}",
        {
            **series.parameters,
            "start": start,
            "end": end,
            "nearest": start - _LONGEST_GAP,
            "furthest": end + _LONGEST_GAP,
        },
    )[0]
    # An aggregate over no row is the zero of its type, the epoch; no market is that old.
    return row["before"] or None, row["after"] or None


def _store_derived(
    warehouse: Warehouse,
    base_series: Series,
    timeframe: Timeframe,
    source: str,
    start: datetime,
    end: datetime,
    outcome: Ingestion,
) -> None:
    """Make the higher bars of the window from the stored base bars and store the new and the changed ones."""
    import polars as pl

    from engines.ingestion.restatements import restatements
    from engines.resample import ResampleEngine

    first = _instant(timeframe.open_time(_milliseconds(start)))
    last = _instant(timeframe.open_time(_milliseconds(end) + timeframe.milliseconds - 1))
    series = Series(base_series.market, timeframe.value)
    stored = read_bars(warehouse, series, first, last)
    engine = ResampleEngine(base=base_series.timeframe, timeframe=timeframe.value)
    made = engine.advance(read_bars(warehouse, base_series, first, last))
    comparison = restatements(stored, made.drop("base_bars"))
    fresh = pl.concat([comparison.new, comparison.changed]).select("ts")
    _insert_bars(warehouse, series, made.join(fresh, on="ts", how="semi"), base_series.timeframe, source)
    _insert_restatements(warehouse, series, comparison.differences, source, datetime.now(UTC))
    outcome.derived[timeframe.value] = comparison.new.height
    outcome.incomplete[timeframe.value] = engine.incomplete_bars


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

"""Which span of time a candle file covers, told without reading it whole."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from engines.errors import BadBars
from engines.ingestion.file_names import archive_period
from engines.ingestion.times import read_times
from engines.timeframe import Timeframe

_TAIL_BYTES = 4096


class Span(NamedTuple):
    """Instants in ms UTC, the end exclusive."""

    start: int
    end: int


def overlap(one: Span, other: Span) -> Span | None:
    """Time that two spans share; None if they share none."""
    shared = Span(max(one.start, other.start), min(one.end, other.end))
    return shared if shared.start < shared.end else None


def union_length(spans: Iterable[Span | None]) -> int:
    """Milliseconds that are in at least one of the spans."""
    total = 0
    reached: int | None = None
    for span in sorted(span for span in spans if span):
        start = span.start if reached is None else max(span.start, reached)
        total += max(span.end - start, 0)
        reached = span.end if reached is None else max(reached, span.end)
    return total


def file_span(path: Path, timeframe: Timeframe) -> Span | None:
    """Span of time a file covers.

    Read from the times of a Parquet file, the first and last line of a CSV, the name of an archive zip.

    Returns
    -------
    Span or None
        None if it cannot be told; the file must then be read to know.
    """
    period = archive_period(path)
    if period:
        return _of_period(period)
    try:
        if path.suffix.lower() == ".parquet":
            lazy = pl.scan_parquet(path)
            names = [name for name in ("ts", "open_time", "timestamp") if name in lazy.collect_schema()]
            if not names:
                return None
            edges = lazy.select(pl.concat_list(pl.col(names[0]).min(), pl.col(names[0]).max()).explode()).collect()
            times = read_times(edges.to_series())
        elif path.suffix.lower() == ".csv":
            times = _csv_edges(path)
        else:
            return None
    except (pl.exceptions.PolarsError, OSError, BadBars):
        return None
    instants = times.dt.epoch("ms")
    first, last = int(instants[0]), int(instants[-1])
    return (
        Span(timeframe.open_time(first), timeframe.open_time(last) + timeframe.milliseconds) if first <= last else None
    )


def _of_period(period: str) -> Span | None:
    parts = [int(part) for part in period.split("-")]
    try:
        if len(parts) == 3:
            start = date(parts[0], parts[1], parts[2])
            end = start + timedelta(days=1)
        else:
            start = date(parts[0], parts[1], 1)
            end = (start + timedelta(days=31)).replace(day=1)
    except ValueError:
        return None
    return Span(_ms(start), _ms(end))


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000


def _csv_edges(path: Path) -> pl.Series:
    """Times of the first and last row of a CSV."""
    with path.open("rb") as file:
        head = file.read(_TAIL_BYTES).removeprefix(b"\xef\xbb\xbf").splitlines()
        file.seek(max(file.seek(0, io.SEEK_END) - _TAIL_BYTES, 0))
        tail = [line for line in file.read().splitlines() if line.strip()]
    if not head or not tail:
        raise BadBars("the file holds no bars")
    columns = [cell.strip().strip('"').lower() for cell in head[0].decode("utf-8", "replace").split(",")]
    at = next((columns.index(name) for name in ("ts", "open_time", "timestamp") if name in columns), None)
    first = head[0] if at is None else (head[1] if len(head) > 1 else b"")
    cells = [line.decode("utf-8", "replace").split(",") for line in (first, tail[-1])]
    return read_times(pl.Series([row[at or 0].strip().strip('"') for row in cells]))

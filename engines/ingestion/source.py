"""What every candle source has in common: batches of bars in normal form, each with a report of what was done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import polars as pl

from engines.bars import BAR_SCHEMA
from engines.errors import BadBars
from engines.ingestion.gaps import count_missing
from engines.ingestion.normal_form import NormalForm, normal_form
from engines.ingestion.vocabulary import Clock as Clock
from engines.ingestion.vocabulary import MarketName, SourceKind, Status
from engines.ingestion.vocabulary import NoSeries as NoSeries
from engines.ingestion.vocabulary import SourceError as SourceError
from engines.ingestion.vocabulary import SourceUnavailable as SourceUnavailable
from engines.timeframe import Timeframe


@dataclass(frozen=True, order=True)
class Series:
    """Candles of one market in one timeframe."""

    exchange: str
    symbol: str
    timeframe: Timeframe

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol} {self.timeframe.value}"


@dataclass(frozen=True)
class IngestionReport:
    """What one batch held and what was done to it; a row of ``market.ingestion_reports`` but for the time of storing.

    Rows read = ``bars + refused_bars + duplicate_bars`` where the status is accepted.

    Attributes
    ----------
    exchange, symbol : str
        Market under which the bars are stored.
    timeframe : Timeframe
        Timeframe of the bars.
    ts, ts_last : int
        Open time of the first and last bar in normal form, ms UTC; 0 if the batch was refused.
    source : SourceKind
        Kind of source.
    origin : str
        Name of the file, or the endpoint.
    content_hash : str
        SHA-256 of the bars in normal form, or of the file that was refused.
    status : Status
        Accepted or refused.
    reason : str
        Row and rule of a refusal; empty if accepted.
    bars : int
        Bars in normal form.
    snapped_bars : int
        Of these, bars whose time was moved to the grid.
    refused_bars : int
        Rows dropped because their time could not be snapped without ambiguity.
    duplicate_bars : int
        Exact repetitions that were dropped.
    missing_bars : int
        Grid times between first and last bar that hold no bar.
    """

    exchange: str
    symbol: str
    timeframe: Timeframe
    ts: int
    ts_last: int
    source: SourceKind
    origin: str
    content_hash: str
    status: Status
    reason: str = ""
    bars: int = 0
    snapped_bars: int = 0
    refused_bars: int = 0
    duplicate_bars: int = 0
    missing_bars: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the bars of the batch may be stored."""
        return self.status is Status.ACCEPTED


@dataclass(frozen=True)
class Batch:
    """Bars that stand or fall together, and the report on them.

    Attributes
    ----------
    bars : DataFrame
        `BAR_SCHEMA`, strictly increasing in ``ts``; empty if the batch was refused.
    report : IngestionReport
        On the batch as a whole, also where ``bars`` is cut to a window.
    restated : DataFrame
        `RESTATEMENT_SCHEMA`: bars which an earlier batch of the same reading also held, with other values.
    """

    bars: pl.DataFrame
    report: IngestionReport
    restated: pl.DataFrame


RESTATEMENT_SCHEMA = pl.Schema(
    {
        "ts": BAR_SCHEMA["ts"],
        **{f"{age}_{name}": pl.Float64() for age in ("old", "new") for name in BAR_SCHEMA.names()[1:]},
    }
)


class CandleSource(Protocol):
    """A place candles come from."""

    @property
    def kind(self) -> SourceKind:
        """Kind of the source."""
        ...

    def stored_exchange(self, market: MarketName) -> str:
        """Exchange under which bars of ``market`` are stored: its own, or ``sim`` if they are simulated."""
        ...

    def choose_base(
        self,
        market: MarketName,
        timeframes: Sequence[Timeframe],
        since: int | None = None,
        until: int | None = None,
    ) -> Timeframe:
        """Timeframe to ingest: the finest there is from which all of ``timeframes`` can be made."""
        ...

    def read(
        self, market: MarketName, base: Timeframe, since: int | None = None, until: int | None = None
    ) -> Iterable[Batch]:
        """Batches with the bars of ``[since, until)`` (open times, ms UTC), oldest first."""
        ...

    def fingerprint(self, market: MarketName, base: Timeframe) -> str:
        """Cheap text that changes when there may be new or other bars."""
        ...


def accept(raw: pl.DataFrame, series: Series, source: SourceKind, origin: str) -> tuple[NormalForm, IngestionReport]:
    """Bring raw rows into normal form and report on them.

    Parameters
    ----------
    raw : DataFrame
        ``ts`` as Datetime in UTC and the five values as Float64, as a reader gives them.
    series : Series
        What the rows are candles of.
    source : SourceKind
        Kind of source.
    origin : str
        Name of the file or endpoint.

    Raises
    ------
    BadBars
        If a row breaks a rule; nothing of the batch may be used then.
    """
    form = normal_form(raw, series.timeframe)
    bars = form.bars
    if bars.is_empty():
        raise BadBars("no bar is left: the time of every row is off the grid and ambiguous")
    ts = bars["ts"].to_physical()
    report = IngestionReport(
        exchange=series.exchange,
        symbol=series.symbol,
        timeframe=series.timeframe,
        ts=int(ts[0]),
        ts_last=int(ts[-1]),
        source=source,
        origin=origin,
        content_hash=content_hash(bars),
        status=Status.ACCEPTED,
        bars=bars.height,
        snapped_bars=form.snapped,
        refused_bars=form.refused,
        duplicate_bars=form.duplicates,
        missing_bars=count_missing(ts.to_numpy(), series.timeframe),
    )
    return form, report


def refuse(series: Series, source: SourceKind, origin: str, hash_of_content: str, reason: str) -> Batch:
    """Return a batch of which nothing may be used, with the reason in its report."""
    report = IngestionReport(
        exchange=series.exchange,
        symbol=series.symbol,
        timeframe=series.timeframe,
        ts=0,
        ts_last=0,
        source=source,
        origin=origin,
        content_hash=hash_of_content,
        status=Status.REFUSED,
        reason=reason,
    )
    return Batch(BAR_SCHEMA.to_frame(), report, RESTATEMENT_SCHEMA.to_frame())


def with_duplicates(report: IngestionReport, duplicates: int) -> IngestionReport:
    """Return the report after ``duplicates`` more of its bars were found to repeat bars of another batch."""
    return replace(report, bars=report.bars - duplicates, duplicate_bars=report.duplicate_bars + duplicates)


def content_hash(bars: pl.DataFrame) -> str:
    """SHA-256 (hex) of bars in normal form: the bytes of each column, little-endian, in the order of the schema."""
    digest = hashlib.sha256()
    for name in BAR_SCHEMA.names():
        values = bars[name].to_physical().to_numpy()
        digest.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()


def cut(bars: pl.DataFrame, since: int | None, until: int | None) -> pl.DataFrame:
    """Rows of a frame sorted by ``ts`` with ``since <= ts < until`` (ms UTC; None is open)."""
    ts = bars["ts"].to_physical()
    first = 0 if since is None else int(ts.search_sorted(since, side="left"))
    last = bars.height if until is None else int(ts.search_sorted(until, side="left"))
    return bars.slice(first, max(last - first, 0))


def makes_all(base: Timeframe, timeframes: Sequence[Timeframe]) -> bool:
    """Whether bars of every one of ``timeframes`` can be made from bars of ``base``."""
    return all(timeframe.is_multiple_of(base) for timeframe in timeframes)

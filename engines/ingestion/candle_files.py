"""Candle files: a file, a folder or a glob of Parquet, CSV and Binance archive zips.

Each file is checked as a whole: a bad row refuses it, and nothing of it is used. Where files of one series overlap, a bar
that repeats an earlier file's is dropped and counted as a duplicate; a bar that differs replaces the earlier file's and
is handed over as restated. "Earlier" is the order of the file names, so that ``..._2024_v2`` corrects ``..._2024``.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from engines.bars import BAR_SCHEMA
from engines.errors import BadBars
from engines.ingestion.coverage import Span, file_span, overlap, union_length
from engines.ingestion.file_formats import file_hash, read_rows
from engines.ingestion.file_names import SUFFIXES, UnknownFileName, parse_file_name
from engines.ingestion.restatements import restatements
from engines.ingestion.source import RESTATEMENT_SCHEMA, Batch, Series, accept, cut, makes_all, refuse, with_duplicates
from engines.ingestion.vocabulary import Clock, MarketName, NoSeries, SourceKind, SourceUnavailable
from engines.timeframe import Timeframe


@dataclass(frozen=True)
class CandleFile:
    """One file and the series its name says it belongs to."""

    path: Path
    series: Series

    @cached_property
    def span(self) -> Span | None:
        """Time it covers, from metadata or its first and last row; None if that cannot be told cheaply."""
        return file_span(self.path, self.series.timeframe)


class CandleFiles:
    """Candles from files.

    Attributes
    ----------
    files : tuple of CandleFile
        Files whose names say what they hold, by series and name.
    unrecognized : tuple of str
        For each candle file that was passed over, a sentence that names it and says why.
    """

    kind = SourceKind.FILES

    def __init__(
        self,
        files: Sequence[CandleFile],
        unrecognized: Sequence[str] = (),
        place: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.files = tuple(sorted(files, key=lambda file: (file.series, file.path.stem, file.path.as_posix())))
        self.unrecognized = tuple(unrecognized)
        self._place = place
        self._clock = clock

    @classmethod
    def open(cls, place: str | Path, clock: Clock | None = None) -> CandleFiles:
        """Look for candle files; nothing but their names is read.

        Parameters
        ----------
        place : str or Path
            A file, a folder (searched with all folders in it) or a glob.
        clock : callable, optional
            Returns the present instant, ms UTC. With it, a file is refused that has a bar which is not closed yet.

        Raises
        ------
        SourceUnavailable
            If nothing is there.
        UnknownFileName
            If a single file was named whose name does not say what it holds.
        NoSeries
            If there are candle files, but no name says what it holds, or no candle files at all.
        """
        path = Path(place).expanduser()
        if path.is_file():
            return cls([CandleFile(path, parse_file_name(path))], place=str(place), clock=clock)
        if path.is_dir():
            found = [p for p in path.rglob("*") if _is_candle_file(p)]
        else:
            found = [Path(p) for p in glob.glob(str(path), recursive=True)]
            if not found:
                raise SourceUnavailable(f"there is no file or folder {place}; give a path, or a glob in quotes")
            found = [p for p in found if _is_candle_file(p)]
        files: list[CandleFile] = []
        unrecognized: list[str] = []
        for candidate in sorted(found):
            try:
                files.append(CandleFile(candidate, parse_file_name(candidate)))
            except UnknownFileName as error:
                unrecognized.append(str(error))
        if not files:
            why = f"; {unrecognized[0]}" if unrecognized else "; candle files end in .parquet, .csv or .zip"
            raise NoSeries(f"no candle file was found in {place}{why}")
        return cls(files, unrecognized, str(place), clock)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Every series there is a file of, by market, finest first."""
        found = {file.series for file in self.files}
        return tuple(sorted(found, key=lambda s: (s.exchange, s.symbol, s.timeframe.milliseconds)))

    def stored_exchange(self, market: MarketName) -> str:
        """Exchange under which the bars are stored: the market's own."""
        return market.exchange

    def coverage(self, market: MarketName, base: Timeframe) -> list[Span]:
        """Spans of time (ms UTC, end exclusive) the files of a series cover, in the order of their names."""
        return [file.span for file in self._files_of(market, base) if file.span]

    def choose_base(
        self,
        market: MarketName,
        timeframes: Sequence[Timeframe],
        since: int | None = None,
        until: int | None = None,
    ) -> Timeframe:
        """Timeframe to ingest for a market.

        The finest series from which all ``timeframes`` can be made, of those that cover ``[since, until)`` (an open side
        asks for nothing); if none does, the one that covers most of it, the finest of equals.

        Raises
        ------
        NoSeries
            If there is no such series, or none has a bar in the window.
        """
        own = [s for s in self.series if (s.exchange, s.symbol) == (market.exchange, market.symbol)]
        name = f"{market.exchange}:{market.symbol}"
        if not own:
            others = sorted({f"{s.exchange}:{s.symbol}" for s in self.series})
            raise NoSeries(f"{self._place} has no candles of {name}; it has {_listed(others)}{self._passed_over()}")
        fitting = [s.timeframe for s in own if makes_all(s.timeframe, timeframes)]
        wanted = ", ".join(timeframe.value for timeframe in timeframes)
        if not fitting:
            has = ", ".join(s.timeframe.value for s in own)
            raise NoSeries(f"{self._place} has {name} in {has}, from which {wanted} cannot be made")
        if since is None and until is None:
            return fitting[0]
        spans = {base: self.coverage(market, base) for base in fitting}
        ends = [edge for found in spans.values() for edge in found]
        window = Span(
            min((edge.start for edge in ends), default=0) if since is None else since,
            max((edge.end for edge in ends), default=0) if until is None else until,
        )
        covered = {base: union_length([overlap(span, window) for span in spans[base]]) for base in fitting}
        for base in fitting:
            # A side left open asks for nothing, so it is measured against this series' own end.
            asked = Span(
                min((s.start for s in spans[base]), default=0) if since is None else since,
                max((s.end for s in spans[base]), default=0) if until is None else until,
            )
            if 0 < asked.end - asked.start == union_length([overlap(span, asked) for span in spans[base]]):
                return base
        best = max(fitting, key=lambda base: (covered[base], -base.milliseconds))
        if covered[best] == 0 and all(file.span for base in fitting for file in self._files_of(market, base)):
            raise NoSeries(f"{self._place} has no candles of {name} for {wanted} in the time asked for")
        return best

    def read(
        self, market: MarketName, base: Timeframe, since: int | None = None, until: int | None = None
    ) -> list[Batch]:
        """Read the files of a series, one batch a file, in the order of their names.

        Parameters
        ----------
        market : MarketName
            Market to read.
        base : Timeframe
            Timeframe of the files.
        since, until : int, optional
            Bars to hand over, by open time in ms UTC: ``since <= ts < until``. Files that have none of them are not read.
            Reports are on the file as a whole, so they do not depend on the window.

        Returns
        -------
        list of Batch
            No open time occurs in two of them.
        """
        files = self._files_of(market, base)
        window = Span(-(1 << 62) if since is None else since, 1 << 62 if until is None else until)
        asked = [file for file in files if file.span is None or overlap(file.span, window)]
        # A file's count of duplicates must not depend on the window, so what it repeats is read even if it lies outside.
        needed = [
            file
            for at, file in enumerate(files)
            if file in asked
            or any(
                file.span and later.span and overlap(file.span, later.span)
                for later in files[at + 1 :]
                if later in asked
            )
        ]
        batches: list[Batch] = []
        for file in needed:
            _merge(batches, _read_file(file, self._clock))
        return [
            replace(batch, bars=cut(batch.bars, since, until), restated=cut(batch.restated, since, until))
            for file, batch in zip(needed, batches, strict=True)
            if file in asked
        ]

    def fingerprint(self, market: MarketName, base: Timeframe) -> str:
        """Hash of names, sizes and modification times of the files of a series."""
        digest = hashlib.sha256()
        for file in self._files_of(market, base):
            status = file.path.stat()
            digest.update(f"{file.path.as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _files_of(self, market: MarketName, base: Timeframe) -> list[CandleFile]:
        wanted = Series(market.exchange, market.symbol, base)
        return [file for file in self.files if file.series == wanted]

    def _passed_over(self) -> str:
        if not self.unrecognized:
            return ""
        return f" ({len(self.unrecognized)} files were passed over: {self.unrecognized[0]})"


def _is_candle_file(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _read_file(file: CandleFile, clock: Clock | None) -> Batch:
    """Read and check a file as a whole."""
    try:
        form, report = accept(read_rows(file.path), file.series, SourceKind.FILES, file.path.name)
        if clock is not None:
            _check_closed(form.bars, file.series.timeframe, clock())
    except BadBars as fault:
        where = f"row {fault.row}: " if fault.row >= 0 else ""
        return refuse(file.series, SourceKind.FILES, file.path.name, file_hash(file.path), where + fault.rule)
    return Batch(form.bars, report, RESTATEMENT_SCHEMA.to_frame())


def _check_closed(bars: pl.DataFrame, timeframe: Timeframe, now: int) -> None:
    """Refuse bars that are open still, or from the future: what they say can change."""
    if bars.is_empty():
        return
    last = int(bars["ts"].to_physical()[-1])
    if last + timeframe.milliseconds > now:
        at = _utc(last)
        raise BadBars(
            f"the last bar opens at {at} and is not closed by this machine's clock ({_utc(now)}); leave out the "
            "bar that is still open, or set the clock right"
        )


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="seconds")


def _merge(batches: list[Batch], incoming: Batch) -> None:
    """Add a batch; each open time stays in the batch whose bar stands."""
    for at, earlier in enumerate(batches):
        first, last = incoming.report.ts, incoming.report.ts_last
        if not (earlier.report.accepted and incoming.report.accepted):
            continue
        if earlier.report.ts > last or earlier.report.ts_last < first:
            continue
        found = restatements(earlier.bars, incoming.bars)
        if found.changed.height:
            batches[at] = replace(
                earlier, bars=earlier.bars.join(found.changed, on="ts", how="anti", maintain_order="left")
            )
        incoming = replace(
            incoming,
            bars=incoming.bars.join(found.unchanged, on="ts", how="anti", maintain_order="left").select(
                BAR_SCHEMA.names()
            ),
            report=with_duplicates(incoming.report, found.unchanged.height),
            restated=pl.concat([incoming.restated, found.differences]).sort("ts"),
        )
    batches.append(incoming)


def _listed(names: Sequence[str], most: int = 10) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest

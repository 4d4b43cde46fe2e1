"""From the text a user writes for a source to the source."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.ingestion.vocabulary import Clock, SourceError, SourceKind

if TYPE_CHECKING:
    from engines.ingestion.source import CandleSource

_FORMS = "write exchange, files:PATH (a file, a folder or a glob) or sim"


@dataclass(frozen=True)
class SourceName:
    """A source as a user names it.

    Attributes
    ----------
    kind : SourceKind
        Kind of source.
    place : str
        Path or glob of candle files; empty for other kinds.
    seed : int or None
        Seed of the simulated market, None for the usual one.
    """

    kind: SourceKind
    place: str = ""
    seed: int | None = None


def parse_source(text: str) -> SourceName:
    """Read ``exchange``, ``files:PATH``, ``sim`` or ``sim:SEED``.

    Raises
    ------
    SourceError
        If the text has another form.
    """
    name, colon, rest = text.strip().partition(":")
    if name == SourceKind.FILES:
        if not rest:
            raise SourceError("files: needs a path, as in files:candles or 'files:candles/*_1m_*.parquet'")
        return SourceName(SourceKind.FILES, place=rest)
    if name == SourceKind.SIMULATION:
        if colon and not (rest.isascii() and rest.isdigit()):
            raise SourceError(f"{rest!r} is not a seed of the simulated market; write sim or sim:NUMBER")
        return SourceName(SourceKind.SIMULATION, seed=int(rest) if colon else None)
    if name == SourceKind.EXCHANGE and not colon:
        return SourceName(SourceKind.EXCHANGE)
    raise SourceError(f"{text!r} is not a source; {_FORMS}")


def system_clock() -> int:
    """Present instant, ms UTC."""
    return time.time_ns() // 1_000_000


def open_source(text: str, clock: Clock = system_clock) -> CandleSource:
    """Open the source that a text names.

    Parameters
    ----------
    text : str
        ``exchange``, ``files:PATH``, ``sim`` or ``sim:SEED``.
    clock : callable
        Returns the present instant, ms UTC. Only sources that go on in time ask it.

    Raises
    ------
    SourceError
        If the text names no source.
    SourceUnavailable, NoSeries, UnknownFileName
        If there are no candle files at the path.
    """
    name = parse_source(text)
    if name.kind is SourceKind.FILES:
        from engines.ingestion.candle_files import CandleFiles

        return CandleFiles.open(name.place, clock)
    if name.kind is SourceKind.SIMULATION:
        from engines.ingestion.simulation import DEFAULT_SEED, SimulatedCandles

        return SimulatedCandles(clock, DEFAULT_SEED if name.seed is None else name.seed)
    from engines.ingestion.exchange import ExchangeCandles

    return ExchangeCandles(clock)

"""What a run of the whole graph is asked for, what it tells while it runs, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol


class PipelineError(RuntimeError):
    """A run that could not do what was asked; the message says why and what to do."""


class SourceOutOfReach(PipelineError):
    """The source does not answer; another one may."""


@dataclass(frozen=True)
class PipelineRequest:
    """One run of the whole graph.

    Attributes
    ----------
    source : str
        ``exchange``, ``files:PATH`` or ``sim``.
    markets, timeframes : tuple of str
        As in ``binance:BTCUSDT`` and ``15m``.
    since, until : date, optional
        First and last day, both inclusive, UTC.
    recompute : bool
        Make rows anew that stand already.
    """

    source: str
    markets: tuple[str, ...]
    timeframes: tuple[str, ...]
    since: date | None = None
    until: date | None = None
    recompute: bool = False


class ProgressListener(Protocol):
    """Who is told how far a run has come."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of ``total`` steps; None if their number is not known."""
        ...

    def advance(self, n: int = 1) -> None:
        """Count steps of the present stage as done."""
        ...

    def message(self, text: str) -> None:
        """Say something a person should read."""
        ...

    def done(self) -> None:
        """End the present stage."""
        ...


class Silent:
    """A listener that says nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Ignore it."""

    def advance(self, n: int = 1) -> None:
        """Ignore it."""

    def message(self, text: str) -> None:
        """Ignore it."""

    def done(self) -> None:
        """Ignore it."""


@dataclass(frozen=True)
class NewestSignal:
    """A published signal, as a summary shows it."""

    market: str
    timeframe: str
    strategy: str
    direction: int
    known_at: datetime
    entry: float
    stop: float
    target_1: float
    target_2: float | None
    score: float


@dataclass
class PipelineSummary:
    """What a run did, and what stands now for its markets and timeframes.

    Attributes
    ----------
    markets : tuple of str
        As they are stored: simulated ones are of the exchange ``sim``.
    simulated : bool
    base_timeframes : dict of str to str
        Timeframe read from the source, by market.
    rows : dict of str to int
        Rows that stand in each table, by its name without the database.
    new_bars, restated_bars, snapped_bars, refused_bars : int
        What ingestion did in this run.
    missing_bars, gaps : int
        What is missing in the base timeframe.
    refused : list of str
        Batches refused whole in this run, with reasons.
    failed_checks : list of str
        Asset checks of severity error that did not pass.
    warnings : list of str
        Asset checks of severity warning that did not pass.
    strategy_problems : list of str
        Strategies that could not be loaded or were switched off, with file and line, or bar and reason.
    signals_by_strategy : dict of str to int
    newest_signals : list of NewestSignal
    marts : int
        Marts built.
    seconds : dict of str to float
        Time by stage.
    """

    markets: tuple[str, ...] = ()
    simulated: bool = False
    base_timeframes: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    new_bars: int = 0
    restated_bars: int = 0
    snapped_bars: int = 0
    refused_bars: int = 0
    missing_bars: int = 0
    gaps: int = 0
    refused: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    strategy_problems: list[str] = field(default_factory=list)
    signals_by_strategy: dict[str, int] = field(default_factory=dict)
    newest_signals: list[NewestSignal] = field(default_factory=list)
    marts: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

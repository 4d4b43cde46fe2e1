"""What an audit finds: readings that did not stay what they were, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from engines.errors import EngineError


class BadReading(EngineError):
    """What was given to an audit cannot be audited; the message says who returned what, and what it should be."""


class Change(StrEnum):
    """What happened to a reading after it was shown."""

    REWRITTEN = "rewritten"
    """A column has another value."""
    WITHDRAWN = "withdrawn"
    """It is gone."""
    LATE = "late"
    """It was not there at the close it is stamped with."""
    STORED = "differs_from_store"
    """The store does not hold what the stored bars make."""


class Replay(StrEnum):
    """How the two versions of a reading were made."""

    MORE_BARS = "more bars"
    """From the bars up to one instant, and from more bars."""
    OTHER_FUTURE = "another future"
    """From the bars up to one instant, and with other bars after it."""
    PIECES = "pieces"
    """From bars that came in pieces, and in one call."""
    RESTORED = "restored"
    """By an engine restored from its snapshot at one instant, and by one that went on."""
    STORE = "store"
    """As it is stored, and made anew of the stored bars."""


@dataclass(frozen=True)
class Finding:
    """One reading that did not stay what it was.

    Attributes
    ----------
    kind : Change
    table : str
    ts : datetime
        Bar the reading is stamped with.
    key : tuple of (str, value)
        What tells it from others of its bar.
    words : str
        The same for people.
    column : str or None
        Column that changed; None where the whole row came or went.
    before, after : value
        As it was shown first, and as it is now.
    shown : datetime
        Open time of the last bar known when it was shown (or should have been).
    known : datetime
        Open time of the last bar of the longer prefix.
    replay : Replay
    """

    kind: Change
    table: str
    ts: datetime
    key: tuple[tuple[str, Any], ...]
    words: str
    column: str | None
    before: Any
    after: Any
    shown: datetime
    known: datetime
    replay: Replay

    def __str__(self) -> str:
        row = f"{self.table}: the row of {_clock(self.ts)}{f' ({self.words})' if self.words else ''}"
        if self.replay is Replay.STORE:
            return f"{row} {self._against_store()}"
        return f"{row} {self._change()} {self._condition()}"

    def _change(self) -> str:
        if self.kind is Change.LATE:
            return "was not there at its own close; it appears"
        if self.kind is Change.WITHDRAWN:
            return "is gone"
        return f"changes `{self.column}` from {_value(self.before)} to {_value(self.after)}"

    def _condition(self) -> str:
        if self.replay is Replay.MORE_BARS:
            return f"once the bar of {_clock(self.known)} is known"
        if self.replay is Replay.OTHER_FUTURE:
            return f"when other bars follow the one of {_clock(self.shown)}"
        if self.replay is Replay.PIECES:
            return f"when the bars up to {_clock(self.known)} come in one call instead of in pieces"
        return f"when the engine goes on instead of being restored at {_clock(self.shown)}"

    def _against_store(self) -> str:
        if self.kind is Change.LATE:
            return "is made of the stored bars, but is not stored"
        if self.kind is Change.WITHDRAWN:
            return "is stored, but the stored bars do not make it"
        return f"is stored with `{self.column}` {_value(self.before)}; the stored bars make {_value(self.after)}"


@dataclass(frozen=True)
class TableAudit:
    """Counts of one table.

    Attributes
    ----------
    table : str
    readings : int
        Distinct readings that were ever shown.
    compared : int
        Comparisons of a reading with a later version of it.
    rewritten, withdrawn, late : int
        Distinct readings this happened to, at least once. One reading can be counted under more than one.
    changed : int
        Distinct readings any of it happened to.
    differing : int
        Distinct readings that the store does not hold as the stored bars make them.
    """

    table: str
    readings: int
    compared: int
    rewritten: int = 0
    withdrawn: int = 0
    late: int = 0
    changed: int = 0
    differing: int = 0


@dataclass(frozen=True)
class AuditReport:
    """Result of an audit.

    Attributes
    ----------
    name : str
        What was audited.
    bars : int
    first, last : datetime or None
        Open times of the first and last bar.
    prefixes : int
        Replays that were compared with a longer one.
    tables : tuple of TableAudit
    findings : tuple of Finding
        The first of each table, kind and replay; the counts are of all.
    of_store : bool
        Whether stored rows were held against what the stored bars make.
    """

    name: str
    bars: int
    first: datetime | None
    last: datetime | None
    prefixes: int
    tables: tuple[TableAudit, ...]
    findings: tuple[Finding, ...] = ()
    of_store: bool = False

    @property
    def readings(self) -> int:
        """Distinct readings that were ever shown."""
        return sum(table.readings for table in self.tables)

    @property
    def compared(self) -> int:
        """Comparisons of a reading with a later version of it."""
        return sum(table.compared for table in self.tables)

    @property
    def rewritten(self) -> int:
        """Distinct readings that were rewritten, withdrawn or late, or differ from the store."""
        return sum(table.changed + table.differing for table in self.tables)

    @property
    def passed(self) -> bool:
        """Whether every reading stayed what it was."""
        return self.rewritten == 0

    @property
    def verdict(self) -> str:
        """One sentence."""
        extent = f"{self.readings:,} readings of {self.bars:,} bars, {self.prefixes:,} replays"
        if self.readings == 0 and self.passed:
            return f"{self.name}: nothing was shown ({extent}), so nothing could be rewritten"
        if self.passed and self.of_store:
            return f"{self.name}: every reading is stored as the stored bars make it ({extent})"
        if self.passed:
            return f"{self.name}: nothing was rewritten, withdrawn or late ({extent})"
        counts = [
            f"{count:,} {word}"
            for count, word in (
                (sum(table.rewritten for table in self.tables), "rewritten"),
                (sum(table.withdrawn for table in self.tables), "withdrawn"),
                (sum(table.late for table in self.tables), "late"),
                (sum(table.differing for table in self.tables), "not as stored"),
            )
            if count
        ]
        return f"{self.name}: {self.rewritten:,} readings did not stay what they were: {', '.join(counts)} ({extent})"


def _clock(ts: datetime) -> str:
    if ts.microsecond:
        return ts.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return ts.strftime("%Y-%m-%d %H:%M:%S" if ts.second else "%Y-%m-%d %H:%M")


def _value(value: Any) -> str:
    return "null" if value is None else _clock(value) if isinstance(value, datetime) else repr(value)

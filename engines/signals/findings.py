"""What the replay test of a strategy says: decisions, how they differ, and what is wrong, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Fault(StrEnum):
    """What is wrong with a strategy."""

    READS_AHEAD = "reads ahead"
    """It reads what is not known at the bar."""
    LATER_BARS = "depends on later bars"
    """Its decision changes with the bars after it."""
    CALLS = "depends on calls"
    """Its decision changes with how bars are cut into calls."""
    FORGETS = "forgets"
    """Its decision changes when it goes on from a snapshot."""
    FAILS = "fails"
    """It raises, or makes a signal no one can use."""


@dataclass(frozen=True)
class StrategyFinding:
    """One fault.

    Attributes
    ----------
    fault : Fault
    ts : datetime
        Open time of the bar it was found at, UTC.
    words : str
    """

    fault: Fault
    ts: datetime
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class StrategyReport:
    """What a check found.

    Attributes
    ----------
    strategy : str
    timeframe : str
    bars, signals, replays : int
        Bars and signals of the run in one call; how often bars were run again.
    first, last : datetime or None
        Open times of the first and last bar.
    findings : tuple of StrategyFinding
        The first of each fault.
    """

    strategy: str
    timeframe: str
    bars: int
    signals: int
    replays: int
    first: datetime | None
    last: datetime | None
    findings: tuple[StrategyFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class Decision(NamedTuple):
    """A signal as it was decided; ``bar`` and ``zone`` count from the first bar and zone row of all."""

    bar: int
    direction: int
    entry: float
    stop: float
    target_1: float
    target_2: float | None
    score: float
    reasons: int
    zone: int

    def __str__(self) -> str:
        return f"{'long' if self.direction > 0 else 'short'} {_price(self.entry)}"


def first_difference(
    one: Sequence[Decision], other: Sequence[Decision]
) -> tuple[Decision | None, Decision | None] | None:
    """The earliest bar at which decisions differ: what each has there."""
    mine, theirs = {decision.bar: decision for decision in one}, {decision.bar: decision for decision in other}
    for bar in sorted({*mine, *theirs}):
        if mine.get(bar) != theirs.get(bar):
            return mine.get(bar), theirs.get(bar)
    return None


def told(one: Decision | None, other: Decision | None) -> str:
    """A decision in words, as far as it is another one than ``other``."""
    if one is None:
        return "there is none"
    if other is None or str(one) != str(other):
        return f"it is {one}"
    differing = [name for name in Decision._fields if getattr(one, name) != getattr(other, name)]
    values = ", ".join(f"{name.replace('_', ' ')} {_value(getattr(one, name))}" for name in differing)
    return f"it is {one} with {values}"


def _value(value: Any) -> str:
    return "none" if value is None else _price(value) if isinstance(value, float) else str(value)


def _price(value: float) -> str:
    return f"{value:,.8g}"


def clock(ts: datetime) -> str:
    """Open time of a bar in words."""
    return f"{ts:%Y-%m-%d %H:%M}"

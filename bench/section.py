"""What a section of the benchmarks says, and the machine it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bench.measure import Timing, machine


class ChartKind(StrEnum):
    """How a chart is drawn."""

    BARS = "bars"
    """One bar a name, on a logarithmic axis."""
    LINES = "lines"
    """Lines over a logarithmic x axis."""


@dataclass(frozen=True)
class Chart:
    """Numbers to draw.

    Attributes
    ----------
    name : str
        Of the file.
    title, x, y : str
        Words on it.
    kind : ChartKind
    series : dict of str to list of (x, y)
        For bars: x is the label.
    logarithmic : bool
        Whether the axis of the values is.
    """

    name: str
    title: str
    x: str
    y: str
    kind: ChartKind
    series: dict[str, list[tuple[Any, float]]]
    logarithmic: bool = True


@dataclass(frozen=True)
class Table:
    """A table of the report: words and numbers as they are to be read."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Target:
    """What was aimed at, and what came of it.

    Attributes
    ----------
    aim, measured : str
    met : bool
    reason : str
        Why not, where it was not met.
    """

    aim: str
    measured: str
    met: bool
    reason: str = ""


@dataclass
class Section:
    """Results of a section.

    Attributes
    ----------
    name, title : str
    timings : list of Timing
        All that was timed.
    tables, charts, targets
        What the report shows.
    notes : list of str
        What a reader must know to judge it.
    """

    name: str
    title: str
    timings: list[Timing] = field(default_factory=list[Timing])
    tables: list[Table] = field(default_factory=list[Table])
    charts: list[Chart] = field(default_factory=list[Chart])
    targets: list[Target] = field(default_factory=list[Target])
    notes: list[str] = field(default_factory=list[str])

    def as_json(self, about: dict[str, Any], quick: bool) -> dict[str, Any]:
        """Everything about it, with when and where it was measured."""
        return {
            **asdict(self),
            "timings": [_brief(timing.as_row()) for timing in self.timings],
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": about,
            "quick": quick,
        }


_MOST_TIMES = 20


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """A timing without its single times where those are many."""
    taken = row["seconds"]
    return {**row, "runs": len(taken), "seconds": taken if len(taken) <= _MOST_TIMES else []}


def timings_table(timings: Sequence[Timing]) -> Table:
    """A table of all that was timed."""
    rows: list[tuple[str, ...]] = []
    for timing in timings:
        row = timing.as_row()
        each = f"{row['nanoseconds_per_item']:,.1f}"
        rows.append(
            (timing.name, f"{timing.items:,} {timing.unit}s", f"{timing.median:,.4f}", each, f"{row['spread']:.0%}")
        )
    return Table("Medians", ("what", "of", "seconds", "ns each", "spread"), tuple(rows))


Tell = Callable[[str], object]
"""Is told what is being measured."""


def measured(section: Callable[[bool, Tell], Section], quick: bool, tell: Tell) -> dict[str, Any]:
    """Run a section between two readings of the machine's noise; the worse one counts."""
    before = machine()
    made = section(quick, tell)
    after = machine()
    worse = max(before, after, key=lambda about: about["noise_max_over_min"])
    return made.as_json(worse, quick)

"""Views to test strategies with one bar at a time: everything neutral unless said otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.bars import BarArrays, frozen
from engines.signals.frames import structure_events, zone_events
from engines.signals.runner import StrategyRunner, new_candidates
from engines.signals.view import ATR_14, INDICATOR_COUNT, RANGE_POSITION, BarView, HigherView
from engines.structure.rows import empty_rows as empty_structure
from engines.zones.rows import empty_rows as empty_zones

BAR_MS = 900_000


@dataclass
class Bar:
    """One bar and what is known at its close. ``zones`` and ``structure`` are rows as dictionaries of their fields."""

    open: float = 100.0
    high: float = 101.0
    low: float = 99.0
    close: float = 100.0
    volume: float = 10.0
    atr: float = 2.0
    position: float = 0.25
    swing: int = 1
    internal: int = 1
    structure: list[dict[str, Any]] = field(default_factory=list)
    zones: list[dict[str, Any]] = field(default_factory=list)


def view_of(bars: list[Bar], start: int = 0) -> BarView:
    """View of a block of these bars; the higher timeframe is given bar by bar."""
    n = len(bars)
    indicators = np.zeros((INDICATOR_COUNT, n + 9))[:, :n]
    indicators[ATR_14] = [bar.atr for bar in bars]
    indicators[RANGE_POSITION] = [bar.position for bar in bars]
    ts = (start + np.arange(n, dtype=np.int64)) * BAR_MS
    columns = [frozen(np.array([getattr(bar, name) for bar in bars])) for name in BarArrays._fields[1:]]
    structure, structure_from = _rows(lambda n: structure_events(empty_structure(n)), [bar.structure for bar in bars])
    zones, zones_from = _rows(lambda n: zone_events(empty_zones(n)), [bar.zones for bar in bars])
    higher = HigherView(
        ts.copy(),
        np.zeros(n),
        np.zeros((INDICATOR_COUNT, n + 9))[:, :n],
        np.array([bar.swing for bar in bars], np.int8),
        np.array([bar.internal for bar in bars], np.int8),
    )
    return BarView(
        BarArrays(frozen(ts), *columns), start, indicators, structure, structure_from, zones, zones_from, higher,
        np.arange(n, dtype=np.int64),
    )  # fmt: skip


def decided(strategy: str, bars: list[Bar], **settings: Any) -> list[dict[str, Any]]:
    """Signals of a fresh strategy over these bars, each with its reasons in words."""
    runner = StrategyRunner(timeframe="15m", strategy=strategy, settings=settings)
    rows = new_candidates(len(bars))
    count = runner.advance_checked(view_of(bars), rows)
    found = [{name: getattr(rows, name)[i].item() for name in rows._fields} for i in range(count)]
    return [{**row, "words": runner.strategy.words(row["reasons"])} for row in found]


def _rows(empty: Callable[[int], Any], by_bar: list[list[dict[str, Any]]]) -> tuple[Any, np.ndarray]:
    first = np.cumsum([0, *(len(rows) for rows in by_bar)])
    flat = [row for rows in by_bar for row in rows]
    made = empty(len(flat))
    for column in made:
        column[:] = 0
    for i, row in enumerate(flat):
        for name, value in row.items():
            getattr(made, name)[i] = value
    return made, first.astype(np.int64)

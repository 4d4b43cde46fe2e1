"""Blocks of bars as a chain hands them to a strategy, whole, in part, and with another future."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import BarArrays, bar_arrays, check_bars, frozen
from engines.errors import BadParameter
from engines.indicators import IndicatorEngine
from engines.signals.engine import rows_from
from engines.signals.frames import structure_events, zone_events
from engines.signals.higher import HigherTimeframe
from engines.signals.view import BarView
from engines.structure import StructureEngine
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine


def stage_view(bars: pl.DataFrame, timeframe: Timeframe | str) -> BarView:
    """All that a strategy is shown of some bars, as one block.

    Raises
    ------
    engines.errors.BadBars
        If a bar breaks a rule.
    engines.errors.BadParameter
        If nothing confirms the timeframe, so that no strategy runs on it.
    """
    grid = Timeframe(timeframe)
    if grid.higher is None:
        raise BadParameter(f"no timeframe confirms {grid.value}, so no strategy runs on it")
    arrays = bar_arrays(bars)
    check_bars(arrays, grid)
    count = bars.height
    indicators = IndicatorEngine(timeframe=grid)
    columns = indicators.empty_rows(count)
    indicators.advance_checked(arrays, columns)
    structure = StructureEngine(timeframe=grid)
    events = structure.new_rows(count)
    written = structure.advance_checked(arrays, events)
    zones = ZoneEngine(timeframe=grid)
    lives = zones.new_rows(count)
    ended = zones.advance_checked(arrays, events, written, lives)
    higher, known = HigherTimeframe(timeframe=grid).advance_checked(arrays)
    structure_from, zones_from = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    rows_from(arrays.ts, events.ts, written, structure_from)
    rows_from(arrays.ts, lives.ts, ended, zones_from)
    return BarView(
        arrays,
        0,
        columns,
        _sliced(structure_events(events), 0, written),
        structure_from,
        _sliced(zone_events(lives), 0, ended),
        zones_from,
        higher,
        known,
    )


def part_of_view(view: BarView, begin: int, end: int) -> BarView:
    """Bars ``begin`` up to ``end`` of a view as a block of their own, as a chain would hand it over."""
    structure_begin, structure_end = int(view.structure_from[begin]), int(view.structure_from[end])
    zones_begin, zones_end = int(view.zones_from[begin]), int(view.zones_from[end])
    before = int(view.higher_known[begin - 1]) if begin else 0
    last = int(view.higher_known[end - 1])
    higher = view.higher
    return BarView(
        _sliced(view.bars, begin, end),
        view.start + begin,
        np.ascontiguousarray(view.indicators[:, begin:end]),
        _sliced(view.structure, structure_begin, structure_end),
        view.structure_from[begin : end + 1] - structure_begin,
        _sliced(view.zones, zones_begin, zones_end),
        view.zones_from[begin : end + 1] - zones_begin,
        type(higher)(
            higher.ts[before : last + 1],
            higher.close[before : last + 1],
            np.ascontiguousarray(higher.indicators[:, before : last + 1]),
            higher.swing_bias[before : last + 1],
            higher.internal_bias[before : last + 1],
        ),
        view.higher_known[begin:end] - before,
    )


def with_other_future(block: BarView, bar: int, factor: float) -> BarView:
    """The block with all prices, indicators and rows after a bar as they would not be; times stay."""
    structure_known, zones_known = int(block.structure_from[bar + 1]), int(block.zones_from[bar + 1])
    higher_known = int(block.higher_known[bar])

    def other(column: npt.NDArray[Any], known: int) -> npt.NDArray[Any]:
        made = column.copy()
        after = made[..., known:]
        if made.dtype == np.float64:
            after *= factor
        elif made.dtype == np.int8:
            after *= -1
        return made

    return block._replace(
        bars=BarArrays(block.bars.ts, *(frozen(other(column, bar + 1)) for column in block.bars[1:])),
        indicators=other(block.indicators, bar + 1),
        structure=type(block.structure)(*(other(column, structure_known) for column in block.structure)),
        zones=type(block.zones)(*(other(column, zones_known) for column in block.zones)),
        higher=type(block.higher)(*(other(column, higher_known + 1) for column in block.higher)),
    )


def _sliced(rows: Any, begin: int, end: int) -> Any:
    return type(rows)(*(column[begin:end] for column in rows))

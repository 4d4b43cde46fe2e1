"""Each stage by itself: bars per second of the engines, on one core."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from bench.bars import candles
from bench.measure import Timing, timed
from bench.section import Section, Tell, timings_table
from engines.bars import bar_arrays
from engines.chain import Chain
from engines.indicators import IndicatorEngine
from engines.ingestion.normal_form import normal_form
from engines.resample import ResampleEngine
from engines.risk import RiskEngine
from engines.signals.outcomes import OutcomeEngine
from engines.structure import StructureEngine
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine

_FRAME_RUNS = 5


NAME = "stages"


def section(quick: bool, tell: Tell) -> Section:
    """Measure every stage; with ``quick`` on a tenth of the bars."""
    name, bars = candles()
    made = Section(NAME, "Every stage by itself, frames in and out")
    made.notes.append(f"Bars: {name}.")
    for timing in stage_timings(bars.head(bars.height // 10) if quick else bars):
        tell(timing.name)
        made.timings.append(timing)
    made.tables.append(timings_table(made.timings))
    return made


def stage_timings(bars: pl.DataFrame) -> Iterator[Timing]:
    """Time every stage on the same bars, frames in and frames out unless the name says arrays."""
    count = bars.height
    yield timed("normal form", count, "bar", lambda: normal_form(bars, Timeframe.M1), _FRAME_RUNS)
    yield timed(
        "resample 1m to 15m",
        count,
        "bar",
        lambda: ResampleEngine(base="1m", timeframe="15m").advance(bars),
        _FRAME_RUNS,
    )
    arrays = bar_arrays(bars)
    out = np.empty((len(IndicatorEngine(timeframe="1m").columns), count))
    yield timed(
        "indicators, arrays",
        count,
        "bar",
        lambda: IndicatorEngine(timeframe="1m").advance_arrays(*arrays, out),
        _FRAME_RUNS,
    )
    yield timed("indicators", count, "bar", lambda: IndicatorEngine(timeframe="1m").advance(bars), _FRAME_RUNS)
    yield timed("structure", count, "bar", lambda: StructureEngine(timeframe="1m").advance(bars), _FRAME_RUNS)
    structure = StructureEngine(timeframe="1m").advance(bars)
    yield timed("zones", count, "bar", lambda: ZoneEngine(timeframe="1m").advance(bars, structure), _FRAME_RUNS)
    yield timed("whole chain", count, "bar", lambda: Chain(timeframe="1m").advance(bars), _FRAME_RUNS)
    signals = Chain(timeframe="1m").advance(bars).signals
    yield timed("outcomes", count, "bar", lambda: OutcomeEngine(timeframe="1m").advance(bars, signals), _FRAME_RUNS)
    outcomes = OutcomeEngine(timeframe="1m").advance(bars, signals)
    yield timed(
        "risk",
        max(1, signals.height),
        "signal",
        lambda: RiskEngine(timeframe="1m").advance(bars, signals, outcomes),
        _FRAME_RUNS,
    )
    yield _live(bars)


def _live(bars: pl.DataFrame) -> Timing:
    """One bar at a time through the whole chain, frames in and out, after a month of history."""
    history, live = bars.head(43_200), bars.slice(43_200, 500)
    chain = Chain(timeframe="1m")
    chain.advance(history)
    state = chain.snapshot()

    def one_by_one() -> None:
        engine = Chain.restore(state)
        for position in range(live.height):
            engine.advance(live.slice(position, 1))

    return timed("whole chain, one bar a call", live.height, "bar", one_by_one, 3)

"""Every engine in one form: bars in, frames out, whatever else it is fed being made from the same bars by the engines before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from engines.bars import BarArrays
from engines.chain import Chain
from engines.engine import Engine
from engines.indicators import IndicatorEngine
from engines.resample import ResampleEngine
from engines.risk import RiskEngine
from engines.risk.engine import DecisionRows
from engines.signals import SIGNAL_SCHEMA, OutcomeEngine, SignalEngine
from engines.signals.rows import signal_arrays
from engines.structure import StructureEngine
from engines.zones import ZoneEngine

MARKET = "binance:BTCUSDT"
EAGER = {
    "smc_pullback": {"sweep_bars": 100, "cooldown_bars": 0},
    "structure_breakout": {"least_volume": 0.0, "least_range_atr": 0.0, "cooldown_bars": 0, "most_chase_atr": 9.0},
    "trend_following": {"fresh_bars": 50, "most_stretch_atr": 9.0, "cooldown_bars": 0},
    "mean_reversion": {"extreme_rsi": 45.0, "least_reward": 0.2, "cooldown_bars": 0},
}
"""Low bars for a signal, so that short series have many."""

Frames = dict[str, pl.DataFrame]
Feed = Callable[[Any, pl.DataFrame, Frames], pl.DataFrame | tuple[pl.DataFrame, ...]]
FeedArrays = Callable[[Any, BarArrays, Frames], Any]


def eager_chain(timeframe: str) -> Chain:
    return Chain(timeframe=timeframe, market=MARKET, settings=EAGER)


@dataclass
class Upstream:
    """What the stages before an engine make of the same bars."""

    timeframe: str
    chain: Chain = field(init=False)
    outcomes: OutcomeEngine = field(init=False)

    def __post_init__(self) -> None:
        self.chain = eager_chain(self.timeframe)
        self.outcomes = OutcomeEngine(timeframe=self.timeframe, market=MARKET)

    def advance(self, bars: pl.DataFrame) -> Frames:
        rows = self.chain.advance(bars)
        return {
            "indicators": rows.indicators,
            "structure": rows.structure,
            "zones": rows.zones,
            "signals": rows.signals,
            "outcomes": self.outcomes.advance(bars, rows.signals),
        }


@dataclass(frozen=True)
class EngineCase:
    """One engine: how it is made, and fed with frames and with arrays."""

    make: Callable[[str], Engine[Any]]
    feed: Feed
    feed_arrays: FeedArrays

    def rows(self, engine: Any, bars: pl.DataFrame, inputs: Frames) -> tuple[pl.DataFrame, ...]:
        out = self.feed(engine, bars, inputs)
        return out if isinstance(out, tuple) else (out,)


def _chain_frames(engine: Chain, bars: pl.DataFrame, inputs: Frames) -> tuple[pl.DataFrame, ...]:
    out = engine.advance(bars)
    return out.indicators, out.structure, out.zones, out.signals


def _resample_arrays(engine: ResampleEngine, bars: BarArrays, inputs: Frames) -> Any:
    room = engine.capacity(bars.ts.shape[0])
    return engine.advance_arrays(*bars, np.empty(room, np.int64), np.empty((5, room)))


def _zone_arrays(engine: ZoneEngine, bars: BarArrays, inputs: Frames) -> Any:
    from engines.structure.rows import structure_rows

    events = structure_rows(inputs["structure"])
    return engine.advance_arrays(*bars, events, inputs["structure"].height, engine.new_rows(bars.ts.shape[0]))


def _signal_arrays(engine: SignalEngine, bars: BarArrays, inputs: Frames) -> Any:
    from engines.structure.rows import structure_rows
    from engines.zones.rows import empty_rows

    columns = np.ascontiguousarray(inputs["indicators"].drop("ts").to_numpy().T)
    structure, zones = structure_rows(inputs["structure"]), empty_rows(inputs["zones"].height)
    counts = (inputs["structure"].height, inputs["zones"].height)
    rows = engine.new_rows(bars.ts.shape[0])
    return engine.advance_arrays(*bars, columns, structure, counts[0], zones, counts[1], rows)


def _outcome_arrays(engine: OutcomeEngine, bars: BarArrays, inputs: Frames) -> Any:
    signals = signal_arrays(inputs["signals"])
    return engine.advance_arrays(*bars, signals, engine.new_rows(signals.ts.shape[0]))


def _risk_arrays(engine: RiskEngine, bars: BarArrays, inputs: Frames) -> Any:
    signals = signal_arrays(SIGNAL_SCHEMA.to_frame())
    outcomes = OutcomeEngine(timeframe=engine.timeframe).new_rows(0)
    rows: Any = DecisionRows(*(np.empty(0) for _ in DecisionRows._fields))
    return engine.advance_arrays(*bars, signals, np.empty(0), outcomes, rows)


CASES: dict[str, EngineCase] = {
    "resample": EngineCase(
        lambda timeframe: ResampleEngine(base=timeframe, timeframe="4h"),
        lambda engine, bars, inputs: engine.advance(bars),
        _resample_arrays,
    ),
    "indicators": EngineCase(
        lambda timeframe: IndicatorEngine(timeframe=timeframe),
        lambda engine, bars, inputs: engine.advance(bars),
        lambda engine, bars, inputs: engine.advance_arrays(*bars, engine.empty_rows(bars.ts.shape[0])),
    ),
    "structure": EngineCase(
        lambda timeframe: StructureEngine(timeframe=timeframe),
        lambda engine, bars, inputs: engine.advance(bars),
        lambda engine, bars, inputs: engine.advance_arrays(*bars, engine.new_rows(bars.ts.shape[0])),
    ),
    "zones": EngineCase(
        lambda timeframe: ZoneEngine(timeframe=timeframe, market=MARKET),
        lambda engine, bars, inputs: engine.advance(bars, inputs["structure"]),
        _zone_arrays,
    ),
    "signals": EngineCase(
        lambda timeframe: SignalEngine(timeframe=timeframe, market=MARKET, settings=EAGER),
        lambda engine, bars, inputs: engine.advance(bars, inputs["indicators"], inputs["structure"], inputs["zones"]),
        _signal_arrays,
    ),
    "outcomes": EngineCase(
        lambda timeframe: OutcomeEngine(timeframe=timeframe, market=MARKET),
        lambda engine, bars, inputs: engine.advance(bars, inputs["signals"]),
        _outcome_arrays,
    ),
    "risk": EngineCase(
        lambda timeframe: RiskEngine(timeframe=timeframe, market=MARKET),
        lambda engine, bars, inputs: engine.advance(bars, inputs["signals"], inputs["outcomes"]),
        _risk_arrays,
    ),
    "chain": EngineCase(
        eager_chain,
        _chain_frames,
        lambda engine, bars, inputs: engine.advance_arrays(*bars, engine.new_rows(bars.ts.shape[0])),
    ),
}

"""Where the state of a chain lives: each part's arrays as views of one row of an arena, in the order of `MarketState`."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from engines.bars import TimeArray
from engines.chain import Chain
from engines.engine import Engine
from engines.indicators.state import IndicatorState
from engines.panel.arena import Arena, arena_of, view_of
from engines.panel.strategies import COMPILED, StrategyStates
from engines.resample import PendingBar
from engines.signals.engine import SignalEngine
from engines.signals.higher import HigherTimeframe, LastHigherBar
from engines.signals.strategy import Strategy
from engines.structure.state import StructureState
from engines.timeframe import Timeframe
from engines.zones.state import ZoneState

BASE_CLOCKS = 7 + len(COMPILED)
"""Clocks of `MarketState.clocks` that count the market's own bars; the chain's is the first."""
HIGHER_INDICATORS, HIGHER_STRUCTURE = BASE_CLOCKS, BASE_CLOCKS + 1
CLOCKS = BASE_CLOCKS + 2
LAST_TS, BARS_SEEN = 0, 1
"""Columns of `MarketState.clocks`."""


class Clocks(NamedTuple):
    """Clocks of all parts: open time (ms) of the last bar and number of bars seen, shape (CLOCKS, 2)."""

    of: TimeArray


class HigherState(NamedTuple):
    """State of a chain's higher timeframe; ``last`` is what strategies see of it."""

    pending: PendingBar
    indicators: IndicatorState
    structure: StructureState
    last: LastHigherBar


class MarketState(NamedTuple):
    """State of a chain."""

    clocks: Clocks
    indicators: IndicatorState
    structure: StructureState
    zones: ZoneState
    higher: HigherState
    strategies: StrategyStates


class ChainParts(NamedTuple):
    """A chain's engines in the order of `MarketState.clocks`; None for what it does not run."""

    base: tuple[Engine[Any] | None, ...]
    higher: tuple[Engine[Any] | None, ...]

    @classmethod
    def of(cls, chain: Chain) -> ChainParts:
        """Engines of a chain."""
        signals = cast("SignalEngine", chain.part("signals"))
        higher = signals.higher
        runners = {runner.strategy.name: runner for runner in signals.runners}
        resample, indicators, structure = (
            (higher.part("resample"), higher.part("indicators"), higher.part("structure")) if higher else (None,) * 3
        )
        return cls(
            (
                chain,
                chain.part("indicators"),
                chain.part("structure"),
                chain.part("zones"),
                signals,
                higher,
                resample,
                *(runners.get(strategy.name) for strategy in COMPILED),
            ),
            (indicators, structure),
        )


def memory_of(chain: Chain) -> Arena:
    """Arena of one that the state of a chain lives in; it is brought there if it does not yet."""
    if chain.memory is None:
        state = gathered(chain)
        settle(chain, arena_of([state]))
    return cast("Arena", chain.memory)


def gathered(chain: Chain) -> MarketState:
    """State of a chain with its clocks side by side, which they are not at first."""
    parts = ChainParts.of(chain)
    _, indicators, structure, zones, _, higher, resample, *runners = parts.base
    spare = HigherTimeframe(timeframe=Timeframe.M15)
    unused = {
        "resample": spare.part("resample"),
        "indicators": spare.part("indicators"),
        "structure": spare.part("structure"),
    }
    higher_indicators, higher_structure = parts.higher
    clocks = [engine.clock if engine is not None else spare.clock for engine in (*parts.base, *parts.higher)]
    return MarketState(
        Clocks(np.stack(clocks)),
        _state(indicators),
        _state(structure),
        _state(zones),
        HigherState(
            _state(resample or unused["resample"]),
            _state(higher_indicators or unused["indicators"]),
            _state(higher_structure or unused["structure"]),
            _state(higher or spare),
        ),
        StrategyStates(
            *(
                runner.state if runner is not None else _unused_state(strategy)
                for strategy, runner in zip(COMPILED, runners, strict=True)
            )
        ),
    )


def settle(chain: Chain, memory: Arena, *, in_panel: bool = False) -> None:
    """Let all parts of a chain go on in an arena of one, which must hold a copy of its state."""
    parts = ChainParts.of(chain)
    own = view_of(memory, 0, gathered(chain))
    higher = own.higher
    states = (
        chain.state,
        own.indicators,
        own.structure,
        own.zones,
        chain.part("signals").state,
        higher.last,
        higher.pending,
        *own.strategies,
        higher.indicators,
        higher.structure,
    )
    for engine, state, clock in zip((*parts.base, *parts.higher), states, own.clocks.of, strict=True):
        if engine is not None:
            engine.move(state, clock)
    chain.settled(memory, in_panel=in_panel)


def _unused_state(strategy: Strategy[Any, Any]) -> Any:
    return strategy.new_state(strategy.parameters)


def _state(engine: Engine[Any] | None) -> Any:
    return cast("Engine[Any]", engine).state


FORM = gathered(Chain(timeframe=Timeframe.M15))
"""A state, for its form: which arrays of which types there are."""

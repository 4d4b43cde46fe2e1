"""What all chains of a panel have in common, as its kernel takes it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from engines.chain import Chain
from engines.indicators import IndicatorEngine
from engines.indicators.state import Plan
from engines.panel.memory import ChainParts
from engines.panel.strategies import COMPILED, NOT_RUN, StrategyParameters
from engines.signals.engine import SignalEngine
from engines.signals.higher import HigherTimeframe
from engines.signals.runner import StrategyRunner
from engines.structure import StructureEngine
from engines.timeframe import Timeframe


class StructureParameters(NamedTuple):
    """Parameters of the structure kernel, in its order."""

    widths: tuple[int, int, int]
    threshold: float
    atr_period: int


class PanelParameters(NamedTuple):
    """What all markets of a panel have in common.

    Attributes
    ----------
    bar_ms, offset_ms : int
        Grid of the bars.
    higher_ms, higher_offset_ms : int
        Grid of the bars of the higher timeframe; 0 where nothing confirms.
    plan, structure
        Parameters of those stages.
    higher_plan, higher_structure
        The same for the higher timeframe.
    wild_bar : float
    zones_atr_period : int
    zone_room : int
        Most zone rows that one bar of one market can make.
    live_limit : int
    strategies : StrategyParameters
    """

    bar_ms: int
    offset_ms: int
    higher_ms: int
    higher_offset_ms: int
    plan: Plan
    structure: StructureParameters
    higher_plan: Plan
    higher_structure: StructureParameters
    wild_bar: float
    zones_atr_period: int
    zone_room: int
    live_limit: int
    strategies: StrategyParameters


def parameters_of(chain: Chain) -> PanelParameters:
    """What the panel's kernel has to know of a chain besides its state."""
    parts = ChainParts.of(chain)
    signals = cast("SignalEngine", parts.base[4])
    zones = cast("Any", parts.base[3])
    grid, higher = chain.timeframe, chain.timeframe.higher
    spare = HigherTimeframe(timeframe=Timeframe.M15)
    own = cast("IndicatorEngine", chain.part("indicators"))
    above = cast("IndicatorEngine", parts.higher[0] or spare.part("indicators"))
    structure_above = cast("StructureEngine", parts.higher[1] or spare.part("structure"))
    runners = {runner.strategy.name: runner.strategy for runner in signals.runners}
    return PanelParameters(
        bar_ms=grid.milliseconds,
        offset_ms=grid.offset_ms,
        higher_ms=higher.milliseconds if higher else 0,
        higher_offset_ms=higher.offset_ms if higher else 0,
        plan=own.plan,
        structure=_structure_parameters(chain.part("structure")),
        higher_plan=above.plan,
        higher_structure=_structure_parameters(structure_above),
        wild_bar=zones.parameters["wild_bar"],
        zones_atr_period=zones.parameters["atr_period"],
        zone_room=zones.new_rows(1).ts.shape[0],
        live_limit=zones.parameters["live_limit"],
        strategies=StrategyParameters(
            *(runners.get(strategy.name, strategy).parameters for strategy in COMPILED),  # pyright: ignore[reportArgumentType] - in the order of the fields
            places=tuple(
                signals.strategies.index(strategy.name) if strategy.name in runners else NOT_RUN
                for strategy in COMPILED
            ),
        ),
    )


def others_of(chain: Chain) -> list[tuple[int, StrategyRunner]]:
    """Strategies of a chain that the panel's kernel does not know, with their places."""
    known = {strategy.name for strategy in COMPILED}
    runners = cast("SignalEngine", chain.part("signals")).runners
    return [(number, runner) for number, runner in enumerate(runners) if runner.strategy.name not in known]


def _structure_parameters(engine: StructureEngine) -> StructureParameters:
    given = engine.parameters
    return StructureParameters(
        (given["micro"], given["internal"], given["swing"]), given["equal_threshold"], given["atr_period"]
    )


PARAMETERS_FORM = parameters_of(Chain(timeframe=Timeframe.M15))
"""Parameters, for their form."""

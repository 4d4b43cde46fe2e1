"""What can happen, and whether a condition holds for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.alerts.rules import (
    Condition,
    ConditionKind,
    Crossing,
    OutcomeCondition,
    PriceCondition,
    SignalCondition,
    StructureCondition,
    ZoneCondition,
)
from stores.markets import SIMULATED_EXCHANGE


@dataclass(frozen=True)
class Event:
    """Something that happened in a series.

    Attributes
    ----------
    kind : ConditionKind
        Of the conditions that can hold for it.
    key : str
        Names it, the same however often it is read.
    market, timeframe : str
    known_at : datetime
        When it could be known: the close of its bar.
    facts : mapping
        All there is to say of it; whatever JSON can hold.
    """

    kind: ConditionKind
    key: str
    market: str
    timeframe: str
    known_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether its market is simulated."""
        return self.market.startswith(f"{SIMULATED_EXCHANGE}:")

    @property
    def delayed(self) -> bool:
        """Whether a plan's delay counts for it: prices are nobody's secret, signals are."""
        return self.kind in (ConditionKind.SIGNAL, ConditionKind.OUTCOME)

    @property
    def levels(self) -> tuple[float, float] | None:
        """Prices it may have passed, lowest first; None if it is not about a price."""
        if self.kind is not ConditionKind.PRICE:
            return None
        before, close = self.facts["previous_close"], self.facts["close"]
        return min(before, close), max(before, close)


def holds(condition: Condition, event: Event) -> bool:
    """Whether a condition holds for an event."""
    if condition.kind is not event.kind:
        return False
    facts = event.facts
    if isinstance(condition, PriceCondition):
        return (condition.market, condition.timeframe.value) == (event.market, event.timeframe) and crossed(
            condition.crosses, condition.level, facts["previous_close"], facts["close"]
        )
    if condition.markets is not None and event.market not in condition.markets:
        return False
    if condition.timeframes is not None and event.timeframe not in condition.timeframes:
        return False
    if isinstance(condition, ZoneCondition):
        return (
            _fits(condition.zone, facts["zone"])
            and _fits(condition.side, facts["side"])
            and _fits(condition.scale, facts["scale"])
        )
    if isinstance(condition, StructureCondition):
        return (
            _fits(condition.event, facts["event"])
            and _fits(condition.direction, facts["direction"])
            and _fits(condition.scale, facts["scale"])
        )
    return _signal_holds(condition, event)


def _signal_holds(condition: SignalCondition | OutcomeCondition, event: Event) -> bool:
    facts = event.facts
    if condition.exclude_simulated and event.simulated:
        return False
    if isinstance(condition, OutcomeCondition) and facts["outcome"] not in condition.outcomes:
        return False
    return (
        _fits(condition.strategy, facts["strategy"])
        and _fits(condition.direction, facts["direction"])
        and facts["score"] >= condition.minimum_score
    )


def _fits(wanted: object, found: object) -> bool:
    return wanted is None or wanted == found


def crossed(crosses: Crossing, level: float, before: float, close: float) -> bool:
    """Whether the way from one close to the next passes a level, or arrives at it.

    Whoever stands on the level has crossed it when he came, and does not cross it again when he leaves.
    """
    up = before < level <= close
    down = before > level >= close
    match crosses:
        case Crossing.ABOVE:
            return up
        case Crossing.BELOW:
            return down
        case Crossing.EITHER:
            return up or down

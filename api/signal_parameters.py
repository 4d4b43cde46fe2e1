"""Which signals a request asks for, and how much of them its reader may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query

from api.dependencies import ClockDependency
from api.entitlements import Entitlements
from api.parameters import DirectionParameter, MarketFilter, StrategyParameter, TimeframeFilter
from api.problems import Problem
from api.reads.signals import Sight, SignalFilter
from api.security.principal import PrincipalDependency
from api.times import Instant
from stores.markets import Market

SinceParameter = Annotated[Instant | None, Query(description="Only signals known at or after this instant.")]
StatusParameter = Annotated[
    Literal["open", "closed"] | None, Query(description="Only signals that are still open, or that have ended.")
]


@dataclass(frozen=True)
class Asked:
    """What is asked for by whom."""

    wanted: SignalFilter
    sight: Sight


def check_in_plan(rights: Entitlements, market: str | None, timeframe: str | None) -> None:
    """Refuse to look for what a plan does not include.

    Raises
    ------
    Problem
        ``not-in-plan``.
    """
    for name, wanted, allowed in (("market", market, rights.markets), ("timeframe", timeframe, rights.timeframes)):
        if wanted is not None and allowed is not None and wanted not in allowed:
            raise Problem("not-in-plan", f"{name} {wanted} is not in the plan {rights.plan!r}")


async def _asked(
    who: PrincipalDependency,
    clock: ClockDependency,
    market: MarketFilter = None,
    timeframe: TimeframeFilter = None,
    strategy: StrategyParameter = None,
    direction: DirectionParameter = None,
    since: SinceParameter = None,
    status: StatusParameter = None,
) -> Asked:
    check_in_plan(who.entitlements, market, timeframe)
    wanted = SignalFilter(
        None if market is None else Market.parse(market), timeframe, strategy, direction, since, status
    )
    return Asked(wanted, Sight.of(who.entitlements, clock()))


SignalParameters = Annotated[Asked, Depends(_asked)]


async def _asked_record(
    who: PrincipalDependency,
    clock: ClockDependency,
    market: MarketFilter = None,
    timeframe: TimeframeFilter = None,
    strategy: StrategyParameter = None,
) -> Asked:
    return await _asked(who, clock, market, timeframe, strategy)


TrackRecordParameters = Annotated[Asked, Depends(_asked_record)]

"""Published signals."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.dependencies import StoresDependency
from api.parameters import CursorParameter, DirectionParameter, MarketFilter, StrategyParameter, TimeframeFilter
from api.problems import Problem, StoreUnavailable, documented
from api.reads import signals as reads
from api.reads.zones import read_zone
from api.replies import json_reply
from api.schemas import Page, Signal, SignalDetail
from api.security.access import public
from api.security.principal import Scope
from api.times import Instant
from stores.markets import Market
from stores.warehouse import Warehouse

router = APIRouter(prefix="/v1", tags=["signals"])


@router.get(
    "/signals",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="listSignals",
    response_model=Page[Signal],
    summary="Signals",
    responses=documented("invalid-parameters", "invalid-cursor", "internal-error", "store-unavailable"),
)
async def list_signals(
    stores: StoresDependency,
    market: MarketFilter = None,
    timeframe: TimeframeFilter = None,
    strategy: StrategyParameter = None,
    direction: DirectionParameter = None,
    since: Annotated[Instant | None, Query(description="Only signals known at or after this instant.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most signals in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List published signals, newest first. A signal never changes; what becomes of it is in its last fields."""
    wanted = reads.SignalFilter(None if market is None else Market.parse(market), timeframe, strategy, direction, since)
    found = await stores.in_session(lambda session: reads.read_signals(session, wanted, limit, cursor))
    return json_reply({"items": found.items, "next_cursor": found.next_cursor})


@router.get(
    "/signals/{signal_id}",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="getSignal",
    response_model=SignalDetail,
    summary="One signal",
    responses=documented("not-found", "invalid-parameters", "internal-error", "store-unavailable"),
)
async def get_signal(
    stores: StoresDependency, signal_id: Annotated[UUID, Path(description="`signal_id` of the signal.")]
) -> Response:
    """Show one signal with its outcomes, the risk decision, and the zone behind it.

    The decision's reasons and the zone come from the warehouse; while that is down the signal is shown without them.
    """
    wanted = str(signal_id)
    signal = await stores.in_session(lambda session: reads.read_signal(session, wanted))
    if signal is None:
        raise Problem("not-found", f"no signal {wanted} has been published")
    zone_id: str | None = signal["zone_id"]
    series = reads.series_of(signal)

    def background(warehouse: Warehouse) -> dict[str, Any]:
        return {
            "risk": reads.read_risk_decision(warehouse, series, wanted),
            "zone": None if zone_id is None else read_zone(warehouse, series, zone_id),
            "background": "complete",
        }

    try:
        around = await stores.warehouse.read(background, deadline_s=3)
    except StoreUnavailable:
        around = {"risk": None, "zone": None, "background": "unavailable"}
    return json_reply({**signal, **around})

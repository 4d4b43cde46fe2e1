"""Published signals."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlmodel import Session
from starlette.responses import Response

from api.dependencies import ClockDependency, ContextDependency, StoresDependency
from api.parameters import CursorParameter
from api.problems import Problem, StoreUnavailable, documented
from api.reads import signals as reads
from api.reads.signal_background import read_risk_decision, read_structure_before
from api.reads.track_records import read_track_records
from api.reads.zones import read_zone
from api.replies import json_reply, json_text_reply
from api.schemas import Page, Signal, SignalDetail
from api.security.access import public
from api.security.principal import PrincipalDependency, Scope
from api.signal_parameters import SignalParameters
from stores.warehouse import Warehouse

router = APIRouter(prefix="/v1", tags=["signals"])


@router.get(
    "/signals",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="listSignals",
    response_model=Page[Signal],
    summary="Signals",
    responses=documented("not-in-plan", "invalid-parameters", "invalid-cursor", "internal-error", "store-unavailable"),
)
async def list_signals(
    context: ContextDependency,
    asked: SignalParameters,
    limit: Annotated[int, Query(ge=1, le=500, description="Most signals in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List published signals, newest first. A signal never changes; what becomes of it is in its last fields.

    A plan with a delay shows signals, and what became of them, that much later.
    """
    return json_text_reply(await context.signal_pages.read(asked.wanted, asked.sight, limit, cursor))


@router.get(
    "/signals/{signal_id}",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="getSignal",
    response_model=SignalDetail,
    summary="One signal",
    responses=documented("not-found", "invalid-parameters", "internal-error", "store-unavailable"),
)
async def get_signal(
    stores: StoresDependency,
    who: PrincipalDependency,
    clock: ClockDependency,
    signal_id: Annotated[UUID, Path(description="`signal_id` of the signal.")],
) -> Response:
    """Show one signal with its outcomes, its strategy's track record, and what stands behind it.

    The risk decision, the zone and the structure around it come from the warehouse; while that is down the signal is
    shown without them.
    """
    wanted, sight = str(signal_id), reads.Sight.of(who.entitlements, clock())

    def published(session: Session) -> dict[str, Any] | None:
        signal = reads.read_signal(session, wanted, sight)
        if signal is None:
            return None
        series = reads.series_of(signal)
        same = reads.SignalFilter(series.market, series.timeframe, signal["strategy"])
        records = read_track_records(session, same, sight, 1, None).items
        return {**signal, "track_record": records[0] if records else None}

    signal = await stores.in_session(published)
    if signal is None:
        raise Problem("not-found", f"no signal {wanted} has been published")
    zone_id: str | None = signal["zone_id"]
    series, ts = reads.series_of(signal), signal["ts"]

    def background(warehouse: Warehouse) -> dict[str, Any]:
        return {
            "risk": read_risk_decision(warehouse, series, wanted),
            "zone": None if zone_id is None else read_zone(warehouse, series, zone_id),
            "structure": read_structure_before(warehouse, series, ts),
            "background": "complete",
        }

    try:
        around = await stores.warehouse.read(background, deadline_s=3)
    except StoreUnavailable:
        around = {"risk": None, "zone": None, "structure": None, "background": "unavailable"}
    return json_reply({**signal, **around})

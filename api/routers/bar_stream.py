"""Bars as they close."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from api.dependencies import ClockDependency, DirectoryDependency, StoresDependency
from api.parameters import MarketParameter, TimeframeParameter
from api.problems import Problem, documented, invalid
from api.security.access import public
from api.security.addresses import client_address
from api.security.principal import PrincipalDependency, Scope
from api.streams.bars import BarFeeds
from api.streams.wires import EVENT_STREAM, accepts_events
from stores.markets import Market
from stores.warehouse import Series

router = APIRouter(prefix="/v1", tags=["market data"])

_LONGEST_POSITION = 15


@router.get(
    "/candles/stream",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="streamCandles",
    summary="Live bars",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Server-sent events; docs/streams.md lists them.", "content": {EVENT_STREAM: {}}},
        **documented(
            "unknown-market",
            "not-in-plan",
            "not-acceptable",
            "invalid-parameters",
            "too-many-streams",
            "internal-error",
            "store-unavailable",
        ),
    },
)
async def stream_candles(
    request: Request,
    who: PrincipalDependency,
    clock: ClockDependency,
    stores: StoresDependency,
    directory: DirectoryDependency,
    market: MarketParameter,
    timeframe: TimeframeParameter,
    after: Annotated[
        int | None,
        Query(
            ge=0, lt=10**_LONGEST_POSITION, description="Opening of the last bar you have, in milliseconds since 1970."
        ),
    ] = None,
) -> Response:
    """Follow the bars of a series as they close, as server-sent events; `Last-Event-ID` is understood as `after`.

    Send `Accept: text/event-stream`. A stream ends after five minutes and asks you to come back.
    """
    if not accepts_events(request):
        raise Problem("not-acceptable", "send 'Accept: text/event-stream'")
    last = request.headers.get("last-event-id")
    if last is not None:
        if not (last.isascii() and last.isdigit() and len(last) <= _LONGEST_POSITION):
            raise invalid("Last-Event-ID", "send the id of the last event that was read")
        after = int(last)
    rights = who.entitlements
    if not rights.allows(market, timeframe.value):
        raise Problem("not-in-plan", f"{market} {timeframe.value} is not in the plan {rights.plan!r}")
    series = Series(Market.parse(market), timeframe.value)
    await stores.warehouse.read(lambda warehouse: directory.require(warehouse, series))
    feeds: BarFeeds = request.app.state.bar_feeds
    owner = who.user_id or f"address {client_address(request)}"
    feeds.check_room(owner)
    # Nginx would hold events back until its buffer is full.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = feeds.follow(owner, series, after, rights.known_since(clock()))
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)

"""Live signals: the streams, tickets for them, and the export of what was published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from api.dependencies import ClockDependency, Context, ContextDependency, StoresDependency
from api.exports import ExportFormat, export
from api.flags import Feature, available
from api.parameters import DirectionParameter, MarketFilter, StrategyParameter, TimeframeFilter
from api.problems import Problem, documented, invalid
from api.schemas import StreamTicket
from api.security.access import interactive, public
from api.security.addresses import client_address
from api.security.principal import (
    Principal,
    PrincipalDependency,
    Scope,
    find_presented,
    presented_key,
    unauthenticated,
)
from api.signal_parameters import SignalParameters, SinceParameter, check_in_plan
from api.streams import endings, pump, tickets
from api.streams.events import notice
from api.streams.hub import Hub
from api.streams.reader import Reader, Wanted
from api.streams.standing import Credentials
from api.streams.wires import EventStream, WebSocketWire, accepts_events
from api.times import format_instant
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1", tags=["signals"])

_FIRST_MESSAGE_S = 10.0
_LONGEST_CURSOR = 18

StreamCursor = Annotated[
    str | None,
    Query(
        description="`cursor` of the last message that was read: the stream goes on after it.",
        max_length=_LONGEST_CURSOR,
        pattern=r"^[0-9]+$",
    ),
]


@dataclass(frozen=True)
class _Asked:
    wanted: Wanted
    since: datetime | None
    cursor: int | None
    market: str | None
    timeframe: str | None


async def _asked(
    connection: HTTPConnection,
    market: MarketFilter = None,
    timeframe: TimeframeFilter = None,
    strategy: StrategyParameter = None,
    direction: DirectionParameter = None,
    since: SinceParameter = None,
    cursor: StreamCursor = None,
) -> _Asked:
    # A browser that reconnects by itself sends this, and the address it began with.
    last = connection.headers.get("last-event-id") or cursor
    if last is not None and not (last.isascii() and last.isdigit() and len(last) <= _LONGEST_CURSOR):
        raise invalid("Last-Event-ID", "send the id of the last event that was read")
    frame = None if timeframe is None else timeframe.value
    wanted = Wanted(market, frame, strategy, direction)
    return _Asked(wanted, since, None if last is None else int(last), market, frame)


_AskedDependency = Annotated[_Asked, Depends(_asked)]


def hub_of(connection: HTTPConnection) -> Hub:
    """Find the streams of an application."""
    hub: Hub = connection.app.state.hub
    return hub


async def _enter(hub: Hub, asked: _Asked, credentials: Credentials) -> Reader:
    standing = hub.standing(credentials)
    if standing.refused:
        raise unauthenticated("the credentials are no longer good")
    check_in_plan(standing.entitlements, asked.market, asked.timeframe)
    owner = credentials.who.user_id or f"address {credentials.address}"
    reader = Reader(standing, owner, asked.wanted, asked.cursor, asked.since)
    await hub.enter(reader)
    return reader


@router.get(
    "/signals/stream",
    dependencies=[public(Scope.SIGNALS_STREAM)],
    operation_id="streamSignals",
    summary="Live signals",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {"description": "Server-sent events; docs/streams.md lists them.", "content": {"text/event-stream": {}}},
        **documented(
            "not-in-plan",
            "not-acceptable",
            "invalid-parameters",
            "too-many-streams",
            "internal-error",
            "store-unavailable",
        ),
    },
)
async def stream_signals(
    request: Request, context: ContextDependency, who: PrincipalDependency, asked: _AskedDependency
) -> Response:
    """Follow what is published, what becomes of it, and what is taken down, as server-sent events.

    Send `Accept: text/event-stream`, or open a WebSocket at the same address. Every message has a `cursor`; whoever comes
    back with the last one (`?cursor=`, or `Last-Event-ID`) misses nothing and gets nothing twice.
    """
    if not accepts_events(request):
        raise Problem("not-acceptable", "send 'Accept: text/event-stream', or open a WebSocket")
    hub = hub_of(request)
    credentials = Credentials(who, presented_key(request), client_address(request))
    return EventStream(context, hub, await _enter(hub, asked, credentials))


@router.websocket("/signals/stream", dependencies=[public(Scope.SIGNALS_STREAM)])
async def stream_signals_by_websocket(
    websocket: WebSocket,
    context: ContextDependency,
    who: PrincipalDependency,
    asked: _AskedDependency,
    ticket: Annotated[str | None, Query(max_length=64)] = None,
    auth: Annotated[str | None, Query(pattern="^message$")] = None,
) -> None:
    """Follow the same by WebSocket."""
    hub = hub_of(websocket)
    credentials = Credentials(who, presented_key(websocket), client_address(websocket))
    if ticket is not None:
        owner = await context.stores.in_session(lambda session: tickets.redeem(context, session, ticket))
        credentials = Credentials(owner, "", credentials.address)
    if auth is None:
        reader = await _enter(hub, asked, credentials)
        try:
            await websocket.accept()
        except BaseException:
            await hub.leave(reader)
            raise
    else:
        await websocket.accept()
        reader = await _enter_by_message(websocket, context, hub, asked)
        if reader is None:
            return
    await pump.run(context, hub, reader, WebSocketWire(websocket))


async def _enter_by_message(websocket: WebSocket, context: Context, hub: Hub, asked: _Asked) -> Reader | None:
    """Wait for the message that says who it is; None if it did not come or was not good, and the stream is over."""
    address = client_address(websocket)
    try:
        async with asyncio.timeout(_FIRST_MESSAGE_S):
            token = _token_of(await websocket.receive_text())
        who: Principal = await find_presented(context, token, address)
        if Scope.SIGNALS_STREAM not in who.scopes:
            raise Problem("forbidden", f"the API key has no scope {Scope.SIGNALS_STREAM}")
        presented = token if who.key_id is not None else ""
        return await _enter(hub, asked, Credentials(who, presented, address))
    except Problem as problem:
        code = {401: 4401, 403: 4403, 429: 4429}.get(problem.kind.status, 1013)
        ending = endings.Ending(endings.Notice.CLOSED, code, problem.detail)
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return None
    except TimeoutError:
        ending = endings.Ending(endings.Notice.CLOSED, 4401, "no message said in time who this is")
    wire = WebSocketWire(websocket)
    try:
        await wire.send(notice(ending.notice, None, reason=ending.reason))
        # A reason of a close frame has 123 bytes.
        await wire.close(endings.Ending(ending.notice, ending.code, ending.reason[:100]))
    except pump.Gone:
        pass
    return None


def _token_of(text: str) -> str:
    try:
        message: Any = orjson.loads(text)
    except ValueError:
        message = None
    token = message.get("token") if isinstance(message, dict) and message.get("type") == "authenticate" else None
    if not isinstance(token, str):
        raise unauthenticated('the first message must be {"type": "authenticate", "token": "..."}')
    return token


@router.post(
    "/signals/stream/ticket",
    dependencies=[interactive()],
    operation_id="createStreamTicket",
    summary="Ticket for a stream",
    status_code=201,
    response_model=StreamTicket,
    responses=documented("idempotency-conflict", "internal-error", "store-unavailable"),
)
async def create_stream_ticket(who: PrincipalDependency, clock: ClockDependency, write: WriteDependency) -> Response:
    """Make a ticket with which a browser opens one WebSocket (`?ticket=`) within half a minute.

    Browsers cannot set headers on a WebSocket, and a token in an address ends up in logs; a ticket there is used up.
    """

    def make(session: Any) -> Made:
        ticket = tickets.issue(session, who, clock())
        return Made(201, {"ticket": ticket.value, "expires_at": format_instant(ticket.expires_at)})

    return await write(make)


@router.get(
    "/signals/export",
    dependencies=[public(Scope.SIGNALS_READ), available(Feature.EXPORTS)],
    operation_id="exportSignals",
    summary="Signals in bulk",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "All signals asked for, oldest first.",
            "content": {form.media_type.split(";")[0]: {} for form in ExportFormat},
        },
        **documented("not-in-plan", "invalid-parameters", "internal-error", "store-unavailable"),
    },
)
async def export_signals(
    stores: StoresDependency,
    who: PrincipalDependency,
    asked: SignalParameters,
    format: Annotated[ExportFormat, Query(description="`csv`, or `jsonl` for one JSON object a line.")] = (
        ExportFormat.CSV
    ),
) -> Response:
    """Download every signal the plan shows, with what became of it. The plan must include exports."""
    if not who.entitlements.export:
        raise Problem("not-in-plan", f"the plan {who.entitlements.plan!r} has no export")
    rows = export(stores, asked, format)
    # The first piece is made before the answer begins, so that a store that is down can still be answered as such.
    first = await anext(rows, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in rows:
            yield piece

    name = f'attachment; filename="signals.{format.value}"'
    return StreamingResponse(whole(), media_type=format.media_type, headers={"Content-Disposition": name})

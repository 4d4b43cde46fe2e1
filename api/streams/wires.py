"""The two ways to a reader: WebSocket, and server-sent events."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.dependencies import Context
from api.streams import pump
from api.streams.endings import Ending
from api.streams.events import Message, StreamEvent
from api.streams.hub import Hub
from api.streams.reader import Reader

EVENT_STREAM = "text/event-stream"


class WebSocketWire:
    """A WebSocket that was accepted."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, message: Message | StreamEvent) -> None:
        """Send a text message."""
        try:
            await self._websocket.send({"type": "websocket.send", "text": message.text})
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise pump.Gone from error

    async def until_gone(self) -> None:
        """Read, and pass over, what the client says until it goes."""
        try:
            while (await self._websocket.receive())["type"] != "websocket.disconnect":
                pass
        except (WebSocketDisconnect, RuntimeError):
            return

    async def close(self, ending: Ending) -> None:
        """Close with the code of the ending."""
        try:
            await self._websocket.close(ending.code, ending.reason)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise pump.Gone from error


class _EventWire:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def send(self, message: Message | StreamEvent) -> None:
        try:
            await self._send({"type": "http.response.body", "body": message.sse, "more_body": True})
        except OSError as error:
            raise pump.Gone from error

    async def until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def close(self, ending: Ending) -> None:
        del ending
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class EventStream(Response):
    """A response that lasts as long as the stream.

    Parameters
    ----------
    context : Context
    hub : Hub
    reader : Reader
        One who has entered the hub.
    """

    media_type = EVENT_STREAM

    def __init__(self, context: Context, hub: Hub, reader: Reader) -> None:
        # Nginx would hold events back until its buffer is full.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._context = context
        self._hub = hub
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream is over."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        except OSError:
            await self._hub.leave(self._reader)
            return
        await pump.run(self._context, self._hub, self._reader, _EventWire(receive, send))


def accepts_events(request: Request) -> bool:
    """Whether a client asks for server-sent events."""
    accepted = request.headers.get("accept", "")
    return any(part.split(";")[0].strip().lower() == EVENT_STREAM for part in accepted.split(","))

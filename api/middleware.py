"""Around every request: an id, security headers, metrics, one log line, and an answer even to a fault."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.dependencies import context_of
from api.limits.buckets import Decision
from api.metrics import Metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_UNROUTED = "unmatched"
_QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # A stale signal is worse than none.
    "Cache-Control": "no-store",
}

# No route of this part takes a body; what comes anyway is not read beyond this.
MAX_BODY_BYTES = 64 * 1024

_log = structlog.get_logger("api")


class RequestContext:
    """The outermost middleware of ours."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.state.request_id = request_id
        context = context_of(request)
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if context.draining.begun:
                    # Who asks again opens a new connection, and his gateway can choose another replica for it.
                    headers["Connection"] = "close"
                decision: Decision | None = scope["state"].get("limit")
                if decision is not None:
                    headers.update(decision.headers())
            await send(message)

        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        self._metrics.in_flight.inc()
        try:
            if _announced_bytes(request) > MAX_BODY_BYTES:
                await problems.too_large(request)(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive_within_limit, send_with_headers)
        except Exception:
            _log.exception("request_failed", method=scope["method"], route=_route(scope))
            if status:
                # Part of an answer is out; only breaking off tells the client that the rest is missing.
                raise
            await problems.internal_error(request)(scope, receive, send_with_headers)
        finally:
            self._metrics.in_flight.dec()
            self._finish(scope, status, time.perf_counter() - started)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        # 499 is the usual mark for a client that went away before there was an answer.
        self._metrics.request(scope["method"], route, status or 499, seconds)
        if route not in _QUIET_ROUTES or status >= 500:
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status or 499,
                duration_ms=round(seconds * 1e3, 3),
            )
        structlog.contextvars.clear_contextvars()


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or _UNROUTED


def _announced_bytes(request: Request) -> int:
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else 0

"""What a worker answers about itself over HTTP: that it lives, and its metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from api import metrics
from api.dependencies import Context

_LONGEST_HEAD = 8_192
_TIMEOUT_S = 5.0


async def serve_probe(context: Context, host: str, port: int, stopping: asyncio.Event) -> None:
    """Answer ``/healthz`` and ``/metrics`` until told to stop. A server of a few lines: the API's would take our signals."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = _answer(context, head.split(b"\r\n", 1)[0].split(b" "))
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, port, limit=_LONGEST_HEAD)
    async with server:
        await stopping.wait()


def _answer(context: Context, request: list[bytes]) -> tuple[str, str, bytes]:
    path = request[1] if request[:1] == [b"GET"] and len(request) > 1 else b""
    if path == b"/healthz":
        return "200 OK", "application/json", b'{"status":"ok"}'
    if path == b"/metrics":
        return "200 OK", metrics.CONTENT_TYPE, context.metrics.render()
    return "404 Not Found", "text/plain", b"there are /healthz and /metrics\n"

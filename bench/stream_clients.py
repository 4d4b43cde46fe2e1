"""Many stream clients in one process: ``python -m bench.stream_clients PORT FILE``; FILE has an access token a line.

They speak as much of WebSocket as they need, so that what is measured is the server. For each event that all of them have
got a line of JSON is written: its cursor, and when the first, the middle, the 99th of a hundred and the last got it, in
nanoseconds of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

_AT_ONCE = 50
_CURSOR = b'"cursor":"'


class Tally:
    """When each event arrived at each client."""

    def __init__(self, clients: int) -> None:
        self._clients = clients
        self._times: dict[int, list[int]] = defaultdict(list)

    def took(self, cursor: int) -> None:
        """Note an arrival."""
        times = self._times[cursor]
        times.append(time.monotonic_ns())
        if len(times) == self._clients:
            last = len(times) - 1
            found = [times[int(last * share)] for share in (0, 0.5, 0.99, 1)]
            print(json.dumps([cursor, *found]), flush=True)
            del self._times[cursor]


class Client(asyncio.Protocol):
    """One client."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._data = bytearray()
        self._upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so if it was not asked for."""
        del exc
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(bytes(self._data[:300]).decode(errors="replace")))
        else:
            print("lost", file=sys.stderr, flush=True)

    def data_received(self, data: bytes) -> None:
        """Read frames: those of the server are not masked, and none is split."""
        self._data += data
        if not self._upgraded:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._data.startswith(b"HTTP/1.1 101"):
                self._transport.close()
                return
            self._upgraded = True
            del self._data[: end + 4]
        while len(self._data) >= 2:
            length, start = self._data[1], 2
            if length == 126:
                length, start = int.from_bytes(self._data[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(self._data[2:10], "big"), 10
            if len(self._data) < start + length:
                return
            self._frame(self._data[0] & 0x0F, bytes(self._data[start : start + length]))
            del self._data[: start + length]

    def _frame(self, opcode: int, body: bytes) -> None:
        if opcode == 9:
            # A pong, masked with zeros.
            self._transport.write(bytes((0x8A, 0x80 | len(body))) + bytes(4) + body)
        elif opcode == 1 and body.startswith(b'{"type":"signal"'):
            begin = body.index(_CURSOR) + len(_CURSOR)
            self._tally.took(int(body[begin : body.index(b'"', begin)]))
        elif opcode == 1 and body.startswith(b'{"type":"ready"') and not self.ready.done():
            self.ready.set_result(None)


async def run(port: int, tokens: list[str]) -> None:
    """Connect all of them, say so, and tally what comes."""
    loop, tally, gate = asyncio.get_running_loop(), Tally(len(tokens)), asyncio.Semaphore(_AT_ONCE)

    async def connect(token: str) -> None:
        request = (
            f"GET /v1/signals/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        async with gate:
            _, client = await loop.create_connection(lambda: Client(request, tally), "127.0.0.1", port)
            await client.ready

    await asyncio.gather(*(connect(token) for token in tokens))
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(run(int(sys.argv[1]), Path(sys.argv[2]).read_text().split()))

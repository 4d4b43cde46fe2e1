"""Receivers of webhooks for the benchmark, in a process of their own: some answer at once, one never does."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

FINE, SLOW = "fine", "slow"


class Counting:
    """What arrived: how long each message was on its way, and when the last one came."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.slow = 0
        self.last = 0.0

    async def fine(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer at once."""
        with suppress(OSError, asyncio.IncompleteReadError):
            body = await _body(reader)
            self.last = time.time()
            self.lags.append(self.last - json.loads(body)["data"]["queued_at"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    async def never(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read, and say nothing."""
        with suppress(OSError, asyncio.IncompleteReadError):
            await _body(reader)
            self.slow += 1
            await reader.read()
        writer.close()

    async def report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say what has arrived since the last report that was told to begin anew."""
        with suppress(OSError, asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            said = json.dumps({"lags": self.lags, "slow": self.slow, "last": self.last}).encode()
            if asked.startswith(b"POST"):
                self.__init__()
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode() + said)
            await writer.drain()
        writer.close()


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return await reader.readexactly(length)


async def _main() -> None:
    counting = Counting()
    servers = [
        await asyncio.start_server(handler, "127.0.0.1", 0, backlog=1_000)
        for handler in (counting.fine, counting.never, counting.report)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())

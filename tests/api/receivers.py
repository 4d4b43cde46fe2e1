"""Receivers of webhooks for tests: real servers that remember what came and answer as they are told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        """What the receiver tells repetitions by."""
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Answer:
    """What a receiver replies."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Receiver:
    """Runs in a thread with a loop of its own. ``answer`` may be replaced at any time; None hangs until `let_go`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.answer: Callable[[Received], Answer | None] = lambda _: Answer()
        self.host = host
        self.port = port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._held = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [one.message_id for one in list(self.received)]

    def let_go(self) -> None:
        """Answer what hangs."""
        self._loop.call_soon_threadsafe(self._held.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._held.set()
        self._loop.run_until_complete(self._finished())
        self._loop.close()

    async def _finished(self) -> None:
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=3)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
            headers = {name.lower(): value.strip() for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            one = Received(head[0].split(" ")[1], headers, body)
            self.received.append(one)
            answer = self.answer(one)
            if answer is None:
                await self._held.wait()
                answer = Answer()
            extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
            writer.write(
                f"HTTP/1.1 {answer.status} x\r\nContent-Length: {len(answer.body)}\r\n{extra}"
                "Connection: close\r\n\r\n".encode()
                + answer.body
            )
            await writer.drain()
        with suppress(OSError):
            writer.close()

    def __enter__(self) -> Receiver:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@contextmanager
def receivers(count: int) -> Iterator[list[Receiver]]:
    """Several of them."""
    made = [Receiver() for _ in range(count)]
    for one in made:
        one.__enter__()
    try:
        yield made
    finally:
        for one in made:
            one.__exit__()

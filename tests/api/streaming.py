"""For tests of streams: a worker that relays, readers by WebSocket and by server-sent events, a clock that is moved."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.delivery.worker import Worker
from stores import database
from stores.settings import Settings
from tests.stores.signal_rows import signal_row

PATIENCE_S = 30
EVENTS = ("signal", "outcome", "takedown")


@dataclass
class Hands:
    """A clock that stands still unless it is moved."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, step: timedelta) -> None:
        """Move it."""
        self.now += step


@contextmanager
def working(settings: Settings) -> Iterator[None]:
    """Run a worker, which relays, in a thread."""
    stopping = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await Worker(settings).run(stopping, drain_s=1)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        yield
    finally:
        if loops:
            loops[0].call_soon_threadsafe(stopping.set)
        thread.join(timeout=30)


def publish(settings: Settings, signals: list[dict[str, Any]], outcomes: list[dict[str, Any]] | None = None) -> None:
    """Publish rows, as the graph does."""
    engine = database.engine(settings, pool_size=1)
    try:
        with database.session(engine) as session:
            database.publish(session, signals)
        if outcomes:
            with database.session(engine) as session:
                database.publish_outcomes(session, outcomes)
    finally:
        engine.dispose()


def fresh(count: int, name: str, known_at: datetime, **changes: Any) -> list[dict[str, Any]]:
    """Rows of signals of a strategy of this name, in the order in which they are published; the last is known then."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        known = known_at - (count - 1 - number) * timedelta(milliseconds=1)
        times = {"ts": known - timedelta(minutes=15), "known_at": known}
        rows.append(signal_row(number, strategy=name, **{**times, **changes}))
    return rows


class WebSocketReader:
    """Reads a stream by WebSocket."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None, **parameters: Any) -> None:
        query = httpx.QueryParams(parameters)
        self.connection: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/v1/signals/stream?{query}",
            additional_headers=dict(headers or {}),
            open_timeout=PATIENCE_S,
            close_timeout=1,
            max_size=None,
            compression=None,
            ping_interval=None,
            max_queue=None,
            legacy=True,
        )
        self.seen: list[dict[str, Any]] = []

    def __enter__(self) -> WebSocketReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened to signals, of all that was read."""
        return [one for one in self.seen if one["type"] in EVENTS]

    def next(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Read one message."""
        message: dict[str, Any] = json.loads(self.connection.recv(timeout=timeout_s))
        self.seen.append(message)
        return message

    def until(self, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read until a message is the one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            message = self.next(max(0.01, deadline - time.monotonic()))
            if enough(message):
                return message

    def until_kind(self, kind: str) -> dict[str, Any]:
        """Read until a message of this kind."""
        return self.until(lambda message: message["type"] == kind)

    def take(self, count: int) -> list[dict[str, Any]]:
        """Read until so many events more have come; returns those."""
        before = len(self.events)
        self.until(lambda _: len(self.events) >= before + count)
        return self.events[before:]

    def until_closed(self) -> int:
        """Read until the server closes it; returns the code."""
        try:
            self.until(lambda _: False)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        raise AssertionError("still open")


class EventReader:
    """Reads a stream by server-sent events."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None, **parameters: Any) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S)
        self._opened = self._client.stream(
            "GET",
            "/v1/signals/stream",
            params=parameters,
            headers={"Accept": "text/event-stream", **(headers or {})},
        )
        self.reply = self._opened.__enter__()
        if self.reply.status_code != 200:
            raise AssertionError(f"{self.reply.status_code} {self.reply.read()!r}")
        self._lines = self.reply.iter_lines()
        self.seen: list[dict[str, Any]] = []
        self.last_id = ""

    def __enter__(self) -> EventReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.__exit__(None, None, None)
        self._client.close()

    def next(self) -> dict[str, Any] | None:
        """Read one event; None at the end."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
        if not fields:
            return None
        message: dict[str, Any] = json.loads(fields["data"])
        assert fields["event"] == message["type"]
        self.last_id = fields.get("id", self.last_id)
        self.seen.append(message)
        return message

    def take(self, count: int) -> list[dict[str, Any]]:
        """Read until so many events more have come; returns those."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            message = self.next()
            assert message is not None, "the stream ended"
            if message["type"] in EVENTS:
                found.append(message)
        return found


def ids(events: list[dict[str, Any]]) -> list[str]:
    """Ids of the signals events are about."""
    return [one["signal"]["signal_id"] if one["type"] == "signal" else one["signal_id"] for one in events]


def cursors(events: list[dict[str, Any]]) -> list[int]:
    """Cursors of events."""
    return [int(one["cursor"]) for one in events]

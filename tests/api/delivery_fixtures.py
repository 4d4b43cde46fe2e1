"""Workers and webhooks for tests of the delivery."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from api.clock import Clock, system_clock
from api.delivery import webhooks
from api.delivery.webhooks import Event, EventType, WebhookChange
from api.delivery.worker import Worker
from api.entitlements import FREE
from api.security.vault import Vault
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ("127.0.0.0/8",)


class MovingClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def until(condition: Callable[[], Any], seconds: float = 40, what: str = "") -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what or "it did not come true in time"
        time.sleep(0.02)


def rows(settings: Settings, sql: str, **parameters: Any) -> list[Any]:
    """Read, or write, with a connection of one's own."""
    engine = database.engine(settings, pool_size=1)
    try:
        with engine.begin() as connection:
            found = connection.execute(text(sql), parameters)
            return list(found.mappings()) if found.returns_rows else []
    finally:
        engine.dispose()


def states(settings: Settings) -> Counter[str]:
    """How many messages of the outbox are in each state."""
    return Counter(row["state"] for row in rows(settings, "SELECT state FROM serving.outbox"))


def nothing_to_do(settings: Settings, clock: MovingClock) -> bool:
    """Whether nothing is under way, and nothing due but what stands before a receiver that is left alone."""
    found = rows(
        settings,
        "SELECT 1 FROM serving.outbox AS o WHERE topic <> 'mail' AND (claim IS NOT NULL OR (state = 'pending' "
        "AND next_at <= :now AND NOT EXISTS (SELECT FROM serving.delivery_destinations AS d "
        "WHERE d.topic = o.topic AND d.destination = o.destination AND closed_until > :now)))",
        now=clock.now,
    )
    return not found


def nothing_in_hand(settings: Settings) -> bool:
    """Whether every attempt that was made is written down."""
    return not rows(settings, "SELECT 1 FROM serving.outbox WHERE claim IS NOT NULL")


def make_webhook(settings: Settings, user_id: str, url: str, now: datetime | None = None, **changes: Any) -> str:
    """Make a webhook whatever the plan says; returns its id."""
    engine = database.engine(settings, pool_size=1)
    moment = now or datetime.now(UTC)
    given = {"url": url, "events": ["signal.published", "signal.outcome", "alert.triggered"], **changes}
    try:
        with database.session(engine) as session:
            count = len(webhooks.read_all(session, user_id))
            rights = FREE.__class__(**{**FREE.__dict__, "webhooks": count + 1})
            made = webhooks.create(session, Vault.of(settings), user_id, rights, WebhookChange(given), moment)
    finally:
        engine.dispose()
    return str(made["webhook_id"])


def test_event(number: int, now: datetime) -> Event:
    """An event that no right of its receiver stands against."""
    return Event(f"event {number}", EventType.TEST, now, {"number": number}, {})


test_event.__test__ = False  # type: ignore[attr-defined] - a maker of events, not a test


def queue(settings: Settings, webhook_ids: list[str], numbers: range, now: datetime | None = None) -> list[str]:
    """Queue events for webhooks; returns the ids of the deliveries."""
    engine = database.engine(settings, pool_size=1)
    moment = now or datetime.now(UTC)
    try:
        with database.session(engine) as session:
            wanted = [(one, test_event(number, moment), moment) for number in numbers for one in webhook_ids]
            webhooks.queue_events(session, wanted, now=moment)
    finally:
        engine.dispose()
    return [webhooks.delivery_id_of(one, event.key) for one, event, _ in wanted]


class Working:
    """A worker in a thread of this process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.worker = Worker(settings, clock)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._loop.run_until_complete(self.worker.run(self._stopping, drain_s=2))

    def nudge(self) -> None:
        """Make it look at once."""
        self._loop.call_soon_threadsafe(self.worker.wake)

    def until(self, condition: Callable[[], Any], seconds: float = 40) -> None:
        """Wait for something to come true, with the worker looking again and again."""

        def nudged() -> Any:
            self.nudge()
            return condition()

        until(nudged, seconds)

    def stop(self) -> None:
        """Stop it and wait until it has."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._loop.close()


@contextmanager
def working(settings: Settings, clock: Clock = system_clock) -> Iterator[Working]:
    """A worker that runs for as long as the block."""
    made = Working(settings, clock)
    try:
        yield made
    finally:
        made.stop()


def spawn_worker(stack: LocalStack, settings: Settings, **variables: str) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.cli.main", "worker"],
        env={
            **os.environ,
            **stack.environment(),
            "PYTHONPATH": str(ROOT),
            "CAP_SECRET_KEY": settings.secret_key.get_secret_value() if settings.secret_key else "",
            "CAP_WEBHOOK_ALLOW_PRIVATE": ",".join(settings.webhook_allow_private),
            "CAP_WORKER_PORT": "0",
            **variables,
        },
        stderr=subprocess.DEVNULL,
    )

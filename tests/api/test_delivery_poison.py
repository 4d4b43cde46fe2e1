"""Messages that break, hang or cannot be kept: they end as dead letters and take nothing along."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from api.delivery import registry
from api.delivery.channels import Channel, Gone, Job, Limits, Outcome, Retry, Sent, Settled
from api.outbox import Topic, enqueue
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import LOOPBACK, MovingClock, nothing_to_do, rows, states, until, working
from tests.stack_fixtures import empty


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings.model_copy(update={"webhook_allow_private": LOOPBACK, "webhook_timeout_s": 5.0})


@pytest.fixture
def settings(stores: Settings) -> Settings:
    """Settings over a database in which nothing waits and nobody is."""
    rows(stores, "TRUNCATE serving.webhooks, serving.outbox, serving.delivery_destinations CASCADE")
    return stores


_POISON = ("breaks", "refuses", "cannot be prepared", "cannot be kept")


class Fragile(Channel):
    """Sends what it is told to, and breaks on what it is told to."""

    topic = Topic.PUSH
    limits = Limits(total=8, per_destination=8, timeout_s=2, trips_after=1_000)

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.kept: list[str] = []

    def prepare(self, session: Session, jobs: Sequence[Job]) -> Mapping[int, Any]:
        if any(job.payload["does"] == "cannot be prepared" for job in jobs):
            session.connection().execute(text("SELECT 1 / 0"))
        return {}

    async def send(self, job: Job) -> Outcome:
        match job.payload["does"]:
            case "breaks":
                raise RuntimeError("canary-in-the-message")
            case "hangs":
                await asyncio.sleep(3_600)
            case "refuses":
                return Gone("never")
            case "waits":
                return Retry("not now")
        self.sent.append(job.key)
        return Sent()

    def settle(self, session: Session, settled: Settled) -> None:
        if settled.job.payload["does"] == "cannot be kept":
            raise ValueError("poison for the log")
        self.kept.append(settled.job.key)


def test_poison_goes_to_the_dead_letters_and_takes_nothing_along(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = MovingClock()
    channel = Fragile()
    monkeypatch.setattr(registry, "_CHANNELS", (lambda _: channel,))
    engine = database.engine(settings, pool_size=1)
    with database.session(engine) as session:
        for number in range(30):
            does = _POISON[number] if number < len(_POISON) else "is sent"
            enqueue(session, Topic.PUSH, {"does": does}, key=str(number), now=clock.now)
    engine.dispose()
    with working(settings, clock) as worker:
        worker.until(lambda: len(channel.sent) == 27)
        for _ in range(5):
            worker.until(lambda: nothing_to_do(settings, clock))
            clock.move(minutes=5)
        worker.until(lambda: states(settings) == {"done": 27, "dead": 3})
    assert Counter(channel.sent) == Counter(str(number) for number in range(3, 30))
    dead = rows(settings, "SELECT key, last_error, payload FROM serving.outbox WHERE state = 'dead' ORDER BY key")
    assert [row["last_error"] for row in dead] == [
        "cannot be sent (RuntimeError, 5 times)",
        "never",
        "cannot be sent (DataError, 5 times)",
    ]
    assert dead[0]["payload"] == {"does": "breaks"}
    assert "canary" not in capfd.readouterr().err


def test_what_hangs_in_a_channel_is_cut_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Fragile()
    monkeypatch.setattr(registry, "_CHANNELS", (lambda _: channel,))
    clock = MovingClock()
    engine = database.engine(settings, pool_size=1)
    with database.session(engine) as session:
        enqueue(session, Topic.PUSH, {"does": "hangs"}, key="hangs", now=clock.now)
    engine.dispose()
    with working(settings, clock):
        until(lambda: rows(settings, "SELECT 1 FROM serving.outbox WHERE last_error = 'not done within 2 s'"))

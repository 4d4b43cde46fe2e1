"""Workers killed at random, told to stop, and Postgres killed under them: nothing acknowledged is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from api.clock import system_clock
from api.delivery import webhooks
from deploy.local.processes import working_in
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import (
    LOOPBACK,
    make_webhook,
    queue,
    rows,
    spawn_worker,
    test_event,
    until,
    working,
)
from tests.api.people import make_user
from tests.api.receivers import Receiver, receivers
from tests.stack_fixtures import empty

KILLS = 5
POSTGRES_KILLS = 3
SEED = 20261123


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings.model_copy(update={"webhook_allow_private": LOOPBACK, "webhook_timeout_s": 1.0})


@pytest.fixture
def settings(stores: Settings) -> Settings:
    rows(stores, "TRUNCATE serving.webhooks, serving.outbox, serving.delivery_destinations CASCADE")
    return stores


@pytest.fixture
def spawned(stack: LocalStack, settings: Settings) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers in processes of their own; append what `spawn_worker` gives."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait(10)


def _spawn(stack: LocalStack, settings: Settings) -> subprocess.Popen[bytes]:
    return spawn_worker(stack, settings, CAP_WEBHOOK_TIMEOUT_S=str(settings.webhook_timeout_s))


def _open(settings: Settings) -> int:
    return rows(settings, "SELECT count(*) AS n FROM serving.outbox WHERE topic = 'webhook' AND state <> 'done'")[0][
        "n"
    ]


def test_workers_killed_at_random_lose_nothing(
    stack: LocalStack, settings: Settings, spawned: list[subprocess.Popen[bytes]]
) -> None:
    dice = random.Random(SEED)
    with receivers(3) as running:
        hooks = [make_webhook(settings, make_user(settings).user_id, one.url) for one in running]
        spawned += [_spawn(stack, settings) for _ in range(2)]
        sent: list[str] = []
        for round_ in range(KILLS):
            before = sum(len(one.received) for one in running)
            sent += queue(settings, hooks, range(round_ * 40, round_ * 40 + 40))
            # At a random message of the round, so that some are claimed, some sent, some settled.
            point = before + dice.randrange(1, 90)
            until(lambda point=point: sum(len(one.received) for one in running) >= point)
            victim = spawned[-1 if dice.random() < 0.5 else -2]
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
            spawned.remove(victim)
            spawned.append(_spawn(stack, settings))
        until(lambda: _open(settings) == 0, 90)
        arrived = Counter(mid for one in running for mid in one.ids)
    assert set(arrived) == set(sent)
    assert len(set(sent)) == KILLS * 120
    states = rows(settings, "SELECT state, count(*) AS n FROM serving.webhook_deliveries GROUP BY state")
    assert [(row["state"], row["n"]) for row in states] == [("delivered", len(sent))]
    # Twice only what was under way at a kill: at most what a worker has in hand at three receivers.
    assert sum(arrived.values()) - len(sent) <= KILLS * 3 * 4


def test_told_to_stop_a_worker_finishes_what_is_under_way(
    stack: LocalStack, settings: Settings, spawned: list[subprocess.Popen[bytes]]
) -> None:
    patient = settings.model_copy(update={"webhook_timeout_s": 8.0})
    with Receiver() as receiver:
        receiver.answer = lambda _: None
        hook = make_webhook(settings, make_user(settings).user_id, receiver.url)
        sent = queue(settings, [hook], range(20))
        worker = _spawn(stack, patient)
        spawned.append(worker)
        until(lambda: len(receiver.received) == 4)
        worker.send_signal(signal.SIGTERM)
        # It takes nothing new on; what hangs is answered and counts.
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.3)
        receiver.let_go()
        assert worker.wait(15) == 0
        assert len(receiver.received) == 4
        assert rows(settings, "SELECT 1 FROM serving.outbox WHERE claim IS NOT NULL") == []
        assert _open(settings) == 16
        spawned.append(_spawn(stack, patient))
        until(lambda: _open(settings) == 0)
        assert Counter(receiver.ids) == Counter(sent)


def test_told_to_stop_a_worker_gives_back_what_hangs(settings: Settings) -> None:
    patient = settings.model_copy(update={"webhook_timeout_s": 30.0})
    with Receiver() as receiver:
        receiver.answer = lambda _: None
        hook = make_webhook(settings, make_user(settings).user_id, receiver.url)
        queue(settings, [hook], range(2))
        with working(patient):
            until(lambda: len(receiver.received) == 2)
        left = rows(settings, "SELECT claim, attempts, state FROM serving.outbox")
        assert [(row["claim"], row["attempts"], row["state"]) for row in left] == [(None, 0, "pending")] * 2


class Writer(threading.Thread):
    """Queues one event after the other and remembers which were acknowledged."""

    def __init__(self, settings: Settings, hook: str, first: int) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.acknowledged: list[str] = []
        self.failures = 0
        self._settings, self._hook, self._next = settings, hook, first

    def run(self) -> None:
        engine = database.engine(self._settings, pool_size=1)
        while not self.ended.is_set():
            number, self._next = self._next, self._next + 1
            event = test_event(number, system_clock())
            try:
                with database.session(engine) as session:
                    made = webhooks.queue_event(session, self._hook, event, now=system_clock())
                self.acknowledged.append(made)
            except DBAPIError:
                self.failures += 1
                time.sleep(0.02)
        engine.dispose()


def test_postgres_killed_under_the_worker(stack: LocalStack, settings: Settings) -> None:
    data = stack.home.path / "postgres" / "data"
    with receivers(2) as running:
        hooks = [make_webhook(settings, make_user(settings).user_id, one.url) for one in running]
        writers = [Writer(settings, hook, number * 1_000_000) for number, hook in enumerate(hooks)]
        with working(settings) as worker:
            for writer in writers:
                writer.start()
            for _ in range(POSTGRES_KILLS):
                before = [len(one.received) for one in running]
                until(
                    lambda before=before: all(len(one.received) > n + 5 for one, n in zip(running, before, strict=True))
                )
                for member in working_in(data, "postgres"):
                    member.signal(signal.SIGKILL)
                acknowledged = [len(writer.acknowledged) for writer in writers]
                until(
                    lambda known=acknowledged: all(
                        len(writer.acknowledged) > n for writer, n in zip(writers, known, strict=True)
                    ),
                    60,
                )
            for writer in writers:
                writer.ended.set()
                writer.join(30)
            worker.until(lambda: _open(settings) == 0, 90)
        arrived = {mid for one in running for mid in one.ids}
    assert sum(writer.failures for writer in writers) > 0, "no writer noticed the kills, so nothing was tested"
    acknowledged = {one for writer in writers for one in writer.acknowledged}
    outbox = {row["key"] for row in rows(settings, "SELECT key FROM serving.outbox WHERE topic = 'webhook'")}
    state = {str(row["id"]) for row in rows(settings, "SELECT delivery_id AS id FROM serving.webhook_deliveries")}
    assert acknowledged <= state
    assert outbox == state
    assert arrived == state

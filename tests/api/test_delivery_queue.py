"""The outbox as a queue: leases, claims of several workers, dead letters of what nobody settles, cleaning, duties."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from api.clock import Clock
from api.connections import Stores
from api.delivery import dead_letters, housekeeping, queue
from api.delivery.channels import Gone, Job, Later, Limits, Retry, Sent
from api.delivery.duties import Duty, Scheduler
from api.delivery.queue import Busy, pause_after
from api.dependencies import Context
from api.directory import MarketDirectory
from api.metrics import Metrics
from api.outbox import Topic, enqueue
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import MovingClock, rows
from tests.stack_fixtures import empty

NOW = datetime(2024, 3, 1, tzinfo=UTC)
LEASE = timedelta(seconds=20)
LIMITS = Limits(total=100, per_destination=3, trips_after=4)
DICE = random.Random(1)
T = TypeVar("T")


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings


@pytest.fixture
def engine(stores: Settings) -> Iterator[Engine]:
    rows(stores, "TRUNCATE serving.outbox, serving.delivery_destinations")
    made = database.engine(stores, pool_size=8)
    yield made
    made.dispose()


def _in(engine: Engine, work: Callable[[Session], T]) -> T:
    with database.session(engine) as session:
        return work(session)


def _enqueue(engine: Engine, count: int, destination: str = "", at: datetime = NOW) -> None:
    def work(session: Session) -> None:
        for number in range(count):
            enqueue(session, Topic.PUSH, {}, key=f"{destination} {number}", now=at, destination=destination)

    _in(engine, work)


def _claim(engine: Engine, now: datetime = NOW, most: int = 100, **known: object) -> tuple[Job, ...]:
    return _in(
        engine,
        lambda session: queue.claim(session, Topic.PUSH, LIMITS, now=now, lease=LEASE, most=most, **known),  # type: ignore[arg-type]
    )


def _settle(engine: Engine, *results: tuple[Job, object], at: datetime = NOW) -> frozenset[int]:
    decided = [queue.decide(job, outcome, at, DICE) for job, outcome in results]  # type: ignore[arg-type]
    return _in(engine, lambda session: queue.settle(session, decided, LIMITS))


def test_what_is_enqueued_twice_is_there_once(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 2)
    _enqueue(engine, 3)
    assert len(rows(stores, "SELECT 1 FROM serving.outbox")) == 3


def test_nothing_is_claimed_before_its_time_or_twice(engine: Engine) -> None:
    _enqueue(engine, 2)
    assert _claim(engine, NOW - timedelta(microseconds=1)) == ()
    assert len(_claim(engine)) == 2
    assert _claim(engine, NOW + LEASE - timedelta(microseconds=1)) == ()


def test_a_lease_that_ended_gives_the_message_to_the_next_and_counts_no_more(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 1)
    (first,) = _claim(engine)
    (second,) = _claim(engine, NOW + LEASE)
    assert (first.outbox_id, second.attempt) == (second.outbox_id, 2)
    assert _settle(engine, (first, Sent())) == frozenset()
    assert rows(stores, "SELECT state FROM serving.outbox")[0]["state"] == "pending"
    assert _settle(engine, (second, Sent())) == {second.outbox_id}
    assert _settle(engine, (second, Retry("late"))) == frozenset()
    assert rows(stores, "SELECT state FROM serving.outbox")[0]["state"] == "done"


def test_each_queue_gives_what_it_has_room_for_in_turn(engine: Engine) -> None:
    _enqueue(engine, 50, "a")
    _enqueue(engine, 2, "b", NOW + timedelta(seconds=1))
    _enqueue(engine, 50, "c", NOW + timedelta(seconds=2))
    later = NOW + timedelta(seconds=5)
    assert Counter(job.destination for job in _claim(engine, later, 5)) == {"a": 2, "b": 2, "c": 1}
    rest = _claim(engine, later, busy={"a": Busy(1, False), "c": Busy(0, False)})
    assert Counter(job.destination for job in rest) == {"a": 1}
    suspects = {"a": Busy(3, True), "c": Busy(3, True)}
    assert len(_claim(engine, later, busy=suspects, most_suspect=4)) == 4


def test_claims_at_once_share_and_double_nothing(engine: Engine) -> None:
    for destination in "abcdefgh":
        _enqueue(engine, 60, destination)
    taken: list[int] = []

    def work() -> None:
        while jobs := _claim(engine, most=7):
            taken.extend(job.outbox_id for job in jobs)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # Rows another one held were passed over, so the last ones may be left for the next round.
    while jobs := _claim(engine):
        taken.extend(job.outbox_id for job in jobs)
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 480


def test_the_circuit_lets_one_message_find_out(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 20, "dead")
    for _ in range(2):
        jobs = _claim(engine)
        _settle(engine, *((job, Retry("no")) for job in jobs))
    assert rows(stores, "SELECT failures FROM serving.delivery_destinations")[0]["failures"] == 6
    assert _claim(engine, NOW + timedelta(seconds=29)) == ()
    at = NOW + timedelta(seconds=31)
    (probe,) = _claim(engine, at)
    # Another worker sends nothing while it is on its way.
    assert _claim(engine, at) == ()
    _settle(engine, (probe, Sent()), at=at)
    assert rows(stores, "SELECT 1 FROM serving.delivery_destinations") == []
    assert len(_claim(engine, at)) == 3


def test_pauses_grow_are_drawn_and_end_with_the_day() -> None:
    dice = random.Random(7)
    drawn = [[pause_after(attempt, None, dice).total_seconds() for _ in range(200)] for attempt in range(1, 25)]
    widest = [min(14_400, 5 * 2 ** (attempt - 1)) for attempt in range(1, 25)]
    assert all(1 <= one <= most for each, most in zip(drawn, widest, strict=True) for one in each)
    assert all(max(each) > 0.9 * most for each, most in zip(drawn, widest, strict=True))
    assert all(min(each) < 0.3 * most for each, most in zip(drawn, widest, strict=True))
    job = Job(1, Topic.PUSH, "k", "", {}, 3, NOW, NOW)
    day = NOW + timedelta(hours=24)
    nearly = queue.decide(job, Retry("no", timedelta(hours=3)), day - timedelta(minutes=1), dice)
    assert (nearly.dead, nearly.next_at) == (False, day)
    assert queue.decide(job, Retry("no"), day, dice).dead
    assert queue.decide(job, Gone("no"), NOW, dice).dead


def test_to_wait_is_no_attempt(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 1, "a")
    until_ = NOW + timedelta(minutes=15)
    for _ in range(5):
        (job,) = _claim(engine)
        assert job.attempt == 1
        _settle(engine, (job, Later(NOW)))
    (job,) = _claim(engine)
    _settle(engine, (job, Later(until_)))
    assert _claim(engine, until_ - timedelta(microseconds=1)) == ()
    assert rows(stores, "SELECT 1 FROM serving.delivery_destinations") == []


def test_dead_letters_of_what_nobody_settles(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 1, "kills its worker")
    _enqueue(engine, 3, "away")
    _enqueue(engine, 1, "fine")
    rows(stores, "UPDATE serving.outbox SET attempts = 60 WHERE destination = 'kills its worker'")
    far = NOW + timedelta(days=30)
    rows(stores, "INSERT INTO serving.delivery_destinations VALUES ('push', 'away', 9, :far)", far=far)
    dead = _in(engine, lambda session: dead_letters.bury(session, NOW))
    assert dead == [(Topic.PUSH, "kills its worker 0")]
    dead = _in(engine, lambda session: dead_letters.bury(session, NOW + timedelta(hours=25)))
    assert sorted(key for _, key in dead) == ["away 0", "away 1", "away 2"]
    (job,) = _claim(engine)
    assert job.destination == "fine"
    number = rows(stores, "SELECT outbox_id FROM serving.outbox WHERE key = 'kills its worker 0'")[0]["outbox_id"]
    assert _in(engine, lambda session: dead_letters.requeue(session, number, NOW))
    assert not _in(engine, lambda session: dead_letters.requeue(session, number, NOW))
    assert [one.attempt for one in _claim(engine)] == [1]


def test_cleaning_keeps_what_waits_and_what_is_young(engine: Engine, stores: Settings) -> None:
    _enqueue(engine, 4)
    jobs = _claim(engine, most=3)
    _settle(engine, (jobs[0], Sent()), (jobs[1], Gone("no")), (jobs[2], Sent()))
    rows(
        stores,
        "UPDATE serving.outbox SET finished_at = :at WHERE outbox_id = :id",
        at=NOW + timedelta(days=5),
        id=jobs[2].outbox_id,
    )
    assert _in(engine, lambda session: dead_letters.forget(session, NOW + timedelta(days=8))) == 1
    assert _in(engine, lambda session: dead_letters.forget(session, NOW + timedelta(days=31))) == 2
    assert [row["state"] for row in rows(stores, "SELECT state FROM serving.outbox")] == ["pending"]


def _context(settings: Settings, clock: Clock) -> Context:
    metrics = Metrics()
    return Context(settings, Stores(settings, metrics), MarketDirectory(), metrics, clock)


def test_the_length_of_the_queues_is_measured(engine: Engine, stores: Settings) -> None:
    clock = MovingClock(NOW + timedelta(minutes=2))
    context = _context(stores, clock)
    _enqueue(engine, 5)
    (job, *_) = _claim(engine)
    _settle(engine, (job, Gone("no")))
    _in(engine, lambda session: housekeeping.measure(context, session))
    text = context.metrics.render().decode()
    assert 'cap_outbox_messages{state="waiting",topic="push"} 4.0' in text
    assert 'cap_outbox_messages{state="dead",topic="push"} 1.0' in text
    assert 'cap_outbox_oldest_due_seconds{topic="push"} 120.0' in text
    assert 'cap_outbox_messages{state="waiting",topic="mail"} 0.0' in text


def test_a_duty_is_done_by_one_worker_at_a_time_and_its_failure_is_its_own(engine: Engine, stores: Settings) -> None:
    at_work, most, done = [0], [0], [0]
    lock = threading.Lock()

    def slowly(context: Context, session: Session) -> bool:
        del context, session
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.01)
        with lock:
            at_work[0] -= 1
            done[0] += 1
        return True

    def fails(context: Context, session: Session) -> None:
        del context, session
        raise RuntimeError("canary")

    duties = [Duty("slowly", timedelta(hours=1), slowly), Duty("fails", timedelta(milliseconds=10), fails)]
    contexts = [_context(stores, MovingClock(NOW)) for _ in range(3)]

    async def run() -> None:
        stopping = asyncio.Event()
        tasks = [asyncio.create_task(Scheduler(context, duties).run(stopping)) for context in contexts]
        while done[0] < 40:
            await asyncio.sleep(0.01)
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)

    asyncio.run(run())
    assert most == [1]
    failed = 'cap_worker_duties_total{duty="fails",result="failed"}'
    assert any(failed in context.metrics.render().decode() for context in contexts)
    for context in contexts:
        context.stores.close()


def test_a_notification_ends_the_pause_of_the_duties_it_concerns(engine: Engine, stores: Settings) -> None:
    counts: Counter[str] = Counter()

    def counting(name: str) -> Callable[[Context, Session], None]:
        def work(context: Context, session: Session) -> None:
            counts[name] += 1

        return work

    hour = timedelta(hours=1)
    duties = [Duty("woken", hour, counting("woken"), ("news",)), Duty("not", hour, counting("not"), ("other",))]
    context = _context(stores, MovingClock(NOW))

    async def run() -> None:
        stopping = asyncio.Event()
        scheduler = Scheduler(context, duties)
        task = asyncio.create_task(scheduler.run(stopping))
        for expected in range(1, 4):
            while counts["woken"] < expected or counts["not"] < 1:
                await asyncio.sleep(0.01)
            scheduler.wake("news")
        stopping.set()
        await asyncio.wait_for(task, 20)

    asyncio.run(run())
    assert counts["not"] == 1
    context.stores.close()

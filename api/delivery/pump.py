"""Sends the messages of one topic: claims as many as there is room for, sends side by side, writes results in batches."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from api.delivery import queue
from api.delivery.channels import Channel, Gone, Job, Later, Outcome, Retry, Sent, Settled
from api.delivery.duties import pause
from api.delivery.queue import Busy
from api.dependencies import Context
from api.problems import StoreUnavailable

# The connection is gone, or the statement was cut off: the claim as a whole is tried again.
_NOT_THE_MESSAGE = (OperationalError, InterfaceError)
_log = structlog.get_logger("worker")
_POLL_S = 1.0
_LEASE_BEYOND_TIMEOUT = timedelta(seconds=10)
_BATCH = 256
_POISON_ATTEMPTS = 5
_GATHER_S = 0.005
_SLOW_S = 2.0
_MOST_SUSPECTS = 2_000
_DATABASE_PAUSE_S = 1.0


@dataclass(frozen=True)
class Attempt:
    """One that is over and not written down yet."""

    settled: Settled
    seconds: float


class Pump:
    """Moves one topic.

    Parameters
    ----------
    context : Context
    channel : Channel
    dice : random.Random, optional
        For the jitter.
    """

    def __init__(self, context: Context, channel: Channel, dice: random.Random | None = None) -> None:
        self._context = context
        self._channel = channel
        self._limits = channel.limits
        self._lease = timedelta(seconds=channel.limits.timeout_s) + _LEASE_BEYOND_TIMEOUT
        self._dice = dice if dice is not None else random.Random()  # noqa: S311 - jitter, no secret
        self._sending: dict[int, tuple[Job, asyncio.Task[None]]] = {}
        self._in_hand: dict[int, str] = {}
        self._suspects: set[str] = set()
        self._finished: asyncio.Queue[Attempt] = asyncio.Queue()
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Look at once: there may be something to send."""
        self._awake.set()

    async def run(self, stopping: asyncio.Event, drain_s: float) -> None:
        """Send until told to stop; then finish what is under way, for at most ``drain_s`` seconds."""
        writer = asyncio.create_task(self._write())
        try:
            while not stopping.is_set():
                self._awake.clear()
                room = self._limits.total - len(self._in_hand)
                if room <= 0 or not await self._claim(room):
                    await pause(_POLL_S, stopping, self._awake)
            await self._drain(drain_s)
        finally:
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
            await self._channel.close()

    async def _claim(self, room: int) -> bool:
        now = self._context.clock()
        busy, most_suspect = self._busy()
        topic = self._channel.topic

        def claim(session: Session) -> list[Job]:
            jobs = queue.claim(
                session,
                topic,
                self._limits,
                now=now,
                lease=self._lease,
                most=room,
                busy=busy,
                most_suspect=most_suspect,
            )
            return self._prepared(session, jobs)

        try:
            jobs = await self._context.stores.in_session(claim)
        except Exception as error:
            _log.warning("claim_failed", topic=topic, error=type(error).__name__)
            await asyncio.sleep(_DATABASE_PAUSE_S)
            return False
        for job in jobs:
            self._in_hand[job.outbox_id] = job.destination
            self._sending[job.outbox_id] = (job, asyncio.create_task(self._attempt(job)))
        return bool(jobs)

    def _prepared(self, session: Session, jobs: Sequence[Job]) -> list[Job]:
        if not jobs:
            return []
        try:
            with session.begin_nested():
                found = self._channel.prepare(session, jobs)
        except _NOT_THE_MESSAGE:
            raise
        except Exception as error:
            # One that cannot even be prepared must not hold up the others.
            if len(jobs) > 1:
                return [prepared for job in jobs for prepared in self._prepared(session, [job])]
            found = {jobs[0].outbox_id: error}
        return [replace(job, prepared=found.get(job.outbox_id)) for job in jobs]

    def _busy(self) -> tuple[dict[str, Busy], int]:
        """What is known of destinations, and how many places are left for slow and failing ones: half of all."""
        held = Counter(self._in_hand.values())
        each = self._limits.per_destination
        known = {name: Busy(each - held[name], name in self._suspects) for name in {*held, *self._suspects}}
        taken = sum(count for name, count in held.items() if name in self._suspects)
        return known, max(0, self._limits.total // 2 - taken)

    async def _attempt(self, job: Job) -> None:
        at = self._context.clock()
        began = time.perf_counter()
        try:
            if isinstance(job.prepared, Exception):
                raise job.prepared
            async with asyncio.timeout(self._limits.timeout_s):
                outcome = await self._channel.send(job)
        except TimeoutError:
            outcome = Retry(f"not done within {self._limits.timeout_s:g} s")
        except Exception as error:
            outcome = self._failed(job, error)
        seconds = time.perf_counter() - began
        if seconds > _SLOW_S or isinstance(outcome, Retry):
            if len(self._suspects) >= _MOST_SUSPECTS:
                self._suspects.clear()
            self._suspects.add(job.destination)
        else:
            self._suspects.discard(job.destination)
        self._finished.put_nowait(Attempt(queue.decide(job, outcome, at, self._dice), seconds))
        self._sending.pop(job.outbox_id, None)

    def _failed(self, job: Job, error: Exception) -> Outcome:
        # Not the message: what is in it may be anybody's secret.
        kind = type(error).__name__
        _log.warning("attempt_failed", topic=job.topic, outbox_id=job.outbox_id, attempt=job.attempt, error=kind)
        if isinstance(error, StoreUnavailable):
            return Later(self._context.clock() + timedelta(seconds=5))
        if job.attempt >= _POISON_ATTEMPTS:
            return Gone(f"cannot be sent ({kind}, {job.attempt} times)")
        return Retry(f"could not be sent ({kind})")

    async def _write(self) -> None:
        while True:
            batch = [await self._finished.get()]
            # A moment's wait, and many results cost one commit.
            await asyncio.sleep(_GATHER_S)
            while len(batch) < _BATCH and not self._finished.empty():
                batch.append(self._finished.get_nowait())
            await self._keep(batch)
            for attempt in batch:
                self._in_hand.pop(attempt.settled.job.outbox_id, None)
                self._count(attempt)
                self._finished.task_done()
            self._awake.set()

    async def _keep(self, batch: list[Attempt]) -> None:
        """Write results, for as long as it takes: what was sent and is forgotten is sent again."""
        again = True
        while True:
            try:
                await self._settle(batch, with_channel=True)
            except StoreUnavailable:
                await asyncio.sleep(_DATABASE_PAUSE_S)
            except Exception as error:
                if again:
                    # Two that waited for one another; once more is enough.
                    again = False
                    await asyncio.sleep(_GATHER_S)
                    continue
                if len(batch) > 1:
                    for one in batch:
                        await self._keep([one])
                    return
                _log.warning("settle_failed", topic=self._channel.topic, error=type(error).__name__)
                # What the channel wanted to keep cannot be kept; the message itself must not go out again for that.
                with suppress(Exception):
                    await self._settle(batch, with_channel=False)
                return
            else:
                return

    async def _settle(self, batch: list[Attempt], *, with_channel: bool) -> None:
        results = [attempt.settled for attempt in batch]
        keep = self._channel.settle_all if with_channel else None
        await self._context.stores.in_session(lambda session: queue.settle(session, results, self._limits, keep))

    def _count(self, attempt: Attempt) -> None:
        settled = attempt.settled
        match settled.outcome:
            case Sent():
                result = "sent"
            case Later():
                result = "later"
            case Gone() | Retry():
                result = "dead" if settled.dead else "retry"
        lag = (settled.at - settled.job.available_at).total_seconds() + attempt.seconds
        self._context.metrics.delivered(self._channel.topic.value, result, attempt.seconds, lag)

    async def _drain(self, drain_s: float) -> None:
        deadline = time.monotonic() + drain_s
        under_way = [task for _, task in self._sending.values()]
        if under_way:
            await asyncio.wait(under_way, timeout=drain_s)
        left = list(self._sending.values())
        for _, task in left:
            task.cancel()
        await asyncio.gather(*(task for _, task in left), return_exceptions=True)
        if left:
            now = self._context.clock()
            with suppress(StoreUnavailable):
                await self._context.stores.in_session(
                    lambda session: queue.release(session, [job for job, _ in left], now)
                )
        with suppress(TimeoutError):
            await asyncio.wait_for(self._finished.join(), max(2.0, deadline - time.monotonic()))

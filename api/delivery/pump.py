"""Sends the messages of one topic: claims as many as there is room for, sends side by side, writes results in batches."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from api.delivery import queue
from api.delivery.channels import Channel, Gone, Job, Later, Outcome, Retry, Sent, Settled
from api.delivery.duties import pause
from api.dependencies import Context
from api.problems import StoreUnavailable

_log = structlog.get_logger("worker")
_POLL_S = 1.0
_LEASE_BEYOND_TIMEOUT = timedelta(seconds=30)
_BATCH = 256
_POISON_ATTEMPTS = 5
_SLOW_S = 2.0
_DATABASE_PAUSE_S = 0.5


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
        try:
            jobs = await self._context.stores.in_session(
                lambda session: queue.claim(
                    session,
                    self._channel.topic,
                    self._limits,
                    now=now,
                    lease=self._lease,
                    most=room,
                    rooms=self._rooms(),
                )
            )
        except StoreUnavailable as error:
            _log.warning("claim_failed", topic=self._channel.topic, reason=error.reason)
            await asyncio.sleep(_DATABASE_PAUSE_S)
            return False
        for job in jobs:
            self._in_hand[job.outbox_id] = job.destination
            self._sending[job.outbox_id] = (job, asyncio.create_task(self._attempt(job)))
        return bool(jobs)

    def _rooms(self) -> dict[str, int]:
        """Places left for each destination that is busy, or slow while half of all places are with slow ones."""
        rooms: dict[str, int] = {}
        held = list(self._in_hand.values())
        for destination in held:
            rooms[destination] = rooms.get(destination, self._limits.per_destination) - 1
        if sum(destination in self._suspects for destination in held) * 2 >= self._limits.total:
            rooms |= dict.fromkeys(self._suspects, 0)
        return rooms

    async def _attempt(self, job: Job) -> None:
        at = self._context.clock()
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                outcome = await self._channel.send(job)
        except TimeoutError:
            outcome = Retry(f"not done within {self._limits.timeout_s:g} s")
        except Exception as error:
            outcome = self._failed(job, error)
        seconds = time.perf_counter() - began
        if seconds > _SLOW_S or isinstance(outcome, Retry):
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
        while True:
            try:
                await self._settle(batch, with_channel=True)
            except StoreUnavailable:
                await asyncio.sleep(_DATABASE_PAUSE_S)
            except Exception as error:
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

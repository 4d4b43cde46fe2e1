"""What a worker does every now and then, one worker at a time however many run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

from api.dependencies import Context

if TYPE_CHECKING:
    from sqlmodel import Session

_log = structlog.get_logger("worker")


@dataclass(frozen=True)
class Duty:
    """Something to do again and again, each time in one transaction.

    Attributes
    ----------
    name : str
    every : timedelta
        Pause between two times.
    work : callable
        Given the context and a session; returns whether there is more to do at once. It is run by one worker at a time,
        yet may be run twice: what it does has to bear that.
    wakes : tuple of str
        Postgres channels on which a notification ends the pause.
    """

    name: str
    every: timedelta
    work: Callable[[Context, Session], object]
    wakes: tuple[str, ...] = ()

    @property
    def lock(self) -> int:
        """Number of its advisory lock."""
        return int.from_bytes(blake2b(f"duty {self.name}".encode(), digest_size=8).digest(), "big", signed=True)


def run_once(context: Context, session: Session, duty: Duty) -> bool:
    """Do a duty unless another worker is at it; returns whether to come back at once."""
    free = session.connection().execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": duty.lock}).scalar_one()
    return bool(duty.work(context, session)) if free else False


class Scheduler:
    """Runs the duties of one worker.

    Parameters
    ----------
    context : Context
    duties : sequence of Duty
    """

    def __init__(self, context: Context, duties: Sequence[Duty]) -> None:
        self._context = context
        self._duties = tuple(duties)
        self._awake = {duty.name: asyncio.Event() for duty in self._duties}

    @property
    def wakes(self) -> frozenset[str]:
        """Postgres channels to listen on."""
        return frozenset(channel for duty in self._duties for channel in duty.wakes)

    def wake(self, channel: str) -> None:
        """End the pauses of the duties that a notification concerns."""
        for duty in self._duties:
            if channel in duty.wakes:
                self._awake[duty.name].set()

    def wake_all(self) -> None:
        """End every pause: notifications may have been missed."""
        for event in self._awake.values():
            event.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Do the duties until told to stop; one that is at work is finished."""
        await asyncio.gather(*(self._repeat(duty, stopping) for duty in self._duties))

    async def _repeat(self, duty: Duty, stopping: asyncio.Event) -> None:
        awake = self._awake[duty.name]
        while not stopping.is_set():
            awake.clear()
            if not await self._once(duty):
                await pause(duty.every.total_seconds(), stopping, awake)

    async def _once(self, duty: Duty) -> bool:
        try:
            more = await self._context.stores.in_session(lambda session: run_once(self._context, session, duty))
        except Exception as error:
            # One duty that fails must not take the others along; it is tried again after its pause.
            self._context.metrics.duty(duty.name, "failed")
            _log.warning("duty_failed", duty=duty.name, error=type(error).__name__, reason=str(error)[:300])
            return False
        self._context.metrics.duty(duty.name, "done")
        return more


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events, at most so long."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()

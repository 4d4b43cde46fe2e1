"""The newest events in memory, one after the other without a hole: from Redis while it answers, else from Postgres."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from typing import Any

import structlog

from api.dependencies import Context
from api.problems import StoreUnavailable
from api.streams.events import StreamEvent
from api.streams.log import read_events, read_head
from api.streams.relay import FIELD, STREAM

_log = structlog.get_logger("streams")


class Source(StrEnum):
    """Where new events come from."""

    REDIS = "redis"
    POSTGRES = "postgres"


class Feed:
    """Follows the log for one process.

    Parameters
    ----------
    context : Context
    moved : callable
        Called after events have come in.
    set_back : callable
        Called after the log turned out to be shorter than what was read of it: another history was restored.
    kept : int
        Events in memory.
    """

    BLOCK_MS = 1_000
    CHECK_S = 2.0
    """How often Postgres is asked whether Redis has missed something."""
    POLL_S = 0.25
    """How often Postgres is asked while Redis is gone."""
    PAGE = 500

    def __init__(
        self, context: Context, moved: Callable[[], None], set_back: Callable[[], None], kept: int = 10_000
    ) -> None:
        self._context = context
        self._moved = moved
        self._set_back = set_back
        self._events: deque[StreamEvent] = deque(maxlen=kept)
        self._checked_at = float("-inf")
        self._redis: Any = None
        self._redis_after = float("-inf")
        self._reading = asyncio.Semaphore(4)
        self.position = 0
        self.source = Source.POSTGRES

    @property
    def first(self) -> int:
        """Number of the oldest event in memory; one after the newest if there is none."""
        return self._events[0].sequence if self._events else self.position + 1

    async def open(self) -> None:
        """Fill the memory."""
        room = (self._events.maxlen or 0) // 5
        head = await self._context.stores.in_session(read_head)
        self.position = max(0, head - room)
        await self._fill(head)

    async def run(self) -> None:
        """Follow the log until cancelled."""
        try:
            while True:
                try:
                    await self._step()
                except StoreUnavailable:
                    await asyncio.sleep(self.POLL_S)
                except Exception:
                    _log.exception("feed_failed")
                    await asyncio.sleep(1)
        finally:
            if self._redis is not None:
                await self._redis.aclose()

    async def read(self, after: int, upto: int, page: int) -> list[StreamEvent]:
        """Read the events with numbers in ``(after, upto]``, at most ``page``, wherever they are.

        Raises
        ------
        StoreUnavailable
            If they are no longer in memory and Postgres does not answer.
        """
        count = min(upto - after, page)
        if count <= 0:
            return []
        first = self.first
        if after + 1 >= first:
            begin = after + 1 - first
            return list(islice(self._events, begin, begin + count))
        # Few at a time: readers of old events must not keep everybody else from the database.
        async with self._reading:
            return await self._context.stores.in_session(lambda session: read_events(session, after, count))

    def at(self, sequence: int) -> StreamEvent | None:
        """One event, if it is in memory."""
        place = sequence - self.first
        return self._events[place] if 0 <= place < len(self._events) else None

    async def _step(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._redis_after:
            try:
                await self._from_redis()
                self.source = Source.REDIS
            except _redis_errors() as error:
                if self.source is Source.REDIS:
                    _log.warning("feed_without_redis", error=type(error).__name__)
                self.source = Source.POSTGRES
                self._redis_after = loop.time() + 1.0
        if self.source is Source.POSTGRES:
            await self._from_postgres()
            await asyncio.sleep(self.POLL_S)
        elif loop.time() - self._checked_at >= self.CHECK_S:
            await self._from_postgres()

    async def _from_redis(self) -> None:
        if self._redis is None:
            from stores import cache

            self._redis = cache.connect_async(self._context.settings, max_connections=1, socket_timeout_s=3.0)
        after = f"{self.position}-0"
        found = await self._redis.xread({STREAM: after}, block=self.BLOCK_MS, count=self.PAGE)
        for _, entries in found or ():
            for name, fields in entries:
                sequence = int(name.split(b"-")[0])
                if sequence == self.position + 1:
                    self._append(StreamEvent.from_relay(sequence, fields[FIELD]))
                elif sequence > self.position:
                    # Redis has dropped what lies between; the log has not.
                    await self._fill(sequence)
            self._moved()

    async def _from_postgres(self) -> None:
        head = await self._context.stores.in_session(read_head)
        self._checked_at = asyncio.get_running_loop().time()
        if head > self.position:
            await self._fill(head)
        elif head < self.position:
            _log.warning("feed_set_back", position=self.position, head=head)
            self._events.clear()
            self.position = 0
            await self.open()
            self._set_back()

    async def _fill(self, upto: int) -> None:
        while self.position < upto:
            after = self.position
            events = await self._page(after)
            if not events:
                return
            for event in events:
                self._append(event)
            self._moved()

    async def _page(self, after: int) -> list[StreamEvent]:
        return await self._context.stores.in_session(lambda session: read_events(session, after, self.PAGE))

    def _append(self, event: StreamEvent) -> None:
        if event.sequence != self.position + 1:
            raise RuntimeError(f"event {event.sequence} after {self.position}: the log has a hole")
        self._events.append(event)
        self.position = event.sequence


def _redis_errors() -> tuple[type[Exception], ...]:
    """What means that Redis cannot be used now; the last three, that somebody else has written into the stream."""
    from redis.exceptions import RedisError

    from stores.settings import MissingStore

    return (RedisError, OSError, asyncio.TimeoutError, MissingStore, ValueError, KeyError, TypeError)

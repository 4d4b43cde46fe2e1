"""The streams of one process: who reads, what is released to whom, and who has to go.

Readers are grouped by the delay of their plan. A group has one position in the log: the number up to which everything was
known long enough ago. A reader's task sends what lies between his own position and his group's, in the order of the log.
Nothing is queued for a reader: the events lie in memory once, and one who falls too far behind is told so and cut.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import structlog

from api.dependencies import Context
from api.problems import Problem, StoreUnavailable
from api.streams import endings
from api.streams.feed import Feed
from api.streams.leases import RENEWED_EVERY_S, Leases
from api.streams.log import read_head, read_position_since, read_released
from api.streams.reader import Group, Reader
from api.streams.standing import Credentials, Standing, check

_log = structlog.get_logger("streams")

HEARTBEAT_S = 15.0
_SPREAD_S = 5.0
TICK_S = 0.1
CHECK_EVERY_S = 3.0
_CHECKED_AT_ONCE = 500
_GATHER_S = 0.01
STALLED_S = 5.0
"""A reader who lets one message wait this long is cut."""
BEHIND = 1_000
"""And one who is this many events behind and lets one wait ..."""
BEHIND_S = 1.0
"""... this long."""


class Hub:
    """All streams of this process. Nothing runs before the first one is opened."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._readers: set[Reader] = set()
        self._groups: dict[timedelta, Group] = {}
        self._standings: dict[str, Standing] = {}
        self._owners: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._run_out: set[Standing] = set()
        self._round: asyncio.Task[None] | None = None
        self._draining = False
        self.leases = Leases(context)
        self.feed = Feed(context, self._moved, self._set_back)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Event loop the streams run in; there is none before the first one."""
        return self._tasks[0].get_loop()

    @property
    def readers(self) -> int:
        """Number of open streams."""
        return len(self._readers)

    def standing(self, credentials: Credentials) -> Standing:
        """Find the standing of credentials, shared by all their streams.

        A new one has what was found a moment ago, and is found again, together with those of others, before anything is
        sent by it.
        """
        found = self._standings.get(credentials.name)
        return found or Standing(credentials, credentials.who.entitlements, self._context.clock())

    async def enter(self, reader: Reader) -> None:
        """Let a reader in and find where he begins.

        Raises
        ------
        Problem
            ``too-many-streams`` if his plan allows no more, ``store-unavailable``.
        """
        await self._start()
        if not await self.leases.take(reader, self._owners[reader.owner]):
            limit = reader.standing.entitlements.streams
            raise Problem(
                "too-many-streams", f"the plan allows {limit} at once; close one", headers={"Retry-After": "45"}
            )
        try:
            group = await self.group_of(reader)
            await self._place(reader, group)
        except BaseException:
            await self.leases.give_back(reader)
            raise
        self._readers.add(reader)
        self._owners[reader.owner] += 1
        reader.standing.readers += 1
        reader.told_version = reader.standing.version
        self._standings.setdefault(reader.standing.credentials.name, reader.standing)
        self._context.metrics.stream_clients.set(len(self._readers))
        if self._draining:
            reader.end(_come_back())

    async def leave(self, reader: Reader) -> None:
        """Let a reader go."""
        if reader not in self._readers:
            return
        self._readers.discard(reader)
        self._owners[reader.owner] -= 1
        if not self._owners[reader.owner]:
            del self._owners[reader.owner]
        standing = reader.standing
        standing.readers -= 1
        name = standing.credentials.name
        if not standing.readers and self._standings.get(name) is standing:
            del self._standings[name]
        self._context.metrics.stream_clients.set(len(self._readers))
        if reader.ending is not None:
            self._context.metrics.stream_ended(reader.ending.notice)
        await self.leases.give_back(reader)

    async def group_of(self, reader: Reader) -> Group:
        """Find the group of a reader's present delay."""
        delay = reader.standing.entitlements.signal_delay
        group = self._groups.get(delay)
        if group is None:
            group = self._groups.setdefault(delay, Group(delay))
        if not group.ready:
            await self._find_released(group)
        return group

    async def _find_released(self, group: Group) -> None:
        """Ask the database how far a group is, whose position cannot be found from memory."""
        before = self._context.clock() - group.delay
        released = await self._context.stores.in_session(lambda session: read_released(session, before))
        group.released = max(group.released, min(released, self.feed.position))
        group.ready = True
        self._release(group)
        for reader in self._readers:
            reader.wake.set()

    async def recheck(self, standing: Standing) -> None:
        """Find a standing anew that has run out, together with others that have.

        Raises
        ------
        StoreUnavailable
            If the database does not answer.
        """
        if self._context.clock() < standing.good_until:
            return
        self._run_out.add(standing)
        if self._round is None:
            self._round = asyncio.create_task(self._check_run_out())
            # Whoever waited for it may have gone.
            self._round.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._round)

    async def _check_run_out(self) -> None:
        # In a storm hundreds come within this time, and cost no more than one.
        await asyncio.sleep(_GATHER_S)
        batch, self._round = list(self._run_out), None
        self._run_out.clear()
        for begin in range(0, len(batch), _CHECKED_AT_ONCE):
            await self._check(batch[begin : begin + _CHECKED_AT_ONCE])

    async def _check(self, standings: Sequence[Standing]) -> None:
        """Find standings anew and tell the readers of those that changed."""
        changed = set(await check(self._context, standings))
        if not changed:
            return
        affected = [reader for reader in self._readers if reader.standing in changed]
        for reader in affected:
            if reader.standing.refused:
                reader.end(endings.SIGNED_OUT)
            elif reader.standing.forbidden:
                reader.end(endings.FORBIDDEN)
            reader.wake.set()
        for reader in await self.leases.renew([one for one in affected if one.ending is None]):
            reader.end(endings.TOO_MANY)

    async def drain(self, deadline_s: float = 4.0) -> None:
        """Tell every reader to come back, each after another while, and wait until they have gone."""
        self._draining = True
        for reader in list(self._readers):
            reader.end(_come_back())
        deadline = time.monotonic() + deadline_s
        while self._readers and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Stop everything."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.leases.close()

    async def _start(self) -> None:
        if self._tasks:
            return
        async with self._starting:
            if not self._tasks:
                await self.feed.open()
                self._tasks = [asyncio.create_task(one) for one in (self.feed.run(), self._tick(), self._watch())]

    async def _place(self, reader: Reader, group: Group) -> None:
        """Find the number after which a reader's events come."""
        in_session, now = self._context.stores.in_session, self._context.clock()
        reader.position = group.released
        if reader.cursor is not None:
            reader.position = reader.cursor
            if reader.cursor > self.feed.position and reader.cursor > await in_session(read_head):
                reader.resync, reader.position = "unknown-cursor", group.released
        elif reader.since is not None:
            since = reader.since
            reader.position = await in_session(lambda session: read_position_since(session, since))
        floor = reader.standing.entitlements.known_since(now)
        if floor is not None and reader.position < group.released:
            oldest = await in_session(lambda session: read_position_since(session, floor))
            if reader.position < oldest:
                reader.resync, reader.position = "history", min(oldest, group.released)

    def _moved(self) -> None:
        for group in self._groups.values():
            self._release(group)
        self._context.metrics.stream_position(self.feed.position, self.feed.source)

    def _release(self, group: Group) -> None:
        """Move a group on over all that was known long enough ago, up to the first event that was not."""
        if not group.ready:
            return
        before = self._context.clock() - group.delay
        reached = group.released
        while reached < self.feed.position:
            event = self.feed.at(reached + 1)
            if event is None:
                # No longer in memory; the database is asked at the next tick.
                group.ready = False
                break
            if event.known_at > before:
                break
            reached += 1
        if reached != group.released:
            group.released = reached
            for reader in self._readers:
                if reader.standing.entitlements.signal_delay == group.delay:
                    reader.wake.set()

    def _set_back(self) -> None:
        for group in self._groups.values():
            group.released, group.ready = 0, False
        for reader in self._readers:
            if reader.position > self.feed.position:
                reader.position, reader.resync = self.feed.position, "log-set-back"
            reader.wake.set()

    async def _tick(self) -> None:
        renewed_at = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._refresh_groups()
                now = time.monotonic()
                self._judge(now)
                if now - renewed_at >= RENEWED_EVERY_S:
                    renewed_at = now
                    for reader in await self.leases.renew(list(self._readers)):
                        reader.end(endings.TOO_MANY)
            except StoreUnavailable:
                continue
            except Exception:
                _log.exception("stream_tick_failed")

    async def _refresh_groups(self) -> None:
        for group in list(self._groups.values()):
            if group.ready:
                self._release(group)
            else:
                await self._find_released(group)

    def _judge(self, now: float) -> None:
        """Remind the quiet ones of the connection, and end those who do not read."""
        clock = self._context.clock()
        for reader in self._readers:
            if reader.sending_since is not None:
                if self.lags(reader, now - reader.sending_since):
                    reader.end(endings.LAGGED)
            elif now - reader.sent_at >= HEARTBEAT_S and not reader.beat:
                reader.beat = True
                reader.wake.set()
            elif clock >= reader.standing.good_until:
                reader.wake.set()

    def lags(self, reader: Reader, waits: float) -> bool:
        """Whether a reader does not keep up, who has let one message wait for so many seconds."""
        if waits >= STALLED_S or reader.group is None or not reader.caught_up:
            return waits >= STALLED_S
        released, first = reader.group.released, self.feed.first
        # Live events have left the memory before he took them, or are about to while he takes none.
        lost = reader.position + 1 < first <= released
        return lost or (released - reader.position > BEHIND and waits >= BEHIND_S)

    async def _watch(self) -> None:
        """Find every standing anew, the one that was not for longest first."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.5)
            open_now = {reader.standing for reader in self._readers}
            due = [each for each in open_now if loop.time() - each.checked_at >= CHECK_EVERY_S]
            due.sort(key=lambda each: each.checked_at)
            for begin in range(0, len(due), _CHECKED_AT_ONCE):
                try:
                    await self._check(due[begin : begin + _CHECKED_AT_ONCE])
                except StoreUnavailable:
                    break
                except Exception:
                    _log.exception("stream_check_failed")


def _come_back() -> endings.Ending:
    # A hint against all of them coming back at once; it does no harm if it is guessed.
    return endings.reconnect(random.randrange(int(_SPREAD_S * 1_000)))  # noqa: S311

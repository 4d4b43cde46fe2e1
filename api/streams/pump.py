"""The life of one stream: tells a reader what is released to him, in order, until he goes or is sent away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from api.dependencies import Context
from api.problems import StoreUnavailable
from api.streams import endings
from api.streams.events import Message, Notice, StreamEvent, notice
from api.streams.hub import HEARTBEAT_S, Hub
from api.streams.reader import Group, Reader

_log = structlog.get_logger("streams")

_PAGE = 100
_LAST_WORDS_S = 2.0
_WITHOUT_STORE_S = 0.25


class Gone(Exception):
    """The reader has gone."""


class Wire(Protocol):
    """The way to one reader."""

    async def send(self, message: Message | StreamEvent) -> None:
        """Send a message, waiting until there is room for it.

        Raises
        ------
        Gone
        """

    async def until_gone(self) -> None:
        """Return once the reader has gone."""

    async def close(self, ending: endings.Ending) -> None:
        """End it from this side."""


async def run(context: Context, hub: Hub, reader: Reader, wire: Wire) -> None:
    """Tell a reader who has entered; returns when the stream is over."""
    tasks = [
        asyncio.create_task(_Pump(context, hub, reader, wire).run()),
        asyncio.create_task(wire.until_gone()),
        asyncio.create_task(reader.ended.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failure = results[0]
        if isinstance(failure, Exception) and not isinstance(failure, Gone):
            _log.error("stream_failed", exc_info=failure)
            reader.end(endings.FAULT)
        await hub.leave(reader)
    if reader.ending is not None:
        # A reader who reads nothing cannot be told anything either, and is not waited for.
        with suppress(Gone, TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                ending = reader.ending
                await wire.send(notice(ending.notice, reader.position, reason=ending.reason, **ending.more))
                await wire.close(ending)


class _Pump:
    def __init__(self, context: Context, hub: Hub, reader: Reader, wire: Wire) -> None:
        self._clock = context.clock
        self._metrics = context.metrics
        self._hub = hub
        self._reader = reader
        self._wire = wire

    async def run(self) -> None:
        """Send until cancelled."""
        reader = self._reader
        await self._send(notice(Notice.READY, reader.position, **self._terms(), heartbeat_s=HEARTBEAT_S))
        while True:
            try:
                group = await self._notices()
                if group is None:
                    continue
                if reader.position >= group.released:
                    reader.caught_up = True
                    reader.wake.clear()
                    await reader.wake.wait()
                    continue
                events = await self._hub.feed.read(reader.position, group.released, _PAGE)
            except StoreUnavailable:
                # Nothing is sent that cannot be checked, and nothing is left out.
                await asyncio.sleep(_WITHOUT_STORE_S)
                continue
            await self._send_all(events)
            # A reader with much to catch up takes his turn among the others.
            await asyncio.sleep(0)

    def _terms(self) -> dict[str, object]:
        rights = self._reader.standing.entitlements
        return {"plan": rights.plan, "delay_s": rights.signal_delay.total_seconds()}

    async def _notices(self) -> Group | None:
        """Say what there is to say about the stream itself; None while nothing may be sent."""
        reader, standing = self._reader, self._reader.standing
        if reader.beat:
            reader.beat = False
            await self._send(notice(Notice.HEARTBEAT, reader.position))
        if self._clock() >= standing.good_until:
            await self._hub.recheck(standing)
        if standing.refused or standing.forbidden:
            reader.end(endings.SIGNED_OUT if standing.refused else endings.FORBIDDEN)
            # Cancelled meanwhile: the stream waits for its end too.
            await asyncio.sleep(1)
            return None
        if reader.told_version != standing.version:
            reader.told_version = standing.version
            reader.caught_up = False
            await self._send(notice(Notice.ENTITLEMENTS, reader.position, **self._terms()))
        if reader.resync is not None:
            reason, reader.resync = reader.resync, None
            await self._send(notice(Notice.RESYNC, reader.position, reason=reason))
        reader.group = await self._hub.group_of(reader)
        return reader.group

    async def _send_all(self, events: Sequence[StreamEvent]) -> None:
        reader, standing = self._reader, self._reader.standing
        for event in events:
            now = self._clock()
            if now >= standing.good_until or reader.told_version != standing.version:
                return
            if reader.resync is not None:
                return
            if reader.takes(event, now):
                await self._send(event)
                self._metrics.stream_events.inc()
            reader.position = event.sequence

    async def _send(self, message: Message | StreamEvent) -> None:
        reader = self._reader
        reader.sending_since = time.monotonic()
        await self._wire.send(message)
        reader.sending_since = None
        reader.sent_at = time.monotonic()

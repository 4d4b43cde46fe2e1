"""One open stream: what it wants, what it may have, and how far it has come."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.streams.endings import Ending
from api.streams.events import StreamEvent
from api.streams.standing import Standing


@dataclass(frozen=True)
class Wanted:
    """What a reader asked for; None for any."""

    market: str | None = None
    timeframe: str | None = None
    strategy: str | None = None
    direction: int | None = None

    def fits(self, event: StreamEvent) -> bool:
        """Whether an event is asked for."""
        return (
            (self.market is None or event.market == self.market)
            and (self.timeframe is None or event.timeframe == self.timeframe)
            and (self.strategy is None or event.strategy == self.strategy)
            and (self.direction is None or event.direction == self.direction)
        )


@dataclass(eq=False)
class Group:
    """Readers with the same delay, and the number up to which events are released to them."""

    delay: timedelta
    released: int = 0
    ready: bool = False


@dataclass(eq=False)
class Reader:
    """One open stream.

    Attributes
    ----------
    standing : Standing
        Who reads and what he may have, checked again and again.
    owner : str
        Whose streams are counted together.
    wanted : Wanted
    cursor : int, optional
        Where he asked to go on.
    since : datetime, optional
        From when on he asked for events, without a cursor.
    position : int
        Number of the last event that was sent, or passed over because it is not for him.
    lease : str
        Name of the place he takes among his owner's streams; earlier ones sort first.
    """

    standing: Standing
    owner: str
    wanted: Wanted
    cursor: int | None = None
    since: datetime | None = None
    position: int = 0
    group: Group | None = None
    caught_up: bool = False
    resync: str | None = None
    beat: bool = False
    told_version: int = 0
    sent_at: float = field(default_factory=time.monotonic)
    sending_since: float | None = None
    ending: Ending | None = None
    lease: str = field(default_factory=lambda: f"{time.time_ns() // 1_000_000:015d}:{uuid.uuid4().hex}")
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, ending: Ending) -> None:
        """End the stream; the first reason counts."""
        if self.ending is None:
            self.ending = ending
            self.ended.set()

    def takes(self, event: StreamEvent, now: datetime) -> bool:
        """Whether an event that is released is for him."""
        rights = self.standing.entitlements
        since = rights.known_since(now)
        return (
            self.wanted.fits(event)
            and rights.allows(event.market, event.timeframe)
            and (since is None or event.signal_known_at >= since)
            and (self.since is None or event.known_at >= self.since)
        )

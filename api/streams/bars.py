"""Bars as they close. Each series that somebody follows is looked at once a second, however many follow it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import dropwhile

import orjson

from api.dependencies import Context
from api.parameters import Order, SeriesPage
from api.problems import Problem, StoreUnavailable
from api.reads.latest import read_latest
from api.reads.series import CANDLES, read_series
from api.times import parse_instant, to_milliseconds
from stores.warehouse import Series

HEARTBEAT_S = 15.0
LONGEST = timedelta(minutes=5)
"""After it a reader has to come back, and is asked anew who he is."""
KEPT = 500
"""Newest bars of a series that are handed over to whoever was away."""
MOST_OF_ONE = 20
"""Streams of bars that one caller may have open in one process."""
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class _Bar:
    time: int
    line: bytes


@dataclass
class _Feed:
    """The newest bars of a series, read while somebody follows it."""

    series: Series
    bars: deque[_Bar] = field(default_factory=lambda: deque[_Bar](maxlen=KEPT))
    ready: bool = False
    readers: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Wake everybody who waits."""
        self.moved.set()
        self.moved = asyncio.Event()

    def after(self, position: int) -> list[_Bar]:
        """Bars that open after an instant, oldest first."""
        return list(dropwhile(lambda bar: bar.time <= position, self.bars))


def _event(kind: str, data: bytes, position: int | None = None) -> bytes:
    head = b"" if position is None else b"id: %d\n" % position
    return head + b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


class BarFeeds:
    """All series that are followed in this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._feeds: dict[Series, _Feed] = {}
        self._open: Counter[str] = Counter()
        self._draining = False

    @property
    def followed(self) -> int:
        """Number of series that are looked at."""
        return len(self._feeds)

    async def drain(self) -> None:
        """Have every reader come back elsewhere."""
        self._draining = True
        for feed in self._feeds.values():
            feed.tell()

    def check_room(self, owner: str) -> None:
        """Refuse a caller who has as many open as anybody may have.

        Raises
        ------
        Problem
            ``too-many-streams``.
        """
        if self._open[owner] >= MOST_OF_ONE:
            raise Problem("too-many-streams", f"{MOST_OF_ONE} streams of bars are open already; close one")

    async def follow(
        self, owner: str, series: Series, position: int | None, floor: datetime | None
    ) -> AsyncIterator[bytes]:
        """Write the events of one reader: what has closed since ``position``, then what closes.

        Parameters
        ----------
        owner : str
        series : Series
        position : int, optional
            Opening of the last bar he has, in milliseconds; None to begin with what closes from now on.
        floor : datetime, optional
            Before it his plan shows nothing.

        Yields
        ------
        bytes
            Server-sent events.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST.total_seconds()
        lowest = -1 if floor is None else to_milliseconds(floor) - 1
        with self._entered(owner, series) as feed:
            about = {"market": str(series.market), "timeframe": series.timeframe, "heartbeat_s": HEARTBEAT_S}
            yield _event("ready", orjson.dumps(about))
            while not self._draining and loop.time() < until:
                moved = feed.moved
                if feed.ready:
                    if position is None:
                        position = feed.bars[-1].time if feed.bars else lowest
                    if feed.bars and feed.bars.maxlen == len(feed.bars) and position < feed.bars[0].time - 1:
                        # More has closed than is kept: he reads the list, and goes on from here.
                        position = feed.bars[-1].time
                        yield _event("resync", b"{}", position)
                    for bar in feed.after(max(position, lowest)):
                        position = bar.time
                        yield _event("bar", bar.line, position)
                try:
                    await asyncio.wait_for(moved.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield _event("heartbeat", b"{}")
            yield b"retry: 250\n" + _event("reconnect", b"{}")

    @contextmanager
    def _entered(self, owner: str, series: Series) -> Iterator[_Feed]:
        feed = self._feeds.get(series)
        if feed is None:
            feed = self._feeds[series] = _Feed(series)
            feed.task = asyncio.create_task(self._look(feed))
        feed.readers += 1
        self._open[owner] += 1
        try:
            yield feed
        finally:
            feed.readers -= 1
            self._open[owner] -= 1
            if self._open[owner] <= 0:
                del self._open[owner]
            if feed.readers == 0 and feed.task is not None:
                feed.task.cancel()
                del self._feeds[series]

    async def _look(self, feed: _Feed) -> None:
        """Read what has closed, once a second; a store that does not answer is asked again."""
        while True:
            try:
                if await self._read(feed):
                    feed.tell()
            except StoreUnavailable:
                pass
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _read(self, feed: _Feed) -> bool:
        latest = await read_latest(self._context.stores, [feed.series])
        newest = to_milliseconds(parse_instant(latest[0]["ts"])) if latest else None
        if feed.ready and (newest is None or (feed.bars and feed.bars[-1].time >= newest)):
            return False
        # More than was seen last may have closed meanwhile; what was held already is passed over.
        page = SeriesPage(feed.series, None, None, Order.DESC, KEPT, None)
        found = await self._context.stores.warehouse.read(lambda warehouse: read_series(warehouse, CANDLES, page))
        last = feed.bars[-1].time if feed.bars else -1
        for line in reversed(found.lines):
            time = to_milliseconds(parse_instant(orjson.loads(line)["ts"]))
            if time > last:
                feed.bars.append(_Bar(time, line.strip()))
        feed.ready = True
        return True

"""Pages of signals that were read before, kept as they are sent.

Everybody's dashboards ask for the same newest page. Whatever makes a signal, an outcome or a takedown visible is an event
with the next number of one log, and no event ever changes. So the number of the last event and the instant of the last
one in sight tell exactly what can be seen: while both are the same, so is every page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, TypeAlias

import orjson
from sqlmodel import Session

from api.connections import Stores
from api.reads.signals import Sight, SignalFilter, read_signals

_VERSION: LiteralString = (
    "SELECT (SELECT max(sequence) FROM serving.signal_events) AS last, "
    "(SELECT max(known_at) FROM serving.signal_events WHERE known_at <= %(before)s) AS seen"
)

_Version: TypeAlias = tuple[int | None, datetime | None]


@dataclass(frozen=True)
class _Page:
    """What decides a page, but for what has happened."""

    wanted: SignalFilter
    markets: tuple[str, ...] | None
    timeframes: tuple[str, ...] | None
    limit: int
    cursor: str | None


class SignalPages:
    """Pages that were asked for lately.

    Parameters
    ----------
    stores : Stores
    most_bytes : int
        Most that is kept of them.
    """

    def __init__(self, stores: Stores, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._stores = stores
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[_Page, _Version], bytes] = OrderedDict()

    async def read(self, wanted: SignalFilter, sight: Sight, limit: int, cursor: str | None) -> bytes:
        """Read one page as JSON, newest first.

        Raises
        ------
        Problem
            ``invalid-cursor``.
        StoreUnavailable
            If the database cannot answer now.
        """

        def written(session: Session) -> bytes:
            found = read_signals(session, wanted, sight, limit, cursor)
            return orjson.dumps({"items": found.items, "next_cursor": found.next_cursor})

        if sight.since is not None:
            # Signals leave this page as time passes, without an event.
            return await self._stores.reading(written)
        page = _Page(wanted, sight.markets, sight.timeframes, limit, cursor)
        version = await self._version(sight)
        body = self._kept.get((page, version))
        if body is not None:
            self._kept.move_to_end((page, version))
            return body
        body = await self._stores.reading(written)
        # What happened while it was read may be in it: it is right for this reader, and for no other.
        if await self._version(sight) == version:
            self._keep((page, version), body)
        return body

    async def _version(self, sight: Sight) -> _Version:
        row = await self._stores.one(_VERSION, {"before": sight.before})
        return (None, None) if row is None else (row["last"], row["seen"])

    def _keep(self, key: tuple[_Page, _Version], body: bytes) -> None:
        if key in self._kept or len(body) > self._most_bytes:
            return
        self._kept[key] = body
        self._bytes += len(body)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1])

"""From the log in Postgres to a Redis stream: each event once, in order, however often and by whomever it is relayed.

The entry of event n has the id ``n-0``. Redis refuses an id that is not above the last one, so relaying twice changes
nothing. Redis holds nothing of its own: wiped, it is filled again from the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from api.streams.log import read_events, read_head

if TYPE_CHECKING:
    from redis import Redis
    from sqlmodel import Session

    from api.dependencies import Context

STREAM = "cap:signal-events"
"""Key of the Redis stream."""
FIELD = b"e"
KEPT = 10_000
"""Entries the stream keeps, about; older ones are read from Postgres."""
PAGE = 500

_log = structlog.get_logger("relay")


class Relay:
    """Relays events; only one at a time is to run, and nothing breaks if two do."""

    def __init__(self) -> None:
        self._client: Redis | None = None

    def step(self, context: Context, session: Session) -> bool:
        """Relay the next events.

        Parameters
        ----------
        context : Context
        session : Session

        Returns
        -------
        bool
            Whether there are more.
        """
        if self._client is None:
            from stores import cache

            self._client = cache.connect(context.settings, max_connections=2)
        head = read_head(session)
        position = last_relayed(self._client)
        if position > head:
            # The database was set back, by a restored backup: what Redis holds is of another history.
            _log.warning("relay_reset", redis=position, postgres=head)
            self._client.delete(STREAM)
            position = 0
        events = read_events(session, max(position, head - KEPT), PAGE)
        if events:
            pipeline: Any = self._client.pipeline(transaction=False)
            for event in events:
                pipeline.xadd(STREAM, {FIELD: event.relayed()}, id=f"{event.sequence}-0", maxlen=KEPT, approximate=True)
            _check(pipeline.execute(raise_on_error=False))
            position = events[-1].sequence
        context.metrics.relayed(position, head)
        return position < head


def _check(answers: list[Any]) -> None:
    from redis.exceptions import ResponseError

    for answer in answers:
        # Another relay was first, which is as good.
        if isinstance(answer, ResponseError) and "equal or smaller" in str(answer):
            continue
        if isinstance(answer, Exception):
            raise answer


def last_relayed(client: Redis) -> int:
    """Number of the newest event in the stream; 0 if it is empty."""
    entries: Any = client.xrevrange(STREAM, count=1)
    return int(entries[0][0].split(b"-")[0]) if entries else 0

"""Turns each signal event into one delivery a webhook that wants it and whose owner may have it, exactly once.

The position in the events and the deliveries are committed together; a delivery's id follows from its webhook and event,
so even a position that was lost would double nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.delivery.queue import GIVE_UP_AFTER
from api.delivery.webhooks import Event, EventType, queue_events
from api.entitlements import Entitlements, entitlements_of
from api.streams.events import EventKind, StreamEvent
from api.streams.log import read_events, read_head
from api.times import format_instant

if TYPE_CHECKING:
    from api.dependencies import Context

_NAME = "webhooks"
_BATCH = 200
_TYPES = {
    EventKind.SIGNAL: EventType.SIGNAL_PUBLISHED,
    EventKind.OUTCOME: EventType.SIGNAL_OUTCOME,
    EventKind.TAKEDOWN: EventType.SIGNAL_TAKEDOWN,
}


@dataclass(frozen=True)
class Receiver:
    """A webhook that is on, with the rights of its owner."""

    webhook_id: str
    created_at: datetime
    events: frozenset[str]
    markets: frozenset[str] | None
    timeframes: frozenset[str] | None
    strategies: frozenset[str] | None
    direction: int | None
    rights: Entitlements

    def wants(self, told: StreamEvent, type_: EventType, now: datetime) -> datetime | None:
        """When the event may be sent to it; None if it is not for it."""
        asked = (
            type_.value in self.events
            and _among(told.market, self.markets)
            and _among(told.timeframe, self.timeframes)
            and _among(told.strategy, self.strategies)
            and self.direction in (None, told.direction)
            and self.rights.allows(told.market, told.timeframe)
        )
        if not asked:
            return None
        shown_from = told.known_at + self.rights.signal_delay
        # History that is published late, by a first run or after a long stop, is no news; nor is what could be seen
        # before the webhook was there.
        return None if shown_from < max(self.created_at, now - GIVE_UP_AFTER) else shown_from


def _among(value: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or value in wanted


def fan_out(context: Context, session: Session) -> bool:
    """Turn the next events into deliveries; returns whether there may be more."""
    return advance(session, context.clock())


def advance(session: Session, now: datetime, batch: int = _BATCH) -> bool:
    """Do so by a clock of the caller's."""
    connection = session.connection()
    name = {"name": _NAME}
    found = connection.execute(text("SELECT position FROM serving.fan_out_cursors WHERE name = :name"), name)
    if (found.scalar_one_or_none() or 0) >= read_head(session):
        return False
    connection.execute(
        text("INSERT INTO serving.fan_out_cursors (name, position) VALUES (:name, 0) ON CONFLICT DO NOTHING"), name
    )
    position: int = connection.execute(
        text("SELECT position FROM serving.fan_out_cursors WHERE name = :name FOR UPDATE"), name
    ).scalar_one()
    receivers = read_receivers(session, now)
    # With nobody to tell, what has happened is passed over at once.
    told = read_events(session, position, batch) if receivers else ()
    following = told[-1].sequence if told else position if receivers else read_head(session)
    wanted: list[tuple[str, Event, datetime]] = []
    for one in told:
        event = event_of(one)
        for receiver in receivers:
            shown_from = receiver.wants(one, event.type, now)
            if shown_from is not None:
                wanted.append((receiver.webhook_id, event, max(shown_from, now)))
    queue_events(session, wanted, now=now)
    connection.execute(
        text("UPDATE serving.fan_out_cursors SET position = :position WHERE name = :name AND position <> :position"),
        {"position": following, "name": _NAME},
    )
    return len(told) == batch


def read_receivers(session: Session, now: datetime) -> Sequence[Receiver]:
    """Read the webhooks that are on, of active accounts, as many of each as its plan allows: the oldest."""
    rows = session.connection().execute(
        text(
            "SELECT w.*, row_number() OVER (PARTITION BY w.user_id ORDER BY w.created_at, w.webhook_id) AS place "
            "FROM serving.webhooks AS w JOIN serving.users AS u ON u.user_id = w.user_id WHERE u.status = 'active'"
        )
    )
    rights: dict[str, Entitlements] = {}
    found: list[Receiver] = []
    for row in rows:
        user_id = str(row.user_id)
        if user_id not in rights:
            rights[user_id] = entitlements_of(session, user_id, now)
        if row.enabled and row.place <= rights[user_id].webhooks:
            found.append(_receiver(row, rights[user_id]))
    return found


def _receiver(row: Any, rights: Entitlements) -> Receiver:
    markets, timeframes, strategies = (
        None if given is None else frozenset(given) for given in (row.markets, row.timeframes, row.strategies)
    )
    return Receiver(
        str(row.webhook_id),
        row.created_at,
        frozenset(row.events),
        markets,
        timeframes,
        strategies,
        row.direction,
        rights,
    )


def event_of(told: StreamEvent) -> Event:
    """Make the event of a webhook from one of the log."""
    body: dict[str, Any] = orjson.loads(told.text)
    if told.kind is EventKind.SIGNAL:
        data = body["signal"]
    else:
        data = {name: value for name, value in body.items() if name not in ("type", "cursor")}
    subject = {
        "market": told.market,
        "timeframe": told.timeframe,
        "known_at": str(format_instant(told.known_at)),
    }
    return Event(f"signal event {told.sequence}", _TYPES[told.kind], told.known_at, data, subject)

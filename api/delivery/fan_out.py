"""Turns each signal event into one delivery a webhook that wants it and whose owner may have it, exactly once.

The position in the events and the deliveries are committed together; a delivery's id follows from its webhook and event,
so even a position that was lost would double nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlmodel import Session

from api.delivery.queue import GIVE_UP_AFTER
from api.delivery.webhooks import Event, EventType, queue_events
from api.entitlements import Entitlements, entitlements_of
from api.reads.signals import read_published

if TYPE_CHECKING:
    from api.dependencies import Context

_NAME = "webhooks"
_BATCH = 200


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

    def wants(self, event: Event, now: datetime) -> datetime | None:
        """When the event may be sent to it; None if it is not for it."""
        signal = event.data
        asked = (
            event.type.value in self.events
            and _among(signal["market"], self.markets)
            and _among(signal["timeframe"], self.timeframes)
            and _among(signal["strategy"], self.strategies)
            and self.direction in (None, signal["direction"])
            and self.rights.allows(signal["market"], signal["timeframe"])
        )
        if not asked:
            return None
        shown_from = event.at + self.rights.signal_delay
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
    connection.execute(
        text("INSERT INTO serving.fan_out_cursors (name, position) VALUES (:name, 0) ON CONFLICT DO NOTHING"),
        {"name": _NAME},
    )
    position: int = connection.execute(
        text("SELECT position FROM serving.fan_out_cursors WHERE name = :name FOR UPDATE"), {"name": _NAME}
    ).scalar_one()
    receivers = read_receivers(session, now)
    numbers = _next(session, position, batch, skip=not receivers)
    if not numbers:
        return False
    wanted: list[tuple[str, Event, datetime]] = []
    for signal_id in numbers.values() if receivers else ():
        event = published_event(session, str(signal_id))
        for receiver in receivers:
            shown_from = receiver.wants(event, now)
            if shown_from is not None:
                wanted.append((receiver.webhook_id, event, max(shown_from, now)))
    queue_events(session, wanted, now=now)
    connection.execute(
        text("UPDATE serving.fan_out_cursors SET position = :position WHERE name = :name"),
        {"position": max(numbers), "name": _NAME},
    )
    return len(numbers) == batch


def _next(session: Session, position: int, batch: int, *, skip: bool) -> Mapping[int, str]:
    order = "DESC LIMIT 1" if skip else "LIMIT :batch"
    rows = session.connection().execute(
        text(
            "SELECT sequence, signal_id FROM serving.published_signals WHERE sequence > :position "
            f"ORDER BY sequence {order}"
        ),
        {"position": position, "batch": batch},
    )
    return {row.sequence: str(row.signal_id) for row in rows}


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


def published_event(session: Session, signal_id: str) -> Event:
    """Make the event of a publication."""
    signal = read_published(session, signal_id)
    known_at = datetime.fromisoformat(signal["known_at"])
    subject = {"market": signal["market"], "timeframe": signal["timeframe"], "known_at": signal["known_at"]}
    return Event(f"published {signal_id}", EventType.SIGNAL_PUBLISHED, known_at, signal, subject)

"""Duties of the outbox itself: dead letters of what nobody can settle, cleaning, and how long its queues are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import Session

from api import writes
from api.delivery import dead_letters, deliveries
from api.outbox import Topic

if TYPE_CHECKING:
    from api.dependencies import Context


def bury(context: Context, session: Session) -> None:
    """Make dead letters of what nobody can settle."""
    now = context.clock()
    dead = dead_letters.bury(session, now)
    deliveries.mark_dead(session, [key for topic, key in dead if topic is Topic.WEBHOOK], now)


def clean(context: Context, session: Session) -> bool:
    """Delete what is kept no longer; returns whether there may be more."""
    now = context.clock()
    gone = [dead_letters.forget(session, now), deliveries.forget(session, now), writes.forget_answers(session, now)]
    return gone[0] >= dead_letters.MOST_FORGOTTEN or gone[1] >= dead_letters.MOST_FORGOTTEN


def measure(context: Context, session: Session) -> None:
    """Set the gauges of the queues."""
    now = context.clock()
    rows = session.connection().execute(
        text(
            "SELECT topic, count(*) FILTER (WHERE state = 'pending' AND available_at <= :now) AS waiting, "
            "count(*) FILTER (WHERE state = 'dead') AS dead, "
            "min(available_at) FILTER (WHERE state = 'pending' AND available_at <= :now) AS oldest "
            "FROM serving.outbox WHERE state <> 'done' GROUP BY topic"
        ),
        {"now": now},
    )
    found = {row.topic: row for row in rows}
    for topic in Topic:
        row = found.get(topic.value)
        if row is None:
            context.metrics.queue(topic.value, 0, 0, 0.0)
        else:
            oldest = 0.0 if row.oldest is None else (now - row.oldest).total_seconds()
            context.metrics.queue(topic.value, row.waiting, row.dead, oldest)

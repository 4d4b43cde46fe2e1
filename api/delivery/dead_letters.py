"""What the outbox gave up or is done with: dead letters of what nobody settles, taking one up again, cleaning."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from api.delivery.queue import GIVE_UP_AFTER, MOST_CLAIMS
from api.outbox import CHANNEL, Topic

MOST_FORGOTTEN = 10_000
"""Rows that one cleaning deletes."""
_KEEP_DONE = timedelta(days=7)
_KEEP_DEAD = timedelta(days=30)


def bury(session: Session, now: datetime) -> list[tuple[Topic, str]]:
    """Make dead letters of what nobody can settle: claimed again and again, or too old at a receiver that is away.

    Returns
    -------
    list of (Topic, str)
        Topic and key of each.
    """
    result = session.connection().execute(
        text(
            """
            UPDATE serving.outbox AS o
            SET state = 'dead', finished_at = :now, claim = NULL,
                last_error = coalesce(o.last_error, 'never settled by any worker')
            WHERE o.state = 'pending' AND o.next_at <= :now AND (
                o.attempts >= :most OR (o.available_at < :since AND EXISTS (
                    SELECT FROM serving.delivery_destinations AS d
                    WHERE d.topic = o.topic AND d.destination = o.destination AND d.closed_until > :now)))
            RETURNING o.topic, o.key
            """
        ),
        {"now": now, "most": MOST_CLAIMS, "since": now - GIVE_UP_AFTER},
    )
    return [(Topic(row.topic), row.key) for row in result]


def requeue(session: Session, outbox_id: int, now: datetime) -> bool:
    """Take a dead letter up again; False if it is none."""
    connection = session.connection()
    result = connection.execute(
        text(
            "UPDATE serving.outbox SET state = 'pending', attempts = 0, next_at = :now, available_at = :now, "
            "finished_at = NULL WHERE outbox_id = :id AND state = 'dead'"
        ),
        {"id": outbox_id, "now": now},
    )
    if result.rowcount:
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
    return bool(result.rowcount)


def forget(session: Session, now: datetime, most: int = MOST_FORGOTTEN) -> int:
    """Delete what has been done or dead for long; returns how many."""
    result = session.connection().execute(
        text(
            "DELETE FROM serving.outbox WHERE outbox_id IN (SELECT outbox_id FROM serving.outbox "
            "WHERE finished_at < :done AND (state = 'done' OR finished_at < :dead) LIMIT :most)"
        ),
        {"done": now - _KEEP_DONE, "dead": now - _KEEP_DEAD, "most": most},
    )
    return result.rowcount

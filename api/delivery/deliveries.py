"""The log of a webhook's deliveries, and sending one again by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.delivery import webhooks
from api.delivery.dead_letters import MOST_FORGOTTEN
from api.delivery.webhooks import Event, EventType
from api.outbox import Topic, enqueue
from api.pagination import Cursors
from api.problems import Problem
from api.reads.signals import Items
from api.times import EARLIEST, format_instant

_KEPT = timedelta(days=30)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = (
    "d.delivery_id, d.webhook_id, d.event_type, d.body, d.state, d.attempts, d.redeliveries, d.next_at, d.created_at, "
    "d.finished_at"
)


def read_page(
    session: Session, user_id: str, webhook_id: str, state: str | None, limit: int, cursor: str | None
) -> Items:
    """Read one page of a webhook's deliveries, newest first, each with its attempts.

    Raises
    ------
    Problem
        If the person has no such webhook.
    """
    webhooks.read(session, user_id, webhook_id)
    cursors = Cursors("deliveries", [webhook_id, state], (int, str))
    key = cursors.read(cursor)
    parameters: dict[str, Any] = {"webhook": webhook_id, "state": state, "page": limit + 1}
    after = ""
    if key is not None:
        after = "AND (d.created_at, d.delivery_id) < (:created, CAST(:delivery AS uuid))"
        parameters |= {"created": EARLIEST + int(key[0]) * _MICROSECOND, "delivery": key[1]}
    rows = (
        session.connection()
        .execute(
            text(
                f"SELECT {_COLUMNS} FROM serving.webhook_deliveries AS d WHERE d.webhook_id = :webhook "
                f"AND (CAST(:state AS text) IS NULL OR d.state = :state) {after} "
                "ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT :page"
            ),
            parameters,
        )
        .mappings()
        .all()
    )
    page, following = rows[:limit], None
    if len(rows) > limit:
        last = page[-1]
        following = cursors.write(((last["created_at"] - EARLIEST) // _MICROSECOND, str(last["delivery_id"])))
    return Items(_with_attempts(session, page), following)


def read_one(session: Session, user_id: str, webhook_id: str, delivery_id: str) -> dict[str, Any]:
    """Read one delivery.

    Raises
    ------
    Problem
        If the person has none with this id at this webhook.
    """
    webhooks.read(session, user_id, webhook_id)
    rows = (
        session.connection()
        .execute(
            text(
                f"SELECT {_COLUMNS} FROM serving.webhook_deliveries AS d "
                "WHERE d.webhook_id = :webhook AND d.delivery_id = :delivery"
            ),
            {"webhook": webhook_id, "delivery": delivery_id},
        )
        .mappings()
        .all()
    )
    if not rows:
        raise Problem("not-found", f"there is no delivery {delivery_id} to this webhook")
    return _with_attempts(session, rows)[0]


def redeliver(session: Session, user_id: str, webhook_id: str, delivery_id: str, now: datetime) -> dict[str, Any]:
    """Send a delivery again, under the id it had.

    Raises
    ------
    Problem
        If there is none, if it is still under way, or if the webhook is turned off.
    """
    read_one(session, user_id, webhook_id, delivery_id)
    _check_enabled(session, user_id, webhook_id)
    count: int | None = (
        session.connection()
        .execute(
            text(
                "UPDATE serving.webhook_deliveries SET state = 'pending', redeliveries = redeliveries + 1, "
                "next_at = :now, finished_at = NULL WHERE delivery_id = :id AND state <> 'pending' "
                "RETURNING redeliveries"
            ),
            {"id": delivery_id, "now": now},
        )
        .scalar_one_or_none()
    )
    if count is None:
        raise Problem("conflict", "this delivery is still under way; its next attempt is in next_at")
    enqueue(
        session,
        Topic.WEBHOOK,
        {"delivery_id": delivery_id},
        key=f"{delivery_id} {count}",
        now=now,
        destination=webhook_id,
    )
    webhooks.reopen(session, webhook_id)
    return read_one(session, user_id, webhook_id, delivery_id)


def send_test(session: Session, user_id: str, webhook_id: str, test_id: str, now: datetime) -> dict[str, Any]:
    """Send a test event to a webhook, whatever events it is told of.

    Raises
    ------
    Problem
        If there is none, or it is turned off.
    """
    _check_enabled(session, user_id, webhook_id)
    data = {"webhook_id": webhook_id, "message": "This is a test; a signal looks the same from here on."}
    event = Event(f"test {test_id}", EventType.TEST, now, data, {})
    delivery_id = webhooks.queue_event(session, webhook_id, event, now=now)
    webhooks.reopen(session, webhook_id)
    return read_one(session, user_id, webhook_id, delivery_id)


def _check_enabled(session: Session, user_id: str, webhook_id: str) -> None:
    if not webhooks.read(session, user_id, webhook_id)["enabled"]:
        raise Problem("conflict", "the webhook is turned off; turn it on with PATCH and enabled: true")


def _with_attempts(session: Session, rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    attempts: dict[str, list[dict[str, Any]]] = {str(row["delivery_id"]): [] for row in rows}
    if attempts:
        found = session.connection().execute(
            text(
                "SELECT delivery_id, number, at, status, duration_ms, error, response FROM serving.webhook_attempts "
                "WHERE delivery_id = ANY(CAST(:ids AS uuid[])) ORDER BY delivery_id, number"
            ),
            {"ids": list(attempts)},
        )
        for one in found.mappings():
            shown = {name: one[name] for name in ("number", "status", "duration_ms", "error", "response")}
            attempts[str(one["delivery_id"])].append({**shown, "at": format_instant(one["at"])})
    return [_shown(row, attempts[str(row["delivery_id"])]) for row in rows]


def _shown(row: Mapping[Any, Any], attempts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "delivery_id": str(row["delivery_id"]),
        "webhook_id": str(row["webhook_id"]),
        "event_type": row["event_type"],
        "body": row["body"],
        "state": row["state"],
        "redeliveries": row["redeliveries"],
        "attempts": attempts,
        "next_at": format_instant(row["next_at"]),
        "created_at": format_instant(row["created_at"]),
        "finished_at": format_instant(row["finished_at"]),
    }


def mark_dead(session: Session, keys: Sequence[str], now: datetime) -> None:
    """Say of deliveries that they are dead letters whose messages nobody could settle."""
    ids = sorted({key.partition(" ")[0] for key in keys})
    if ids:
        session.connection().execute(
            text(
                "UPDATE serving.webhook_deliveries SET state = 'dead', next_at = NULL, finished_at = :now "
                "WHERE delivery_id = ANY(CAST(:ids AS uuid[])) AND state = 'pending'"
            ),
            {"ids": ids, "now": now},
        )


def forget(session: Session, now: datetime, most: int = MOST_FORGOTTEN) -> int:
    """Delete deliveries of which the log tells no longer; returns how many."""
    result = session.connection().execute(
        text(
            "DELETE FROM serving.webhook_deliveries WHERE delivery_id IN (SELECT delivery_id "
            "FROM serving.webhook_deliveries WHERE created_at < :before AND state <> 'pending' LIMIT :most)"
        ),
        {"before": now - _KEPT, "most": most},
    )
    return result.rowcount

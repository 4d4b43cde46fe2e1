"""The webhooks of a person: what they are told of, their secrets, and the events queued for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.delivery.signing import new_secret
from api.entitlements import Entitlements
from api.outbox import Message, Topic, enqueue_all
from api.problems import Problem
from api.security.vault import Vault
from api.times import format_instant

SECRET_PURPOSE = "webhook-secret"  # noqa: S105 - what a sealed value is for
OVERLAP = timedelta(hours=24)
"""How long the secret before signs beside a new one."""


class EventType(StrEnum):
    """What a webhook can be told of."""

    SIGNAL_PUBLISHED = "signal.published"
    SIGNAL_OUTCOME = "signal.outcome"
    SIGNAL_TAKEDOWN = "signal.takedown"
    ALERT_TRIGGERED = "alert.triggered"
    TEST = "test"


@dataclass(frozen=True)
class WebhookChange:
    """What the owner sets; what is not in ``given`` stays as it is."""

    given: Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """Something to tell a webhook of.

    Attributes
    ----------
    key : str
        The same event has the same key: a webhook gets it once.
    type : EventType
    at : datetime
    data : mapping
    subject : mapping
        ``market``, ``timeframe`` and ``known_at`` (RFC 3339): what the owner's rights are checked by once more when it is
        sent. Empty if his rights do not matter.
    """

    key: str
    type: EventType
    at: datetime
    data: Mapping[str, Any]
    subject: Mapping[str, str]


_COLUMNS = (
    "webhook_id, user_id, url, description, events, markets, timeframes, strategies, direction, enabled, "
    "disabled_reason, previous_until, failing_since, created_at, updated_at"
)
_CHANGEABLE = ("url", "description", "events", "markets", "timeframes", "strategies", "direction", "enabled")


def create(
    session: Session,
    vault: Vault,
    user_id: str,
    entitlements: Entitlements,
    change: WebhookChange,
    now: datetime,
) -> dict[str, Any]:
    """Make a webhook; the answer is the only one that has its secret.

    Raises
    ------
    Problem
        If the plan allows no more of them.
    """
    connection = session.connection()
    # Two at once must not both be the last one allowed.
    connection.execute(text("SELECT 1 FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    count: int = connection.execute(
        text("SELECT count(*) FROM serving.webhooks WHERE user_id = :user"), {"user": user_id}
    ).scalar_one()
    if count >= entitlements.webhooks:
        raise Problem(
            "plan-limit", f"the plan {entitlements.plan} allows {entitlements.webhooks} webhooks; delete one or upgrade"
        )
    secret = new_secret()
    values = {"description": "", "markets": None, "timeframes": None, "strategies": None, "direction": None}
    row = (
        connection.execute(
            text(
                "INSERT INTO serving.webhooks (webhook_id, user_id, url, description, events, markets, timeframes, "
                "strategies, direction, enabled, secret, created_at, updated_at) VALUES (:id, :user, :url, :description, "
                ":events, :markets, :timeframes, :strategies, :direction, :enabled, :secret, :now, :now) "
                f"RETURNING {_COLUMNS}"
            ),
            {
                **values,
                "enabled": True,
                **change.given,
                "id": str(uuid4()),
                "user": user_id,
                "secret": vault.seal(secret.encode(), SECRET_PURPOSE),
                "now": now,
            },
        )
        .mappings()
        .one()
    )
    return {**shown(row), "secret": secret}


def read_all(session: Session, user_id: str) -> list[dict[str, Any]]:
    """Read the webhooks of a person, oldest first."""
    rows = session.connection().execute(
        text(f"SELECT {_COLUMNS} FROM serving.webhooks WHERE user_id = :user ORDER BY created_at, webhook_id"),
        {"user": user_id},
    )
    return [shown(row) for row in rows.mappings()]


def read(session: Session, user_id: str, webhook_id: str) -> dict[str, Any]:
    """Read one webhook.

    Raises
    ------
    Problem
        If the person has none with this id.
    """
    row = (
        session.connection()
        .execute(
            text(f"SELECT {_COLUMNS} FROM serving.webhooks WHERE webhook_id = :id AND user_id = :user"),
            {"id": webhook_id, "user": user_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise missing(webhook_id)
    return shown(row)


def update(session: Session, user_id: str, webhook_id: str, change: WebhookChange, now: datetime) -> dict[str, Any]:
    """Change what is given. Turning one on again forgets why it was off, and gives its receiver a new chance at once."""
    read(session, user_id, webhook_id)
    names = [name for name in _CHANGEABLE if name in change.given]
    if not names:
        return read(session, user_id, webhook_id)
    sets = [f"{name} = :{name}" for name in names]
    if "enabled" in change.given:
        sets.append("disabled_reason = NULL, failing_since = NULL")
    connection = session.connection()
    connection.execute(
        text(f"UPDATE serving.webhooks SET {', '.join(sets)}, updated_at = :now WHERE webhook_id = :id"),
        {**{name: change.given[name] for name in names}, "now": now, "id": webhook_id},
    )
    if change.given.get("enabled") or "url" in change.given:
        reopen(session, webhook_id)
    return read(session, user_id, webhook_id)


def reopen(session: Session, webhook_id: str) -> None:
    """Give a receiver that was left alone a new chance at once: its owner says that it is back."""
    session.connection().execute(
        text("DELETE FROM serving.delivery_destinations WHERE topic = :topic AND destination = :id"),
        {"topic": Topic.WEBHOOK.value, "id": webhook_id},
    )


def delete(session: Session, user_id: str, webhook_id: str) -> None:
    """Delete a webhook with its log. What waits for it is given up when its turn comes."""
    read(session, user_id, webhook_id)
    session.connection().execute(text("DELETE FROM serving.webhooks WHERE webhook_id = :id"), {"id": webhook_id})


def rotate(session: Session, vault: Vault, user_id: str, webhook_id: str, now: datetime) -> dict[str, Any]:
    """Make a new secret; the one before signs beside it for a day, so that the receiver can change over in peace."""
    read(session, user_id, webhook_id)
    secret = new_secret()
    session.connection().execute(
        text(
            "UPDATE serving.webhooks SET previous_secret = secret, previous_until = :until, secret = :secret, "
            "updated_at = :now WHERE webhook_id = :id"
        ),
        {
            "until": now + OVERLAP,
            "secret": vault.seal(secret.encode(), SECRET_PURPOSE),
            "now": now,
            "id": webhook_id,
        },
    )
    return {**read(session, user_id, webhook_id), "secret": secret}


def shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A webhook as the API shows it: without its secrets."""
    return {
        "webhook_id": str(row["webhook_id"]),
        **{name: row[name] for name in _CHANGEABLE},
        "disabled_reason": row["disabled_reason"],
        "previous_secret_until": format_instant(row["previous_until"]),
        "failing_since": format_instant(row["failing_since"]),
        "created_at": format_instant(row["created_at"]),
        "updated_at": format_instant(row["updated_at"]),
    }


def missing(webhook_id: str) -> Problem:
    """Make the problem of an id that is not, or not this person's."""
    return Problem("not-found", f"there is no webhook {webhook_id}")


def queue_event(
    session: Session, webhook_id: str, event: Event, *, now: datetime, available_at: datetime | None = None
) -> str:
    """Tell one webhook of an event, once; returns the id of the delivery."""
    queue_events(session, [(webhook_id, event, available_at or now)], now=now)
    return delivery_id_of(webhook_id, event.key)


def queue_events(session: Session, wanted: Sequence[tuple[str, Event, datetime]], *, now: datetime) -> int:
    """Tell webhooks of events, each once.

    Parameters
    ----------
    session : Session
    wanted : sequence of (str, Event, datetime)
        Webhook, event, and the instant before which it must not be sent.
    now : datetime

    Returns
    -------
    int
        How many were new.
    """
    if not wanted:
        return 0
    rows: list[dict[str, Any]] = [
        {
            "delivery_id": delivery_id_of(webhook_id, event.key),
            "webhook_id": webhook_id,
            "event_key": event.key,
            "event_type": event.type.value,
            "body": orjson.dumps(
                {"type": event.type.value, "timestamp": format_instant(event.at), "data": dict(event.data)}
            ).decode(),
            "subject": dict(event.subject),
            "next_at": available_at,
        }
        for webhook_id, event, available_at in wanted
    ]
    made = session.connection().execute(
        text(
            """
            INSERT INTO serving.webhook_deliveries
                (delivery_id, webhook_id, event_key, event_type, body, subject, next_at, created_at)
            SELECT delivery_id, webhook_id, event_key, event_type, body, subject, next_at, :now
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(delivery_id uuid, webhook_id uuid, event_key text,
                event_type text, body text, subject jsonb, next_at timestamptz)
            WHERE EXISTS (SELECT FROM serving.webhooks AS w WHERE w.webhook_id = given.webhook_id)
            ON CONFLICT DO NOTHING RETURNING delivery_id
            """
        ),
        {"rows": orjson.dumps(rows).decode(), "now": now},
    )
    new = {str(row.delivery_id) for row in made}
    messages = [
        Message(row["delivery_id"], {"delivery_id": row["delivery_id"]}, row["webhook_id"], row["next_at"])
        for row in rows
        if row["delivery_id"] in new
    ]
    return enqueue_all(session, Topic.WEBHOOK, messages, now=now)


def delivery_id_of(webhook_id: str, event_key: str) -> str:
    """Id of the delivery of an event to a webhook: the same whoever makes it, and however often."""
    return str(uuid5(NAMESPACE_URL, f"webhook {webhook_id} {event_key}"))

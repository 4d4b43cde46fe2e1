"""What is to be told to the outside, written in the transaction of what it tells of, so that neither is without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

CHANNEL = "cap_outbox"
"""Postgres channel on which workers are woken."""


class Topic(StrEnum):
    """Kinds of senders."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    TELEGRAM = "telegram"
    PUSH = "push"


def enqueue(
    session: Session,
    topic: Topic,
    payload: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
    available_at: datetime | None = None,
    destination: str = "",
) -> bool:
    """Hand a message over, to be sent at least once after the session's commit.

    Parameters
    ----------
    session : Session
    topic : Topic
    payload : mapping
        What the sender needs; whatever JSON can hold, and no secret in the clear.
    key : str
        Unique in the topic: handed over again, it is sent once.
    now : datetime
    available_at : datetime, optional
        Not sent before; at once if not given.
    destination : str
        The queue it stands in: a receiver that is slow or dead delays its own queue only.

    Returns
    -------
    bool
        Whether it is new.
    """
    return bool(enqueue_all(session, topic, [Message(key, payload, destination, available_at)], now=now))


@dataclass(frozen=True)
class Message:
    """One of several messages; see `enqueue` for what its parts are."""

    key: str
    payload: Mapping[str, Any]
    destination: str = ""
    available_at: datetime | None = None


def enqueue_all(session: Session, topic: Topic, messages: Sequence[Message], *, now: datetime) -> int:
    """Hand several messages over in one statement; returns how many are new."""
    rows = [
        {
            "key": message.key,
            "destination": message.destination,
            "payload": dict(message.payload),
            "available_at": message.available_at or now,
        }
        for message in messages
    ]
    if not rows:
        return 0
    connection = session.connection()
    result = connection.execute(
        text(
            "INSERT INTO serving.outbox (topic, key, destination, payload, created_at, available_at, next_at) "
            "SELECT :topic, key, destination, payload, :now, available_at, available_at "
            "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
            "AS given(key text, destination text, payload jsonb, available_at timestamptz) "
            "ON CONFLICT (topic, key) DO NOTHING"
        ),
        {"topic": topic.value, "now": now, "rows": orjson.dumps(rows).decode()},
    )
    if result.rowcount:
        connection.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": CHANNEL, "topic": topic.value})
    return result.rowcount

"""What is to be told to the outside, written in the transaction of what it tells of, so that neither is without the other."""

from __future__ import annotations

from collections.abc import Mapping
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
    connection = session.connection()
    result = connection.execute(
        text(
            "INSERT INTO serving.outbox (topic, key, destination, payload, created_at, available_at, next_at) "
            "VALUES (:topic, :key, :destination, CAST(:payload AS jsonb), :now, :available, :available) "
            "ON CONFLICT (topic, key) DO NOTHING"
        ),
        {
            "topic": topic.value,
            "key": key,
            "destination": destination,
            "payload": orjson.dumps(dict(payload)).decode(),
            "now": now,
            "available": available_at or now,
        },
    )
    if result.rowcount:
        connection.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": CHANNEL, "topic": topic.value})
    return bool(result.rowcount)

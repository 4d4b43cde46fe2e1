"""Webhooks, what was sent to them, and how receivers fare."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column

_CASCADE = "CASCADE"


class DeliveryDestination(SQLModel, table=True):
    """How a receiver fares: one that fails again and again is left alone for a growing while.

    Attributes
    ----------
    topic, destination : str
    failures : int
        In a row.
    closed_until : datetime, optional
        Nothing is sent there before.
    """

    __tablename__: ClassVar[Any] = "delivery_destinations"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    topic: str = column(Text, primary_key=True)
    destination: str = column(Text, primary_key=True)
    failures: int = column(Integer, server_default="0")
    closed_until: datetime | None = column(TIME, nullable=True)


class Webhook(SQLModel, table=True):
    """An address of a person that is told of events.

    Attributes
    ----------
    webhook_id, user_id : str
    url : str
    description : str
    events : list of str
        Types of events.
    markets, timeframes, strategies : list of str, optional
        Only these; none for all.
    direction : int, optional
        Only this one, +1 or -1.
    enabled : bool
    disabled_reason : str, optional
        Why the platform turned it off; none if its owner did.
    secret : bytes
        Sealed.
    previous_secret : bytes, optional
        Sealed; signs beside the new one until ``previous_until``.
    failing_since : datetime, optional
        Of the first failure since the last success.
    created_at, updated_at : datetime
    """

    __tablename__: ClassVar[Any] = "webhooks"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("direction IN (-1, 1)", name="webhooks_direction"),
        Index("webhooks_user", "user_id", "created_at", "webhook_id"),
        {"schema": "serving"},
    )

    webhook_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete=_CASCADE))
    url: str = column(Text)
    description: str = column(Text, server_default="")
    events: list[str] = column(ARRAY(Text))
    markets: list[str] | None = column(ARRAY(Text), nullable=True)
    timeframes: list[str] | None = column(ARRAY(Text), nullable=True)
    strategies: list[str] | None = column(ARRAY(Text), nullable=True)
    direction: int | None = column(Integer, nullable=True)
    enabled: bool = column(Boolean, server_default=true())
    disabled_reason: str | None = column(Text, nullable=True)
    secret: bytes = column(LargeBinary)
    previous_secret: bytes | None = column(LargeBinary, nullable=True)
    previous_until: datetime | None = column(TIME, nullable=True)
    failing_since: datetime | None = column(TIME, nullable=True)
    created_at: datetime = column(TIME)
    updated_at: datetime = column(TIME)


class WebhookDelivery(SQLModel, table=True):
    """One event for one webhook.

    Attributes
    ----------
    delivery_id : str
        The header ``webhook-id`` of every attempt: the receiver tells repetitions by it.
    webhook_id : str
    event_key : str
        Of the event, the same for every webhook; one delivery a webhook.
    event_type : str
    body : str
        JSON as it is sent.
    subject : dict
        What the rights of the owner are checked by when it is sent: market, timeframe, known_at.
    state : str
        ``pending``, ``delivered`` or ``dead``.
    attempts, redeliveries : int
    next_at : datetime, optional
    created_at, finished_at : datetime
    """

    __tablename__: ClassVar[Any] = "webhook_deliveries"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("state IN ('pending', 'delivered', 'dead')", name="webhook_deliveries_state"),
        Index("webhook_deliveries_event", "webhook_id", "event_key", unique=True),
        Index("webhook_deliveries_feed", "webhook_id", "created_at", "delivery_id"),
        Index("webhook_deliveries_created", "created_at"),
        {"schema": "serving"},
    )

    delivery_id: str = column(IDENTIFIER, primary_key=True)
    webhook_id: str = column(IDENTIFIER, ForeignKey("serving.webhooks.webhook_id", ondelete=_CASCADE))
    event_key: str = column(Text)
    event_type: str = column(Text)
    body: str = column(Text)
    subject: dict[str, Any] = column(JSONB)
    state: str = column(Text, server_default="pending")
    attempts: int = column(Integer, server_default="0")
    redeliveries: int = column(Integer, server_default="0")
    next_at: datetime | None = column(TIME, nullable=True)
    created_at: datetime = column(TIME)
    finished_at: datetime | None = column(TIME, nullable=True)


class WebhookAttempt(SQLModel, table=True):
    """One try of a delivery, for its owner to see.

    Attributes
    ----------
    delivery_id : str
    number : int
        1, 2, 3, ...
    at : datetime
    status : int, optional
        Of the reply, if there was one.
    duration_ms : int
    error : str, optional
    response : str
        Beginning of the reply.
    """

    __tablename__: ClassVar[Any] = "webhook_attempts"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    delivery_id: str = column(
        IDENTIFIER, ForeignKey("serving.webhook_deliveries.delivery_id", ondelete=_CASCADE), primary_key=True
    )
    number: int = column(Integer, primary_key=True)
    at: datetime = column(TIME)
    status: int | None = column(Integer, nullable=True)
    duration_ms: int = column(Integer)
    error: str | None = column(Text, nullable=True)
    response: str = column(Text, server_default="")


class FanOutCursor(SQLModel, table=True):
    """Up to where the events were turned into deliveries.

    Attributes
    ----------
    name : str
    position : int
    """

    __tablename__: ClassVar[Any] = "fan_out_cursors"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    name: str = column(Text, primary_key=True)
    position: int = column(BigInteger)

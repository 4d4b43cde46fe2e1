"""Alert rules, what they fired at, and the channels people are told on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column

_USER = "serving.users.user_id"
_RULE = "serving.alert_rules.alert_id"


class FiringState(StrEnum):
    """What became of an event that a rule holds for."""

    QUEUED = "queued"
    """Handed to the channels."""
    HELD = "held"
    """The same, to be told when the quiet hours end."""
    QUIET = "quiet"
    """Dropped: it fell into quiet hours."""
    STALE = "stale"
    """Dropped: it became known here more than a day after it happened."""


class NoticeState(StrEnum):
    """What became of a firing on one channel."""

    QUEUED = "queued"
    SENT = "sent"
    RETRYING = "retrying"
    FAILED = "failed"


class AlertRule(SQLModel, table=True):
    """What somebody wants to be told of.

    Attributes
    ----------
    alert_id, user_id : str
    name : str
    kind : str
        Of the condition.
    condition : dict
        An `api.alerts.rules.Condition`.
    channels : list
        Of `api.alerts.rules.ChannelChoice`.
    quiet_hours : dict, optional
    cooldown_s : int
    expires_at : datetime, optional
    enabled : bool
    active_since : datetime
        Of creation, of the last time it was switched on, or of the last change of its condition: what was known before
        does not count.
    last_known_at : datetime, optional
        When what it last fired at was known; the cooldown counts from it.
    created_at, updated_at : datetime
    """

    __tablename__: ClassVar[Any] = "alert_rules"
    __table_args__: ClassVar[Any] = (Index("alert_rules_user", "user_id", "created_at"), {"schema": "serving"})

    alert_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"))
    name: str = column(Text)
    kind: str = column(Text)
    condition: dict[str, Any] = column(JSONB)
    channels: list[dict[str, Any]] = column(JSONB)
    quiet_hours: dict[str, Any] | None = column(JSONB(none_as_null=True), nullable=True)
    cooldown_s: int = column(Integer, server_default="0")
    expires_at: datetime | None = column(TIME, nullable=True)
    enabled: bool = column(Boolean, server_default=true())
    active_since: datetime = column(TIME)
    last_known_at: datetime | None = column(TIME, nullable=True)
    created_at: datetime = column(TIME)
    updated_at: datetime = column(TIME)


class AlertSubject(SQLModel, table=True):
    """A series an enabled rule looks at: an event finds its rules here without looking at any other.

    Attributes
    ----------
    alert_id : str
    kind : str
    market, timeframe : str
        ``*`` for any.
    level : float, optional
        Price a rule waits for: a bar asks only for the levels it passed.
    """

    __tablename__: ClassVar[Any] = "alert_subjects"
    __table_args__: ClassVar[Any] = (
        Index("alert_subjects_series", "kind", "market", "timeframe", "level"),
        {"schema": "serving"},
    )

    alert_id: str = column(IDENTIFIER, ForeignKey(_RULE, ondelete="CASCADE"), primary_key=True)
    market: str = column(Text, primary_key=True)
    timeframe: str = column(Text, primary_key=True)
    kind: str = column(Text)
    level: float | None = column(Double, nullable=True)


class AlertFiring(SQLModel, table=True):
    """One event that one rule held for; never twice.

    Attributes
    ----------
    firing_id : int
    alert_id : str
    event_key : str
        Names the event, the same however often it is looked at.
    title, body : str
        What was said.
    facts : dict
        The event, for programs.
    state : str
        A `FiringState`.
    kind, market, timeframe : str
        Of the event; empty for a test.
    known_at : datetime
        When the event was known.
    at : datetime
        When it was matched.
    """

    __tablename__: ClassVar[Any] = "alert_firings"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("alert_id", "event_key", name="alert_firings_once"),
        CheckConstraint("state IN ('queued', 'held', 'quiet', 'stale')", name="alert_firings_state"),
        Index("alert_firings_history", "alert_id", "firing_id"),
        {"schema": "serving"},
    )

    firing_id: int | None = column(BigInteger, Identity(always=True), primary_key=True)
    alert_id: str = column(IDENTIFIER, ForeignKey(_RULE, ondelete="CASCADE"))
    event_key: str = column(Text)
    title: str = column(Text)
    body: str = column(Text)
    facts: dict[str, Any] = column(JSONB)
    state: str = column(Text)
    kind: str = column(Text)
    market: str = column(Text)
    timeframe: str = column(Text)
    known_at: datetime = column(TIME)
    at: datetime = column(TIME)


class AlertNotice(SQLModel, table=True):
    """A firing on one channel.

    Attributes
    ----------
    firing_id : int
    channel : str
        Such as ``email`` or ``webhook:<id>``.
    state : str
        A `NoticeState`.
    detail : str
        Why it failed or waits; without secrets.
    updated_at : datetime
    """

    __tablename__: ClassVar[Any] = "alert_notices"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("state IN ('queued', 'sent', 'retrying', 'failed')", name="alert_notices_state"),
        {"schema": "serving"},
    )

    firing_id: int = column(
        BigInteger, ForeignKey("serving.alert_firings.firing_id", ondelete="CASCADE"), primary_key=True
    )
    channel: str = column(Text, primary_key=True)
    state: str = column(Text)
    detail: str = column(Text, server_default="")
    updated_at: datetime = column(TIME)


class AlertCursor(SQLModel, table=True):
    """How far the matcher has read one source.

    Attributes
    ----------
    name : str
        ``signals``, or a kind and a series.
    position : int
        Sequence number, or milliseconds of the last bar.
    close : float, optional
        Close of that bar as it was judged: a bar that is stored anew later changes nothing.
    """

    __tablename__: ClassVar[Any] = "alert_cursors"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    name: str = column(Text, primary_key=True)
    position: int = column(BigInteger)
    close: float | None = column(Double, nullable=True)


class TelegramLink(SQLModel, table=True):
    """The chat a person is told in.

    Attributes
    ----------
    user_id : str
    chat_id : int
    name : str
        Of the chat, for the person to recognize it.
    linked_at : datetime
    """

    __tablename__: ClassVar[Any] = "telegram_links"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"), primary_key=True)
    chat_id: int = column(BigInteger)
    name: str = column(Text, server_default="")
    linked_at: datetime = column(TIME)


class TelegramCode(SQLModel, table=True):
    """A code that links a chat once.

    Attributes
    ----------
    digest : bytes
        SHA-256 of the code: what is stored links nothing.
    user_id : str
    expires_at : datetime
    """

    __tablename__: ClassVar[Any] = "telegram_codes"
    __table_args__: ClassVar[Any] = (Index("telegram_codes_user", "user_id"), {"schema": "serving"})

    digest: bytes = column(LargeBinary, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"))
    expires_at: datetime = column(TIME)


class PushSubscription(SQLModel, table=True):
    """A browser that takes Web Push messages.

    Attributes
    ----------
    subscription_id, user_id : str
    endpoint_digest : bytes
        SHA-256 of the endpoint: a browser that subscribes again is the same one.
    sealed : bytes
        Endpoint and keys: whoever has them can write to the browser.
    label : str
        For the person to recognize it.
    created_at : datetime
    """

    __tablename__: ClassVar[Any] = "push_subscriptions"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("endpoint_digest", name="push_subscriptions_endpoint"),
        Index("push_subscriptions_user", "user_id"),
        {"schema": "serving"},
    )

    subscription_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"))
    endpoint_digest: bytes = column(LargeBinary)
    sealed: bytes = column(LargeBinary)
    label: str = column(Text, server_default=text("''"))
    created_at: datetime = column(TIME)

"""What makes writes safe to repeat, to tell others of, and to account for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class OutboxMessage(SQLModel, table=True):
    """Something to tell the outside, written in the transaction of what it tells of.

    Attributes
    ----------
    outbox_id : int
    topic : str
        Which kind of sender takes it.
    key : str
        Unique in its topic: what is enqueued twice is sent once.
    payload : dict
    created_at, available_at : datetime
        It is not sent before ``available_at``.
    destination : str
        The queue it stands in.
    state : str
        ``pending``, ``done`` or ``dead``. What is done keeps its key for a while, and no payload.
    attempts : int
        How often it was claimed.
    next_at : datetime
        When it may be claimed: the next attempt's time, or the end of the present claim.
    claim : str, optional
        Of the claim that may settle it.
    last_error : str, optional
    finished_at : datetime, optional
    """

    __tablename__: ClassVar[Any] = "outbox"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("topic", "key", name="outbox_topic_key"),
        CheckConstraint("state IN ('pending', 'done', 'dead')", name="outbox_state"),
        Index("outbox_due", "topic", "destination", "next_at", postgresql_where=text("state = 'pending'")),
        Index("outbox_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        {"schema": "serving"},
    )

    outbox_id: int | None = column(BigInteger, Identity(always=True), primary_key=True)
    topic: str = column(Text)
    key: str = column(Text)
    payload: dict[str, Any] = column(JSONB)
    created_at: datetime = column(TIME)
    available_at: datetime = column(TIME)
    destination: str = column(Text, server_default="")
    state: str = column(Text, server_default="pending")
    attempts: int = column(Integer, server_default="0")
    next_at: datetime = column(TIME)
    claim: str | None = column(IDENTIFIER, nullable=True)
    last_error: str | None = column(Text, nullable=True)
    finished_at: datetime | None = column(TIME, nullable=True)


class AuditRecord(SQLModel, table=True):
    """Who did what to whom. The database refuses to change or delete a record.

    Attributes
    ----------
    sequence : int
        1, 2, 3, ... without holes.
    at : datetime
    actor_id, impersonator_id : str, optional
        Not foreign keys: a record outlives the account.
    means : str
        How the actor proved himself.
    action, target : str
        Such as ``session.revoked`` and ``user:<id>``.
    details : dict
        Never a secret.
    address, request_id : str
    digest : bytes
        SHA-256 of the record before and of this one's content: a record that is altered or taken out breaks the chain.
    """

    __tablename__: ClassVar[Any] = "audit_log"
    __table_args__: ClassVar[Any] = (
        Index("audit_log_target", "target", "sequence"),
        Index("audit_log_actor", "actor_id", "sequence"),
        {"schema": "serving"},
    )

    sequence: int = column(BigInteger, primary_key=True, autoincrement=False)
    at: datetime = column(TIME)
    actor_id: str | None = column(IDENTIFIER, nullable=True)
    impersonator_id: str | None = column(IDENTIFIER, nullable=True)
    means: str = column(Text)
    action: str = column(Text)
    target: str = column(Text)
    details: dict[str, Any] = column(JSONB)
    address: str = column(Text)
    request_id: str = column(Text)
    digest: bytes = column(LargeBinary)


class IdempotencyKey(SQLModel, table=True):
    """The answer to a request that may come again.

    Attributes
    ----------
    owner, key : str
        Who asked, and the key he gave.
    request_digest : bytes
        SHA-256 of method, path and body: the same key for something else is refused.
    answer : bytes
        Sealed: it may hold a secret that is shown once.
    created_at : datetime
    """

    __tablename__: ClassVar[Any] = "idempotency_keys"
    __table_args__: ClassVar[Any] = (Index("idempotency_keys_created", "created_at"), {"schema": "serving"})

    owner: str = column(Text, primary_key=True)
    key: str = column(Text, primary_key=True)
    request_digest: bytes = column(LargeBinary)
    answer: bytes = column(LargeBinary)
    created_at: datetime = column(TIME)

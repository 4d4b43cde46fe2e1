"""All that happens to published signals, numbered in the order in which it became visible. The database writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, func, text
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class SignalEvent(SQLModel, table=True):
    """A signal was published, an outcome of one, or one was taken down.

    Triggers write a row in the transaction of what it tells of, one transaction after the other. So ``sequence`` grows in
    the order in which rows become visible, without holes: a reader who goes on from the last one he has seen misses nothing.

    Attributes
    ----------
    sequence : int
        1, 2, 3, ...
    kind : str
        ``signal``, ``outcome`` or ``takedown``.
    signal_id : str
    outcome : str, optional
        Which outcome of the signal.
    reason : str, optional
        Why it was taken down.
    known_at : datetime
        When it was known, UTC: the close of its bar; of a takedown the instant of its signal, so that nobody learns of a
        takedown before the signal.
    recorded_at : datetime
        Server time, UTC.
    """

    __tablename__: ClassVar[Any] = "signal_events"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("kind IN ('signal', 'outcome', 'takedown')", name="signal_events_kind"),
        CheckConstraint("(kind = 'outcome') = (outcome IS NOT NULL)", name="signal_events_outcome"),
        Index("signal_events_known", "known_at", "sequence"),
        Index("signal_events_takedowns", "signal_id", "sequence", postgresql_where=text("kind = 'takedown'")),
        {"schema": "serving"},
    )

    sequence: int = column(BigInteger, primary_key=True, autoincrement=False)
    kind: str = column(Text)
    signal_id: str = column(IDENTIFIER, ForeignKey("serving.published_signals.signal_id"))
    outcome: str | None = column(Text, nullable=True)
    reason: str | None = column(Text, nullable=True)
    known_at: datetime = column(TIME)
    recorded_at: datetime | None = column(TIME, server_default=func.now())


class StreamTicket(SQLModel, table=True):
    """A right to open one stream, used up by opening it.

    Attributes
    ----------
    digest : bytes
        SHA-256 of the ticket.
    user_id, session_id : str
    expires_at : datetime
    """

    __tablename__: ClassVar[Any] = "stream_tickets"
    __table_args__: ClassVar[Any] = (Index("stream_tickets_expiry", "expires_at"), {"schema": "serving"})

    digest: bytes = column(LargeBinary, primary_key=True)
    user_id: str = column(IDENTIFIER)
    session_id: str = column(IDENTIFIER, ForeignKey("serving.sessions.session_id", ondelete="CASCADE"))
    expires_at: datetime = column(TIME)

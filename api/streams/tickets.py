"""Tickets: how a browser, which cannot set headers on a WebSocket, opens a stream without a token in an address.

A ticket is good once, for half a minute, and for streams only.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from api.dependencies import Context
from api.security.principal import Principal, find_by_session, unauthenticated

LIFETIME = timedelta(seconds=30)


@dataclass(frozen=True)
class Ticket:
    """A ticket as its owner gets it."""

    value: str
    expires_at: datetime


def issue(session: Session, who: Principal, now: datetime) -> Ticket:
    """Make a ticket for somebody's session."""
    ticket = Ticket(secrets.token_urlsafe(32), now + LIFETIME)
    connection = session.connection()
    connection.execute(text("DELETE FROM serving.stream_tickets WHERE expires_at <= :now"), {"now": now})
    connection.execute(
        text(
            "INSERT INTO serving.stream_tickets (digest, user_id, session_id, expires_at) "
            "VALUES (:digest, :user, :session, :expires)"
        ),
        {
            "digest": _digest(ticket.value),
            "user": who.person,
            "session": who.session_id,
            "expires": ticket.expires_at,
        },
    )
    return ticket


def redeem(context: Context, session: Session, value: str) -> Principal:
    """Find whose ticket it is, and use it up.

    Raises
    ------
    Problem
        ``unauthenticated`` if it is unknown, used or too old, or if the session has ended meanwhile.
    """
    now = context.clock()
    row = (
        session.connection()
        .execute(
            text("DELETE FROM serving.stream_tickets WHERE digest = :digest RETURNING user_id, session_id, expires_at"),
            {"digest": _digest(value)},
        )
        .one_or_none()
    )
    if row is None or row.expires_at <= now:
        raise unauthenticated("the ticket is used, or too old; get a new one")
    return find_by_session(context, session, str(row.user_id), str(row.session_id))


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()

"""Tokens that are good once and for a time: 256 random bits, of which only the digest is kept.

Whoever uses a token finds it, holds the account it is for, and then uses it: in this order no two wait for one another.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlmodel import Session

from api.problems import Problem

_BYTES = 32


class Purpose(StrEnum):
    """What a token proves or brings into force."""

    VERIFY_EMAIL = "verify_email"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a purpose
    SIGN_IN = "sign_in"
    EMAIL_CHANGE = "email_change"


LIFETIMES = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.PASSWORD_RESET: timedelta(hours=1),
    Purpose.SIGN_IN: timedelta(minutes=5),
    Purpose.EMAIL_CHANGE: timedelta(hours=24),
}


@dataclass(frozen=True)
class Issued:
    """A new token, in the clear this once."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Held:
    """What a good token stands for."""

    digest: bytes
    user_id: str
    value: str | None


def digest_of(token: str) -> bytes:
    """Digest under which a random token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def new_token() -> str:
    """Make 256 random bits that survive being put into a link."""
    return secrets.token_urlsafe(_BYTES)


def issue(session: Session, purpose: Purpose, user_id: str, now: datetime, *, value: str | None = None) -> Issued:
    """Make a token.

    Parameters
    ----------
    session : Session
    purpose : Purpose
    user_id : str
    now : datetime
    value : str, optional
        What it brings into force.
    """
    made = Issued(new_token(), now + LIFETIMES[purpose])
    session.connection().execute(
        text(
            "INSERT INTO serving.one_time_tokens (token_digest, purpose, user_id, value, created_at, expires_at) "
            "VALUES (:digest, :purpose, :user, :value, :now, :expires)"
        ),
        {
            "digest": digest_of(made.token),
            "purpose": purpose.value,
            "user": user_id,
            "value": value,
            "now": now,
            "expires": made.expires_at,
        },
    )
    return made


def find_or_none(session: Session, purpose: Purpose, token: str, now: datetime) -> Held | None:
    """Find a good token; None for any other."""
    row = (
        session.connection()
        .execute(
            text(
                "SELECT user_id, value FROM serving.one_time_tokens "
                "WHERE token_digest = :digest AND purpose = :purpose AND expires_at > :now"
            ),
            {"digest": digest_of(token), "purpose": purpose.value, "now": now},
        )
        .one_or_none()
    )
    return None if row is None else Held(digest_of(token), str(row.user_id), row.value)


def find(session: Session, purpose: Purpose, token: str, now: datetime) -> Held:
    """Find a good token.

    Raises
    ------
    Problem
        ``invalid-token`` if it is unknown, used, expired or for something else; all look the same.
    """
    held = find_or_none(session, purpose, token, now)
    if held is None:
        raise _bad()
    return held


def use(session: Session, held: Held) -> None:
    """Make sure that a token is not good again.

    Raises
    ------
    Problem
        ``invalid-token`` if another request has used it meanwhile.
    """
    result = session.connection().execute(
        text("DELETE FROM serving.one_time_tokens WHERE token_digest = :digest"), {"digest": held.digest}
    )
    if not result.rowcount:
        raise _bad()


def void(session: Session, user_id: str, *purposes: Purpose) -> None:
    """Make every token of a person worthless, or those for some purposes."""
    session.connection().execute(
        text("DELETE FROM serving.one_time_tokens WHERE user_id = :user AND purpose = ANY(:purposes)"),
        {"user": user_id, "purposes": [purpose.value for purpose in purposes or tuple(Purpose)]},
    )


def _bad() -> Problem:
    return Problem("invalid-token", "the token is wrong, was used, or has expired; ask for a new one")

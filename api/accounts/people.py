"""The accounts as signing in sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session

_COLUMNS = "user_id, email, password_hash, status, email_verified_at, locale"


@dataclass(frozen=True)
class Account:
    """An account."""

    user_id: str
    email: str
    password_hash: str | None
    active: bool
    verified: bool
    locale: str

    @property
    def may_sign_in(self) -> bool:
        """Whether anybody can sign in to it."""
        return self.active and self.verified


def by_email(session: Session, email: str, *, hold: bool = False) -> Account | None:
    """Find an account by its address, in whatever case; ``hold`` it until the transaction ends."""
    return _one(session, f"lower(email) = lower(:value){_suffix(hold)}", email)


def by_id(session: Session, user_id: str, *, hold: bool = False) -> Account | None:
    """Find an account by its id; ``hold`` it until the transaction ends."""
    return _one(session, f"user_id = :value{_suffix(hold)}", user_id)


def set_password(session: Session, user_id: str, password_hash: str) -> None:
    """Set the password of an account."""
    session.connection().execute(
        text("UPDATE serving.users SET password_hash = :hash, version = version + 1 WHERE user_id = :user"),
        {"hash": password_hash, "user": user_id},
    )


def replace_password(session: Session, user_id: str, old: str, new: str) -> None:
    """Replace a hash by another one of the same password, unless the password was changed meanwhile."""
    session.connection().execute(
        text("UPDATE serving.users SET password_hash = :new WHERE user_id = :user AND password_hash = :old"),
        {"new": new, "old": old, "user": user_id},
    )


def set_verified(session: Session, user_id: str, now: datetime) -> None:
    """Note that the mailbox is the person's."""
    session.connection().execute(
        text(
            "UPDATE serving.users SET email_verified_at = coalesce(email_verified_at, :now), version = version + 1 "
            "WHERE user_id = :user"
        ),
        {"now": now, "user": user_id},
    )


def _suffix(hold: bool) -> str:
    return " FOR UPDATE" if hold else ""


def _one(session: Session, where: str, value: str) -> Account | None:
    row = (
        session.connection()
        .execute(text(f"SELECT {_COLUMNS} FROM serving.users WHERE {where}"), {"value": value})
        .one_or_none()
    )
    return None if row is None else _account(row)


def _account(row: Row[Any]) -> Account:
    return Account(
        str(row.user_id),
        row.email,
        row.password_hash,
        row.status == "active",
        row.email_verified_at is not None,
        row.locale,
    )

"""API keys as their owners handle them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.problems import Problem
from api.security import api_keys
from api.security.principal import Scope
from api.times import format_instant

_SHOWN = (
    "key_id::text, name, prefix, scopes, allowed_networks, created_at, expires_at, revoked_at, retires_at, "
    "successor_id::text, last_used_at, last_used_address"
)
_TIMES = ("created_at", "expires_at", "revoked_at", "retires_at", "last_used_at")


@dataclass(frozen=True)
class KeySettings:
    """What the owner of a key sets."""

    name: str
    scopes: Sequence[Scope]
    allowed_networks: Sequence[str]
    expires_at: datetime | None


def read_all(session: Session, user_id: str, now: datetime) -> list[dict[str, Any]]:
    """Read a person's keys, newest first, also those that are no longer good."""
    rows = session.connection().execute(
        text(f"SELECT {_SHOWN} FROM serving.api_keys WHERE user_id = :user ORDER BY created_at DESC, key_id"),
        {"user": user_id},
    )
    return [_shown(row, now) for row in rows.mappings()]


def read(session: Session, user_id: str, key_id: str, now: datetime) -> dict[str, Any]:
    """Read one key of a person; raises ``not-found`` for any other."""
    row = (
        session.connection()
        .execute(
            text(f"SELECT {_SHOWN} FROM serving.api_keys WHERE key_id = :key AND user_id = :user"),
            {"key": key_id, "user": user_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise _unknown(key_id)
    return _shown(row, now)


def create(session: Session, user_id: str, settings: KeySettings, most: int, now: datetime) -> dict[str, Any]:
    """Make a key; the answer is the only one that holds it.

    Raises
    ------
    Problem
        ``plan-limit`` if the person has as many as his plan allows.
    """
    connection = session.connection()
    # Two requests at once must not both find the last free place.
    connection.execute(text("SELECT 1 FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    standing = connection.execute(
        text(
            "SELECT count(*) FROM serving.api_keys WHERE user_id = :user AND revoked_at IS NULL AND retires_at IS NULL "
            "AND (expires_at IS NULL OR expires_at > :now)"
        ),
        {"user": user_id, "now": now},
    ).scalar_one()
    if standing >= most:
        raise Problem("plan-limit", f"the plan allows {most} API keys; delete one that is no longer used")
    return _insert(session, user_id, settings, now)


def update(session: Session, user_id: str, key_id: str, changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Change the name or the networks of a key."""
    known = {name: changes[name] for name in ("name", "allowed_networks") if name in changes}
    if known:
        assignments = ", ".join(f"{name} = :{name}" for name in known)
        session.connection().execute(
            text(f"UPDATE serving.api_keys SET {assignments} WHERE key_id = :key AND user_id = :user"),
            {**known, "key": key_id, "user": user_id},
        )
    return read(session, user_id, key_id, now)


def revoke(session: Session, user_id: str, key_id: str, now: datetime) -> bool:
    """End a key at once. Returns whether it was not ended before."""
    read(session, user_id, key_id, now)
    result = session.connection().execute(
        text("UPDATE serving.api_keys SET revoked_at = :now WHERE key_id = :key AND revoked_at IS NULL"),
        {"now": now, "key": key_id},
    )
    return bool(result.rowcount)


def rotate(session: Session, user_id: str, key_id: str, overlap: timedelta, now: datetime) -> dict[str, Any]:
    """Make a successor of a key; the old one stays good for a while.

    Raises
    ------
    Problem
        ``conflict`` if the key is no longer good, has a successor, or is still beside the one it replaced.
    """
    row = (
        session.connection()
        .execute(
            text(
                "SELECT name, scopes, allowed_networks, expires_at, revoked_at, retires_at FROM serving.api_keys "
                "WHERE key_id = :key AND user_id = :user FOR UPDATE"
            ),
            {"key": key_id, "user": user_id},
        )
        .one_or_none()
    )
    if row is None:
        raise _unknown(key_id)
    ended = row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)
    if ended or row.retires_at is not None:
        raise Problem("conflict", "this key has ended or was rotated before; make a new one, or rotate its successor")
    beside = session.connection().execute(
        text(
            "SELECT key_id::text FROM serving.api_keys "
            "WHERE successor_id = :key AND revoked_at IS NULL AND retires_at > :now AND (expires_at IS NULL OR expires_at > :now)"
        ),
        {"key": key_id, "now": now},
    )
    predecessor = beside.scalar_one_or_none()
    if predecessor is not None:
        # Retiring keys do not count towards the plan: a chain of rotations would make any number of good ones.
        raise Problem("conflict", f"the key it replaced, {predecessor}, is still good; revoke that one first")
    settings = KeySettings(row.name, [Scope(one) for one in row.scopes], row.allowed_networks, row.expires_at)
    made = _insert(session, user_id, settings, now)
    session.connection().execute(
        text("UPDATE serving.api_keys SET retires_at = :end, successor_id = :successor WHERE key_id = :key"),
        {"end": now + overlap, "successor": made["key_id"], "key": key_id},
    )
    return made


def _insert(session: Session, user_id: str, settings: KeySettings, now: datetime) -> dict[str, Any]:
    made, key_id = api_keys.make(), str(uuid.uuid4())
    session.connection().execute(
        text(
            "INSERT INTO serving.api_keys (key_id, user_id, name, prefix, digest, scopes, allowed_networks, created_at, "
            "expires_at) VALUES (:key, :user, :name, :prefix, :digest, :scopes, :networks, :now, :expires)"
        ),
        {
            "key": key_id,
            "user": user_id,
            "name": settings.name,
            "prefix": made.prefix,
            "digest": made.digest,
            "scopes": sorted({scope.value for scope in settings.scopes}),
            "networks": list(settings.allowed_networks),
            "now": now,
            "expires": settings.expires_at,
        },
    )
    return {**read(session, user_id, key_id, now), "key": made.text}


def _shown(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    if row["revoked_at"] is not None:
        status = "revoked"
    elif any(row[end] is not None and row[end] <= now for end in ("expires_at", "retires_at")):
        status = "ended"
    else:
        status = "retiring" if row["retires_at"] is not None else "good"
    shown = {name: value for name, value in row.items() if name not in _TIMES}
    times = {name: None if row[name] is None else format_instant(row[name]) for name in _TIMES}
    return {**shown, "prefix": f"{api_keys.PREFIX}{row['prefix']}", "status": status, **times}


def _unknown(key_id: str) -> Problem:
    return Problem("not-found", f"you have no API key {key_id}")

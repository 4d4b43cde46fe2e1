"""People, as administrators find, lock and help them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from api.accounts import second_factor, sessions
from api.accounts.guessing import Kind, Subject, forget
from api.admin.acting import Deed
from api.billing import administration as billing
from api.pagination import Cursors
from api.problems import Problem
from api.security.principal import Role
from api.times import EARLIEST, format_instant

IMPERSONATION = timedelta(minutes=15)
_MICROSECOND = timedelta(microseconds=1)

_USERS = """
SELECT u.user_id::text, u.email, u.role, u.status, u.display_name, u.email_verified_at, u.created_at,
    (SELECT max(s.last_seen_at) FROM serving.sessions AS s WHERE s.user_id = u.user_id) AS last_seen_at,
    EXISTS (SELECT FROM serving.second_factors AS f WHERE f.user_id = u.user_id AND f.confirmed_at IS NOT NULL)
        AS second_factor
FROM serving.users AS u
"""
_TIMES = ("email_verified_at", "created_at", "last_seen_at")


def read_page(
    deed: Deed, query: str | None, role: str | None, status: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Read one page of people, the newest first; ``query`` is part of an address or a whole id."""
    cursors = Cursors("admin users", [query, role, status], (int, str))
    clauses = ["u.status <> 'deleted'"] if status is None else ["u.status = :status"]
    parameters: dict[str, Any] = {"page": limit + 1, "status": status, "role": role}
    if role is not None:
        clauses.append("u.role = :role")
    if query is not None:
        clauses.append("(u.user_id::text = :whole OR u.email ILIKE :part)")
        escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parameters |= {"whole": query.lower(), "part": f"%{escaped}%"}
    key = cursors.read(cursor)
    if key is not None:
        clauses.append("(u.created_at, u.user_id::text) < (:before, :before_id)")
        parameters |= {"before": EARLIEST + int(key[0]) * _MICROSECOND, "before_id": key[1]}
    rows = (
        deed.session.connection()
        .execute(
            text(
                f"{_USERS} WHERE {' AND '.join(clauses)} ORDER BY u.created_at DESC, u.user_id::text DESC LIMIT :page"
            ),
            {name: value for name, value in parameters.items() if f":{name}" in " ".join([*clauses, ":page"])},
        )
        .mappings()
        .all()
    )
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        following = cursors.write(((page[-1]["created_at"] - EARLIEST) // _MICROSECOND, page[-1]["user_id"]))
    return {"items": [_shown(row) for row in page], "next_cursor": following}


def read(deed: Deed, user_id: str) -> dict[str, Any]:
    """Read one person with subscriptions and grants; that it was read is recorded."""
    row = _row(deed, user_id)
    deed.record("user_viewed", f"user:{user_id}")
    return {
        **_shown(row),
        "subscriptions": billing.subscriptions_of(deed.session, user_id),
        "grants": billing.grants_of(deed.session, user_id),
    }


def lock(deed: Deed, user_id: str, reason: str) -> dict[str, Any]:
    """Keep a person out, at once and from everywhere."""
    _not_oneself(deed, user_id, "lock yourself out")
    _keep_an_administrator(deed, user_id)
    _update(deed, user_id, "status = 'locked'", "status = 'active'")
    sessions.revoke_all(deed.session, user_id, deed.now)
    deed.record("user_locked", f"user:{user_id}", reason=reason)
    return _shown(_row(deed, user_id))


def unlock(deed: Deed, user_id: str, reason: str) -> dict[str, Any]:
    """Let a locked person in again, also one whose password was guessed at too often."""
    email: str = _row(deed, user_id)["email"]
    _update(deed, user_id, "status = 'active'", "status = 'locked'")
    forget(deed.session, Subject.of(deed.context.vault, Kind.ACCOUNT, email))
    deed.record("user_unlocked", f"user:{user_id}", reason=reason)
    return _shown(_row(deed, user_id))


def sign_out(deed: Deed, user_id: str, reason: str) -> int:
    """End all sessions of a person; returns how many."""
    _row(deed, user_id)
    ended = sessions.revoke_all(deed.session, user_id, deed.now)
    deed.record("user_signed_out", f"user:{user_id}", reason=reason, sessions=ended)
    return ended


def reset_second_factor(deed: Deed, user_id: str, reason: str) -> None:
    """Take a lost second factor away and end all sessions; the password is still needed."""
    _not_oneself(deed, user_id, "take your own second factor away")
    _row(deed, user_id)
    second_factor.remove(deed.session, user_id)
    sessions.revoke_all(deed.session, user_id, deed.now)
    deed.record("second_factor_reset", f"user:{user_id}", reason=reason)


def set_role(deed: Deed, user_id: str, role: Role, reason: str) -> dict[str, Any]:
    """Make a person an administrator, or no longer one. Never oneself."""
    _not_oneself(deed, user_id, "change your own role")
    if role is not Role.ADMIN:
        _keep_an_administrator(deed, user_id)
    before: str = _row(deed, user_id)["role"]
    _update(deed, user_id, "role = :value", "true", value=role.value)
    if before != role:
        # What a session was opened for must not grow or last under it.
        sessions.revoke_all(deed.session, user_id, deed.now)
    deed.record("role_changed", f"user:{user_id}", reason=reason, before=before, after=role.value)
    return _shown(_row(deed, user_id))


def impersonate(deed: Deed, user_id: str, reason: str) -> dict[str, Any]:
    """Open a short session that sees what a person sees and can change nothing."""
    row = _row(deed, user_id)
    if row["role"] == Role.ADMIN or row["status"] != "active":
        raise Problem("conflict", "only active accounts that are no administrators' can be looked through")
    session_id, ends = str(uuid.uuid4()), deed.now + IMPERSONATION
    deed.session.connection().execute(
        text(
            "INSERT INTO serving.sessions (session_id, user_id, created_at, last_seen_at, expires_at, second_factor, "
            "impersonator_id, device, address) VALUES (:session, :user, :now, :now, :ends, false, :by, :device, :address)"
        ),
        {
            "session": session_id,
            "user": user_id,
            "now": deed.now,
            "ends": ends,
            "by": deed.administrator,
            "device": "support",
            "address": deed.actor.address,
        },
    )
    deed.record("impersonation_begun", f"user:{user_id}", reason=reason, session=session_id)
    token = deed.context.tokens.issue(user_id, session_id, deed.now)
    return {"access_token": token, "session_id": session_id, "expires_at": format_instant(ends)}


def end_impersonation(deed: Deed, session_id: str) -> None:
    """End such a session."""
    result = deed.session.connection().execute(
        text(
            "UPDATE serving.sessions SET revoked_at = :now "
            "WHERE session_id = :session AND impersonator_id IS NOT NULL AND revoked_at IS NULL"
        ),
        {"now": deed.now, "session": session_id},
    )
    if not result.rowcount:
        raise Problem("not-found", f"nobody looks through a session {session_id}")
    deed.record("impersonation_ended", f"session:{session_id}")


def _row(deed: Deed, user_id: str) -> Mapping[Any, Any]:
    row = (
        deed.session.connection()
        .execute(text(f"{_USERS} WHERE u.user_id = :user"), {"user": user_id})
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise Problem("not-found", f"there is no user {user_id}")
    return row


def _update(deed: Deed, user_id: str, change: str, condition: str, **values: Any) -> None:
    result = deed.session.connection().execute(
        text(f"UPDATE serving.users SET {change}, version = version + 1 WHERE user_id = :user AND {condition}"),
        {"user": user_id, **values},
    )
    if not result.rowcount:
        _row(deed, user_id)


def _keep_an_administrator(deed: Deed, user_id: str) -> None:
    """Refuse what would leave nobody in charge; waits for others who are changing administrators."""
    standing = deed.session.connection().execute(
        text(
            "SELECT user_id::text FROM serving.users WHERE role = 'admin' AND status = 'active' ORDER BY user_id FOR UPDATE"
        )
    )
    if list(standing.scalars()) == [user_id]:
        raise Problem("conflict", "this is the last administrator; make somebody else one first")


def _not_oneself(deed: Deed, user_id: str, what: str) -> None:
    if user_id == deed.administrator:
        raise Problem("conflict", f"you cannot {what}; another administrator can")


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    moments: dict[str, datetime | None] = {name: row[name] for name in _TIMES}
    return {**row, **{name: value and format_instant(value) for name, value in moments.items()}}

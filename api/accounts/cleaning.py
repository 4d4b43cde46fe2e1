"""Taking away what has expired; the worker calls it now and then."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from api.accounts.guessing import FORGOTTEN_AFTER
from api.dependencies import Context

_UNCONFIRMED = timedelta(days=7)
_ENDED = timedelta(days=30)
_BEGUN = timedelta(hours=1)
_AT_ONCE = 5_000

# An expired confirmation is kept as long as its account may still be opened: a new mail brings its password again.
_STATEMENTS = {
    "users": (
        "email_verified_at IS NULL AND password_hash IS NULL AND created_at < :unconfirmed "
        "AND NOT EXISTS (SELECT FROM serving.sessions AS s WHERE s.user_id = t.user_id)"
    ),
    "one_time_tokens": ("expires_at < :now AND (purpose <> 'verify_email' OR expires_at < :unconfirmed)"),
    "refresh_tokens": "expires_at < :now",
    "sessions": "expires_at < :ended OR revoked_at < :ended",
    "second_factors": "confirmed_at IS NULL AND created_at < :begun",
    "guess_counts": "since < :forgotten AND blocked_until < :now",
}


def tidy(context: Context, session: Session) -> bool:
    """Do it as a duty of the worker; returns whether there may be more."""
    return any(deleted >= _AT_ONCE for deleted in clean(session, context.clock()).values())


def clean(session: Session, now: datetime) -> dict[str, int]:
    """Delete what has expired, some thousands of rows a table at most; returns how many of each were deleted.

    Sessions that have ended stay a month for their owner to look at; accounts never confirmed go after a week.
    """
    instants = {
        "now": now,
        "unconfirmed": now - _UNCONFIRMED,
        "ended": now - _ENDED,
        "begun": now - _BEGUN,
        "forgotten": now - FORGOTTEN_AFTER,
        "most": _AT_ONCE,
    }
    deleted: dict[str, int] = {}
    for table, condition in _STATEMENTS.items():
        statement = text(
            f"DELETE FROM serving.{table} WHERE ctid = ANY(ARRAY("
            f"SELECT t.ctid FROM serving.{table} AS t WHERE {condition} LIMIT :most FOR UPDATE SKIP LOCKED))"
        )
        wanted = {name: value for name, value in instants.items() if f":{name}" in statement.text}
        deleted[table] = session.connection().execute(statement, wanted).rowcount
    return deleted

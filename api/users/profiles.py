"""What a person tells of himself, with protection against two devices overwriting one another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.entitlements import Entitlements
from api.problems import Problem
from api.security.principal import Principal
from api.times import format_instant
from api.versions import check_version

_CHANGEABLE = ("display_name", "time_zone", "locale", "preferences")

_PROFILE = text(
    "SELECT u.user_id::text, u.email, u.role, u.email_verified_at, u.display_name, u.time_zone, u.locale, u.preferences, "
    "u.version, u.created_at, d.due_at AS deletes_at FROM serving.users AS u "
    "LEFT JOIN serving.account_deletions AS d USING (user_id) WHERE u.user_id = :user"
)


def read(session: Session, who: Principal) -> dict[str, Any]:
    """Read the profile of the caller."""
    row = session.connection().execute(_PROFILE, {"user": who.person}).mappings().one()
    times = {
        name: row[name] and format_instant(row[name]) for name in ("email_verified_at", "created_at", "deletes_at")
    }
    return {
        **row,
        **times,
        "plan": plan_of(who.entitlements),
        "second_factor_shown": who.second_factor,
        "impersonated_by": who.impersonator_id,
    }


def plan_of(entitlements: Entitlements) -> dict[str, Any]:
    """Show what a person's plan entitles him to."""
    history = entitlements.history
    return {
        "plan": entitlements.plan,
        "markets": entitlements.markets,
        "timeframes": entitlements.timeframes,
        "signal_delay_s": entitlements.signal_delay.total_seconds(),
        "history_days": None if history is None else history.total_seconds() / 86_400,
        "streams": entitlements.streams,
        "alerts": entitlements.alerts,
        "webhooks": entitlements.webhooks,
        "api_keys": entitlements.api_keys,
        "requests_per_minute": entitlements.requests_per_minute,
        "burst": entitlements.burst,
        "backtests": entitlements.backtests,
        "export": entitlements.export,
    }


def update(
    session: Session, who: Principal, changes: Mapping[str, Any], expected_version: int | None
) -> dict[str, Any]:
    """Change what is given of the profile.

    Parameters
    ----------
    session : Session
    who : Principal
    changes : mapping
        Of display name, time zone, locale and preferences.
    expected_version : int, optional
        Nothing is changed if the profile has another version.

    Raises
    ------
    Problem
        ``precondition-failed`` if somebody else changed it meanwhile.
    """
    connection = session.connection()
    known = connection.execute(
        text("SELECT version FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": who.person}
    ).scalar_one()
    check_version(known, expected_version)
    given = {name: changes[name] for name in _CHANGEABLE if name in changes}
    if given:
        if "preferences" in given:
            given["preferences"] = orjson.dumps(given["preferences"]).decode()
        assignments = ", ".join(
            f"{name} = CAST(:{name} AS jsonb)" if name == "preferences" else f"{name} = :{name}" for name in given
        )
        connection.execute(
            text(f"UPDATE serving.users SET {assignments}, version = version + 1 WHERE user_id = :user"),
            {**given, "user": who.person},
        )
    return read(session, who)


def read_sessions(session: Session, who: Principal, now: datetime) -> list[dict[str, Any]]:
    """Read the sessions a person is signed in by, the last used first."""
    rows = session.connection().execute(
        text(
            "SELECT session_id::text, device, address, second_factor, impersonator_id IS NOT NULL AS by_support, "
            "created_at, last_seen_at, expires_at FROM serving.sessions "
            "WHERE user_id = :user AND revoked_at IS NULL AND expires_at > :now ORDER BY last_seen_at DESC, session_id"
        ),
        {"user": who.person, "now": now},
    )
    return [
        {
            **row,
            **{name: format_instant(row[name]) for name in ("created_at", "last_seen_at", "expires_at")},
            "current": row["session_id"] == who.session_id,
        }
        for row in rows.mappings()
    ]


def end_session(session: Session, who: Principal, session_id: str, now: datetime) -> None:
    """End one session of a person.

    Raises
    ------
    Problem
        ``not-found`` if he has none of this id.
    """
    result = session.connection().execute(
        text(
            "UPDATE serving.sessions SET revoked_at = :now "
            "WHERE session_id = :session AND user_id = :user AND revoked_at IS NULL"
        ),
        {"now": now, "session": session_id, "user": who.person},
    )
    if not result.rowcount:
        raise Problem("not-found", f"you are not signed in by a session {session_id}")

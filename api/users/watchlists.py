"""Watchlists: markets in the order a person wants them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.problems import Problem
from api.times import format_instant
from api.versions import check_version

MOST_LISTS = 50
MOST_MARKETS = 200
_COLUMNS = "watchlist_id::text, name, markets, version, created_at"


def read_all(session: Session, user_id: str) -> list[dict[str, Any]]:
    """Read a person's lists, oldest first."""
    rows = session.connection().execute(
        text(f"SELECT {_COLUMNS} FROM serving.watchlists WHERE user_id = :user ORDER BY created_at, watchlist_id"),
        {"user": user_id},
    )
    return [_shown(row) for row in rows.mappings()]


def create(session: Session, user_id: str, name: str, markets: Sequence[str], now: datetime) -> dict[str, Any]:
    """Make a list.

    Raises
    ------
    Problem
        ``conflict`` if the person has as many as anybody may have.
    """
    connection = session.connection()
    connection.execute(text("SELECT 1 FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    standing = connection.execute(
        text("SELECT count(*) FROM serving.watchlists WHERE user_id = :user"), {"user": user_id}
    ).scalar_one()
    if standing >= MOST_LISTS:
        raise Problem("conflict", f"there are {MOST_LISTS} watchlists already; delete one first")
    watchlist_id = str(uuid.uuid4())
    connection.execute(
        text(
            "INSERT INTO serving.watchlists (watchlist_id, user_id, name, markets, created_at) "
            "VALUES (:id, :user, :name, :markets, :now)"
        ),
        {"id": watchlist_id, "user": user_id, "name": name, "markets": list(markets), "now": now},
    )
    return read(session, user_id, watchlist_id)


def read(session: Session, user_id: str, watchlist_id: str) -> dict[str, Any]:
    """Read one list of a person; raises ``not-found`` for any other."""
    row = (
        session.connection()
        .execute(
            text(f"SELECT {_COLUMNS} FROM serving.watchlists WHERE watchlist_id = :id AND user_id = :user"),
            {"id": watchlist_id, "user": user_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise _unknown(watchlist_id)
    return _shown(row)


def update(
    session: Session, user_id: str, watchlist_id: str, changes: Mapping[str, Any], expected_version: int | None
) -> dict[str, Any]:
    """Change the name or the markets of a list.

    Raises
    ------
    Problem
        ``not-found``; ``precondition-failed`` if it has another version than expected.
    """
    known = (
        session.connection()
        .execute(
            text("SELECT version FROM serving.watchlists WHERE watchlist_id = :id AND user_id = :user FOR UPDATE"),
            {"id": watchlist_id, "user": user_id},
        )
        .scalar_one_or_none()
    )
    if known is None:
        raise _unknown(watchlist_id)
    check_version(known, expected_version)
    given = {name: changes[name] for name in ("name", "markets") if name in changes}
    if given:
        assignments = ", ".join(f"{name} = :{name}" for name in given)
        session.connection().execute(
            text(
                f"UPDATE serving.watchlists SET {assignments}, version = version + 1 "
                "WHERE watchlist_id = :id AND user_id = :user"
            ),
            {**given, "id": watchlist_id, "user": user_id},
        )
    return read(session, user_id, watchlist_id)


def delete(session: Session, user_id: str, watchlist_id: str) -> None:
    """Delete a list of a person; raises ``not-found`` for any other."""
    result = session.connection().execute(
        text("DELETE FROM serving.watchlists WHERE watchlist_id = :id AND user_id = :user"),
        {"id": watchlist_id, "user": user_id},
    )
    if not result.rowcount:
        raise _unknown(watchlist_id)


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "created_at": format_instant(row["created_at"])}


def _unknown(watchlist_id: str) -> Problem:
    return Problem("not-found", f"you have no watchlist {watchlist_id}")

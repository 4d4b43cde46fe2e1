"""Asking for backtests, following them, giving them up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.backtests.schemas import BacktestWanted
from api.entitlements import Entitlements
from api.pagination import Cursors
from api.problems import Problem, invalid
from api.times import format_instant
from stores.tables import UNFINISHED, Backtest

_DAY = timedelta(days=1)
_MOST_KEPT = 200
"""Finished backtests of one person; older ones make room."""
_SHOWN = """
SELECT b.*, ARRAY(SELECT d.name FROM serving.backtest_documents AS d WHERE d.backtest_id = b.backtest_id ORDER BY d.name)
    AS documents
FROM serving.backtests AS b
"""


def ask(session: Session, user_id: str, rights: Entitlements, wanted: BacktestWanted, now: datetime) -> dict[str, Any]:
    """Put a backtest at the end of the queue.

    Raises
    ------
    Problem
        ``not-in-plan`` or ``plan-limit``; ``invalid-parameters`` for a strategy or setting that there is not.
    """
    market, timeframe = wanted.market, wanted.timeframe.value
    if not rights.allows(market, timeframe):
        raise Problem("not-in-plan", f"{market} {timeframe} is not in the plan {rights.plan!r}")
    _check_names(session, wanted)
    connection = session.connection()
    # Two requests at once must not both find the last free place.
    connection.execute(text("SELECT 1 FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    if left(session, user_id, rights, now) < 1:
        raise Problem("plan-limit", f"the plan allows {rights.backtests} backtests in 24 hours")
    _make_room(session, user_id, now)
    made = Backtest(
        backtest_id=str(uuid.uuid4()),
        user_id=user_id,
        kind=wanted.kind,
        status="queued",
        request=wanted.model_dump(mode="json"),
        known_before=rights.known_before(now),
        created_at=now,
    )
    session.add(made)
    session.flush()
    return read(session, user_id, made.backtest_id)


def left(session: Session, user_id: str, rights: Entitlements, now: datetime) -> int:
    """How many more a person may ask for now."""
    asked = session.connection().execute(
        text("SELECT count(*) FROM serving.backtests WHERE user_id = :user AND created_at > :since"),
        {"user": user_id, "since": now - _DAY},
    )
    return max(0, rights.backtests - int(asked.scalar_one()))


def read_page(session: Session, user_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """List a person's backtests, newest first."""
    cursors = Cursors("backtests", user_id, (str, str))
    key = cursors.read(cursor)
    after, parameters = "", {"user": user_id, "page": limit + 1}
    if key is not None:
        after = "AND (b.created_at, b.backtest_id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))"
        parameters |= {"at": key[0], "id": key[1]}
    rows = (
        session.connection()
        .execute(
            text(
                f"{_SHOWN} WHERE b.user_id = :user AND b.deleted_at IS NULL {after} ORDER BY b.created_at DESC, b.backtest_id DESC LIMIT :page"
            ),
            parameters,
        )
        .mappings()
        .all()
    )
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.write((last["created_at"].isoformat(), str(last["backtest_id"])))
    return {"items": [_item(row) for row in rows[:limit]], "next_cursor": following}


def read(session: Session, user_id: str, backtest_id: str) -> dict[str, Any]:
    """Show one.

    Raises
    ------
    Problem
        ``not-found`` if it is nobody's or somebody else's.
    """
    row = (
        session.connection()
        .execute(
            text(f"{_SHOWN} WHERE b.user_id = :user AND b.backtest_id = :id AND b.deleted_at IS NULL"),
            {"user": user_id, "id": backtest_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise _missing(backtest_id)
    return _item(row)


def document(session: Session, user_id: str, backtest_id: str, name: str) -> tuple[bytes, str]:
    """Read a document and its media type.

    Raises
    ------
    Problem
        ``not-found`` if there is no such backtest, or it has no such document, or not yet.
    """
    found = (
        session.connection()
        .execute(
            text(
                "SELECT d.body, d.media_type FROM serving.backtest_documents AS d "
                "JOIN serving.backtests AS b ON b.backtest_id = d.backtest_id AND b.user_id = :user "
                "WHERE d.backtest_id = :id AND d.name = :name"
            ),
            {"user": user_id, "id": backtest_id, "name": name},
        )
        .one_or_none()
    )
    if found is None:
        status = read(session, user_id, backtest_id)["status"]
        raise Problem("not-found", f"backtest {backtest_id} has no {name}; it is {status}")
    return bytes(found.body), found.media_type


def cancel(session: Session, user_id: str, backtest_id: str, now: datetime) -> dict[str, Any]:
    """Give one up: it is not begun any more, or stops soon. One that has ended stays as it is."""
    session.connection().execute(
        text(
            "UPDATE serving.backtests SET status = 'cancelled', ended_at = :now, stage = NULL "
            "WHERE backtest_id = :id AND user_id = :user AND status = ANY(:unfinished)"
        ),
        {"id": backtest_id, "user": user_id, "now": now, "unfinished": [str(one) for one in UNFINISHED]},
    )
    return read(session, user_id, backtest_id)


def delete(session: Session, user_id: str, backtest_id: str, now: datetime) -> None:
    """Delete one with all that came of it; what is left only counts for its day.

    Raises
    ------
    Problem
        ``not-found``.
    """
    cancel(session, user_id, backtest_id, now)
    which = {"id": backtest_id, "now": now}
    connection = session.connection()
    connection.execute(text("DELETE FROM serving.backtest_documents WHERE backtest_id = :id"), which)
    connection.execute(
        text("UPDATE serving.backtests SET deleted_at = :now, summary = NULL WHERE backtest_id = :id"), which
    )


def choices(session: Session) -> dict[str, Any]:
    """What a runner has said can be backtested."""
    rows = session.connection().execute(text("SELECT name, body, updated_at FROM serving.backtest_catalogue")).all()
    known = {row.name: row.body for row in rows}
    newest = max((row.updated_at for row in rows), default=None)
    return {
        **{name: known.get(name, []) for name in ("strategies", "configuration", "metrics")},
        "updated_at": format_instant(newest),
    }


def _check_names(session: Session, wanted: BacktestWanted) -> None:
    known = choices(session)
    if known["updated_at"] is None:
        # Nobody has said yet what there is; the runner will say what is wrong.
        return
    strategies = {one["name"]: one for one in known["strategies"]}
    strategy = strategies.get(wanted.strategy)
    if strategy is None:
        raise invalid("strategy", f"there is no strategy of this name; there are {', '.join(sorted(strategies))}")
    own = {one["name"] for one in strategy["parameters"]}
    fields = {one["name"] for one in known["configuration"]}
    for field, names, allowed in (
        ("parameters", wanted.parameters, own),
        ("config", wanted.config, fields),
        ("vary", wanted.vary, own | fields),
    ):
        odd = sorted(set(names) - allowed)
        if odd:
            raise invalid(field, f"there is no {odd[0]!r}; there are {', '.join(sorted(allowed)) or 'none'}")


def _make_room(session: Session, user_id: str, now: datetime) -> None:
    session.connection().execute(
        text(
            # Those of a day are kept: they are counted.
            "DELETE FROM serving.backtests WHERE user_id = :user AND created_at < :since AND (deleted_at IS NOT NULL "
            "OR backtest_id IN (SELECT backtest_id FROM serving.backtests "
            "WHERE user_id = :user AND ended_at IS NOT NULL ORDER BY created_at DESC OFFSET :most))"
        ),
        {"user": user_id, "since": now - _DAY, "most": _MOST_KEPT - 1},
    )


def _missing(backtest_id: str) -> Problem:
    return Problem("not-found", f"you have no backtest {backtest_id}")


def _item(row: Mapping[Any, Any]) -> dict[str, Any]:
    same = ("kind", "status", "request", "stage", "done", "total", "failure", "summary", "documents")
    return {
        "backtest_id": str(row["backtest_id"]),
        **{name: row[name] for name in same},
        **{name: format_instant(row[name]) for name in ("created_at", "started_at", "ended_at")},
    }

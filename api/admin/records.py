"""The audit log, as administrators read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from api.admin.acting import Deed
from api.audit import broken_at
from api.pagination import Cursors
from api.times import format_instant

_COLUMNS = (
    "sequence, at, actor_id::text, impersonator_id::text, means, action, target, details, address, request_id, "
    "encode(digest, 'hex') AS digest"
)


@dataclass(frozen=True)
class RecordFilter:
    """Which records; None for any."""

    actor: str | None = None
    target: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def read_page(deed: Deed, wanted: RecordFilter, limit: int, cursor: str | None) -> dict[str, Any]:
    """Read one page of records, the newest first."""
    given = {
        "actor_id = :actor": wanted.actor,
        "target = :target": wanted.target,
        "action = :action": wanted.action,
        "at >= :since": wanted.since,
        "at < :until": wanted.until,
    }
    clauses = [clause for clause, value in given.items() if value is not None]
    parameters: dict[str, Any] = {clause.rpartition(":")[2]: given[clause] for clause in clauses}
    cursors = Cursors("audit log", [clauses, parameters], (int,))
    key = cursors.read(cursor)
    if key is not None:
        clauses.append("sequence < :before")
        parameters["before"] = key[0]
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    rows = (
        deed.session.connection()
        .execute(
            text(f"SELECT {_COLUMNS} FROM serving.audit_log {where} ORDER BY sequence DESC LIMIT :page"),
            {**parameters, "page": limit + 1},
        )
        .mappings()
        .all()
    )
    page = rows[:limit]
    following = cursors.write((page[-1]["sequence"],)) if len(rows) > limit else None
    return {"items": [{**row, "at": format_instant(row["at"])} for row in page], "next_cursor": following}


def verify(deed: Deed) -> dict[str, Any]:
    """Check the chain of all records."""
    broken = broken_at(deed.session)
    count = deed.session.connection().execute(text("SELECT count(*) FROM serving.audit_log")).scalar_one()
    deed.record("audit_log_verified", "audit_log", records=count, broken_at=broken)
    return {"whole": broken is None, "records": count, "broken_at": broken}

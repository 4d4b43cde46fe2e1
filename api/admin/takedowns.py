"""Signals that are no longer stood by: flagged for everybody to see, never hidden."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from api.admin.acting import Deed
from api.problems import Problem
from api.times import format_instant


def take_down(deed: Deed, signal_id: str, reason: str) -> dict[str, Any]:
    """Flag a signal, with a reason that subscribers read; streams and webhooks tell of it.

    Raises
    ------
    Problem
        ``not-found`` if it was not published; ``conflict`` if it was taken down before.
    """
    connection = deed.session.connection()
    published = connection.execute(
        text("SELECT 1 FROM serving.published_signals WHERE signal_id = :signal"), {"signal": signal_id}
    ).one_or_none()
    if published is None:
        raise Problem("not-found", f"no signal {signal_id} has been published")
    result = connection.execute(
        text(
            "INSERT INTO serving.signal_takedowns (signal_id, reason, taken_by, at) "
            "VALUES (:signal, :reason, :by, :now) ON CONFLICT (signal_id) DO NOTHING"
        ),
        {"signal": signal_id, "reason": reason, "by": deed.administrator, "now": deed.now},
    )
    if not result.rowcount:
        raise Problem("conflict", "this signal was taken down before; a takedown is never changed")
    deed.record("signal_taken_down", f"signal:{signal_id}", reason=reason)
    return {
        "signal_id": signal_id,
        "reason": reason,
        "taken_by": deed.administrator,
        "at": format_instant(deed.now),
    }


def read_all(deed: Deed, limit: int) -> list[dict[str, Any]]:
    """Show the newest takedowns."""
    rows = deed.session.connection().execute(
        text(
            "SELECT signal_id::text, reason, taken_by::text, at FROM serving.signal_takedowns "
            "ORDER BY at DESC, signal_id LIMIT :most"
        ),
        {"most": limit},
    )
    return [{**row, "at": format_instant(row["at"])} for row in rows.mappings()]

"""The published signals that have ended, added up in the order in which they did, as far as a reader may see them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.reads.signals import Sight, SignalFilter
from api.reads.track_records import RESULTS
from api.times import format_instant

# One statement, so that points and months are of the same instant. What ended at one instant comes as it was published.
_CURVE = """
WITH closed AS (
    SELECT signal_id, sequence, closed_at, result_r FROM ({feed}) AS feed
    WHERE outcome IS NOT NULL AND simulated = :simulated
),
summed AS (
    SELECT *, sum(result_r) OVER (ORDER BY closed_at, sequence ROWS UNBOUNDED PRECEDING) AS cumulative_r FROM closed
),
sunk AS (
    SELECT *, greatest(0, max(cumulative_r) OVER (ORDER BY closed_at, sequence ROWS UNBOUNDED PRECEDING))
        - cumulative_r AS drawdown_r
    FROM summed
),
points AS (
    SELECT *, count(*) OVER () AS ended, max(drawdown_r) OVER () AS deepest_r
    FROM sunk ORDER BY closed_at DESC, sequence DESC LIMIT :points
),
months AS (
    SELECT date_trunc('month', closed_at, 'UTC') AS month, count(*) AS ended,
        count(*) FILTER (WHERE result_r > 0) AS wins, sum(result_r ORDER BY closed_at, sequence) AS result_r
    FROM closed GROUP BY month
)
SELECT false AS is_month, signal_id, closed_at AS at, sequence, result_r, cumulative_r, drawdown_r, ended, deepest_r,
    NULL AS wins
FROM points
UNION ALL
SELECT true, NULL, month, NULL, result_r, NULL, NULL, ended, NULL, wins FROM months
ORDER BY at, sequence
"""


def read_curve(session: Session, wanted: SignalFilter, sight: Sight, simulated: bool, limit: int) -> dict[str, Any]:
    """Read the last points, oldest first, and the months of all of them. Real and simulated markets are never mixed."""
    filters, seen = wanted.conditions(), sight.conditions()
    feed = f"{RESULTS} WHERE {' AND '.join([*filters[0], *seen[0]])}"
    parameters = {**filters[1], **seen[1], "simulated": simulated, "points": limit}
    rows = session.connection().execute(text(_CURVE.format(feed=feed)), parameters).mappings().all()
    points = [row for row in rows if not row["is_month"]]
    last = points[-1] if points else None
    ended = 0 if last is None else last["ended"]
    return {
        "simulated": simulated,
        "sample_size": ended,
        "total_r": 0.0 if last is None else last["cumulative_r"],
        "max_drawdown_r": 0.0 if last is None else last["deepest_r"],
        "left_off": ended - len(points),
        "items": [
            {
                "signal_id": row["signal_id"],
                "closed_at": format_instant(row["at"]),
                **{name: row[name] for name in ("result_r", "cumulative_r", "drawdown_r")},
            }
            for row in points
        ],
        "months": [
            {
                "month": f"{row['at']:%Y-%m}",
                "sample_size": row["ended"],
                "wins": row["wins"],
                "total_r": row["result_r"],
            }
            for row in rows
            if row["is_month"]
        ],
        "costs_included": False,
    }

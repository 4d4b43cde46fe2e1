"""What became of the published signals of each strategy, market and timeframe, as far as a reader may see them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.pagination import Cursors
from api.reads.signals import Items, Sight, SignalFilter
from api.times import format_instant

_RECORDS = """
SELECT
    strategy, exchange, symbol, timeframe, simulated,
    count(*) AS signals,
    count(*) FILTER (WHERE outcome IS NULL) AS open_signals,
    count(*) FILTER (WHERE outcome IS NOT NULL) AS sample_size,
    count(*) FILTER (WHERE result_r > 0) AS wins,
    count(*) FILTER (WHERE result_r < 0) AS losses,
    avg(result_r) AS expectancy_r,
    coalesce(sum(result_r), 0) AS total_r,
    sum(result_r) FILTER (WHERE result_r > 0) AS won_r,
    -sum(result_r) FILTER (WHERE result_r < 0) AS lost_r,
    avg(bars_held)::float8 AS average_bars_held,
    min(known_at) AS first_known_at,
    max(known_at) AS last_known_at
FROM ({feed}) AS feed
GROUP BY strategy, exchange, symbol, timeframe, simulated
"""
# Joined once over all signals: the lateral form of the feed is for pages, not for everything.
RESULTS = """
SELECT s.signal_id, s.sequence, s.strategy, s.exchange, s.symbol, s.timeframe, s.simulated, s.known_at, o.outcome,
    o.known_at AS closed_at, o.r_multiple AS result_r, o.bars_held
FROM serving.published_signals AS s
LEFT JOIN serving.signal_outcomes AS o
    ON o.signal_id = s.signal_id AND (o.outcome <> 'target_1' OR s.target_2 IS NULL) AND o.known_at <= :sight_before
"""
"""SQL of every signal with the end it came to, to be narrowed by conditions on ``s``."""


def read_track_records(session: Session, wanted: SignalFilter, sight: Sight, limit: int, cursor: str | None) -> Items:
    """Read one page of track records, by strategy, market and timeframe."""
    filters = wanted.conditions()
    seen, bounds = sight.conditions()
    clauses, parameters = [*filters[0], *seen], {**filters[1], **bounds}
    cursors = Cursors("performance", list(filters), (str, str, str, str))
    key = cursors.read(cursor)
    if key is not None:
        clauses.append(
            "(s.strategy, s.exchange, s.symbol, s.timeframe) > (:c_strategy, :c_exchange, :c_symbol, :c_timeframe)"
        )
        parameters |= dict(zip(("c_strategy", "c_exchange", "c_symbol", "c_timeframe"), key, strict=True))
    feed = f"{RESULTS} WHERE {' AND '.join(clauses)}"
    rows = (
        session.connection()
        .execute(
            text(_RECORDS.format(feed=feed) + "ORDER BY strategy, exchange, symbol, timeframe LIMIT :page"),
            {**parameters, "page": limit + 1},
        )
        .mappings()
        .all()
    )
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        last = page[-1]
        following = cursors.write((last["strategy"], last["exchange"], last["symbol"], last["timeframe"]))
    return Items([_track_record(row) for row in page], following)


def _track_record(row: Mapping[Any, Any]) -> dict[str, Any]:
    sample, wins, lost = row["sample_size"], row["wins"], row["lost_r"]
    low, high = wilson_interval(wins, sample)
    return {
        "strategy": row["strategy"],
        "market": f"{row['exchange']}:{row['symbol']}",
        "timeframe": row["timeframe"],
        "simulated": row["simulated"],
        "signals": row["signals"],
        "open_signals": row["open_signals"],
        "sample_size": sample,
        "wins": wins,
        "losses": row["losses"],
        "win_rate": wins / sample if sample else None,
        "win_rate_low": low,
        "win_rate_high": high,
        "expectancy_r": row["expectancy_r"],
        "total_r": row["total_r"],
        "profit_factor": (row["won_r"] or 0.0) / lost if lost else None,
        "average_bars_held": row["average_bars_held"],
        "first_known_at": format_instant(row["first_known_at"]),
        "last_known_at": format_instant(row["last_known_at"]),
        "costs_included": False,
    }


def wilson_interval(wins: int, sample: int, z: float = 1.96) -> tuple[float | None, float | None]:
    """Wilson's score interval of a proportion (Wilson 1927), 95 % by default; None for an empty sample.

    >>> wilson_interval(0, 0)
    (None, None)
    """
    if sample == 0:
        return None, None
    rate = wins / sample
    centre = rate + z * z / (2 * sample)
    spread = z * math.sqrt(rate * (1 - rate) / sample + z * z / (4 * sample * sample))
    scale = 1 + z * z / sample
    # At the ends rounding may lead a hair outside.
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

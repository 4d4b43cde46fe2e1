"""Published signals and their track record, read from the serving database."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.pagination import Cursors
from api.times import EARLIEST, format_instant
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

_MICROSECOND = timedelta(microseconds=1)

# An outcome ends a signal unless it is a first target with a second one still standing.
_FEED = """
SELECT s.*, r.target_1_ts, r.outcome, r.outcome_ts, r.result_r, r.bars_held
FROM serving.published_signals AS s
LEFT JOIN LATERAL (
    SELECT
        min(o.ts) FILTER (WHERE o.outcome = 'target_1') AS target_1_ts,
        min(o.outcome) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS outcome,
        min(o.ts) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS outcome_ts,
        min(o.r_multiple) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS result_r,
        min(o.bars_held) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS bars_held
    FROM serving.signal_outcomes AS o
    WHERE o.signal_id = s.signal_id
) AS r ON true
"""

_PLAIN = [
    "strategy",
    "direction",
    "entry",
    "stop",
    "target_1",
    "target_2",
    "risk_reward",
    "score",
    "reasons",
    "decision",
    "size",
    "notional",
    "risk_amount",
    "risk_fraction",
    "outcome",
    "result_r",
    "bars_held",
    "timeframe",
    "simulated",
]
_TIMES = ("ts", "known_at", "published_at", "target_1_ts", "outcome_ts")


@dataclass(frozen=True)
class SignalFilter:
    """Which signals; None for any."""

    market: Market | None = None
    timeframe: str | None = None
    strategy: str | None = None
    direction: int | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Items:
    """A page of rows, and the cursor of the next one."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def _conditions(wanted: SignalFilter) -> tuple[list[str], dict[str, Any]]:
    given = {
        "s.exchange = :exchange": wanted.market and wanted.market.exchange,
        "s.symbol = :symbol": wanted.market and wanted.market.symbol,
        "s.timeframe = :timeframe": wanted.timeframe,
        "s.strategy = :strategy": wanted.strategy,
        "s.direction = :direction": wanted.direction,
        "s.known_at >= :since": wanted.since,
    }
    clauses = [clause for clause, value in given.items() if value is not None]
    return clauses, {clause.rpartition(":")[2]: given[clause] for clause in clauses}


def read_signals(session: Session, wanted: SignalFilter, limit: int, cursor: str | None) -> Items:
    """Read one page, newest first: by the time they were known, those of one instant by publication."""
    clauses, parameters = _conditions(wanted)
    cursors = Cursors("signals", [clauses, parameters], (int, int))
    key = cursors.read(cursor)
    if key is not None:
        clauses.append("(s.known_at, s.sequence) < (:cursor_known, :cursor_sequence)")
        parameters |= {"cursor_known": _at_microsecond(int(key[0])), "cursor_sequence": key[1]}
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    rows = (
        session.connection()
        .execute(
            text(f"{_FEED} {where} ORDER BY s.known_at DESC, s.sequence DESC LIMIT :page"),
            {**parameters, "page": limit + 1},
        )
        .mappings()
        .all()
    )
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        last = page[-1]
        following = cursors.write(((last["known_at"] - EARLIEST) // _MICROSECOND, last["sequence"]))
    return Items([_signal(row) for row in page], following)


def _at_microsecond(value: int) -> datetime:
    return EARLIEST + value * _MICROSECOND


def _signal(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "signal_id": str(row["signal_id"]),
        "market": f"{row['exchange']}:{row['symbol']}",
        **{name: row[name] for name in _PLAIN},
        **{name: format_instant(row[name]) for name in _TIMES},
        "zone_id": None if row["zone_id"] is None else str(row["zone_id"]),
        "status": "open" if row["outcome"] is None else "closed",
    }


def read_signal(session: Session, signal_id: str) -> dict[str, Any] | None:
    """Read one signal with its outcomes; None if it was not published."""
    connection = session.connection()
    row = connection.execute(text(f"{_FEED} WHERE s.signal_id = :id"), {"id": signal_id}).mappings().one_or_none()
    if row is None:
        return None
    outcomes = connection.execute(
        text(
            "SELECT outcome, ts, known_at, price, r_multiple, bars_held FROM serving.signal_outcomes "
            "WHERE signal_id = :id ORDER BY ts, outcome"
        ),
        {"id": signal_id},
    ).mappings()
    found = [{**one, "ts": format_instant(one["ts"]), "known_at": format_instant(one["known_at"])} for one in outcomes]
    return {**_signal(row), "outcomes": found}


def series_of(signal: Mapping[str, Any]) -> Series:
    """Series a signal that was read belongs to."""
    return Series(Market.parse(signal["market"]), signal["timeframe"])


def read_risk_decision(warehouse: Warehouse, series: Series, signal_id: str) -> dict[str, Any] | None:
    """Read why the risk stage decided as it did; None if the decision is not stored."""
    lines = warehouse.query_json_lines(
        "SELECT decision, rule, rule_value, rule_limit, equity, open_positions FROM market.risk_decisions "
        f"WHERE {IN_SERIES} AND signal_id = {{signal_id:String}} LIMIT 1",
        {**series.parameters, "signal_id": signal_id},
    )
    return orjson.loads(lines[0]) if lines else None


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
_RESULTS = """
SELECT s.strategy, s.exchange, s.symbol, s.timeframe, s.simulated, s.known_at, o.outcome, o.r_multiple AS result_r, o.bars_held
FROM serving.published_signals AS s
LEFT JOIN serving.signal_outcomes AS o
    ON o.signal_id = s.signal_id AND (o.outcome <> 'target_1' OR s.target_2 IS NULL)
"""


def read_track_records(session: Session, wanted: SignalFilter, limit: int, cursor: str | None) -> Items:
    """Read one page of track records, by strategy, market and timeframe."""
    clauses, parameters = _conditions(wanted)
    cursors = Cursors("performance", [clauses, parameters], (str, str, str, str))
    key = cursors.read(cursor)
    if key is not None:
        clauses.append(
            "(s.strategy, s.exchange, s.symbol, s.timeframe) > (:c_strategy, :c_exchange, :c_symbol, :c_timeframe)"
        )
        parameters |= dict(zip(("c_strategy", "c_exchange", "c_symbol", "c_timeframe"), key, strict=True))
    feed = _RESULTS + (f"WHERE {' AND '.join(clauses)}" if clauses else "")
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

"""Published signals, as far as a reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import TextClause, text
from sqlmodel import Session

from api.entitlements import Entitlements
from api.pagination import Cursors
from api.reads.signal_rows import outcome_item, signal_item
from api.times import EARLIEST, format_instant
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.warehouse import Series

_MICROSECOND = timedelta(microseconds=1)

# An outcome ends a signal unless it is a first target with a second one still standing. One that this reader does not
# know yet is none.
_FEED = """
SELECT s.*, r.target_1_ts, r.outcome, r.outcome_ts, r.result_r, r.bars_held, t.reason AS takedown_reason, t.taken_down_at
FROM serving.published_signals AS s
LEFT JOIN LATERAL (
    SELECT
        min(o.ts) FILTER (WHERE o.outcome = 'target_1') AS target_1_ts,
        min(o.outcome) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS outcome,
        min(o.ts) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS outcome_ts,
        min(o.r_multiple) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS result_r,
        min(o.bars_held) FILTER (WHERE o.outcome <> 'target_1' OR s.target_2 IS NULL) AS bars_held
    FROM serving.signal_outcomes AS o
    WHERE o.signal_id = s.signal_id AND o.known_at <= :sight_before
) AS r ON true
LEFT JOIN LATERAL (
    SELECT e.reason, e.recorded_at AS taken_down_at
    FROM serving.signal_events AS e
    WHERE e.signal_id = s.signal_id AND e.kind = 'takedown'
    ORDER BY e.sequence DESC
    LIMIT 1
) AS t ON true
"""


_ENDED = (
    "EXISTS (SELECT FROM serving.signal_outcomes AS e WHERE e.signal_id = s.signal_id "
    "AND (e.outcome <> 'target_1' OR s.target_2 IS NULL) AND e.known_at <= :sight_before)"
)
_STATUS = {"open": f"NOT {_ENDED}", "closed": _ENDED}


@dataclass(frozen=True)
class SignalFilter:
    """Which signals; None for any."""

    market: Market | None = None
    timeframe: str | None = None
    strategy: str | None = None
    direction: int | None = None
    since: datetime | None = None
    status: Literal["open", "closed"] | None = None

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """SQL conditions on ``s``, and their parameters; those of a `Sight` go with them."""
        given = {
            "s.exchange = :exchange": self.market and self.market.exchange,
            "s.symbol = :symbol": self.market and self.market.symbol,
            "s.timeframe = :timeframe": self.timeframe,
            "s.strategy = :strategy": self.strategy,
            "s.direction = :direction": self.direction,
            "s.known_at >= :since": self.since,
        }
        clauses = [clause for clause, value in given.items() if value is not None]
        parameters = {clause.rpartition(":")[2]: given[clause] for clause in clauses}
        return clauses + ([] if self.status is None else [_STATUS[self.status]]), parameters


@dataclass(frozen=True)
class Sight:
    """How much of the signals a reader may see at an instant.

    Attributes
    ----------
    before : datetime
        What became known after it, a signal or an outcome, does not exist for him.
    since : datetime, optional
        Nor do signals known before it.
    markets, timeframes : tuple of str, optional
        Those he may see; None for all.
    """

    before: datetime
    since: datetime | None
    markets: tuple[str, ...] | None
    timeframes: tuple[str, ...] | None

    @classmethod
    def of(cls, rights: Entitlements, now: datetime) -> Sight:
        """Sight that a plan gives at an instant."""
        return cls(rights.known_before(now), rights.known_since(now), rights.markets, rights.timeframes)

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """SQL conditions on ``s``, and their parameters."""
        clauses = ["s.known_at <= :sight_before"]
        parameters: dict[str, Any] = {"sight_before": self.before}
        if self.since is not None:
            clauses.append("s.known_at >= :sight_since")
            parameters["sight_since"] = self.since
        if self.markets is not None:
            clauses.append("s.exchange || ':' || s.symbol = ANY(:sight_markets)")
            parameters["sight_markets"] = list(self.markets)
        if self.timeframes is not None:
            clauses.append("s.timeframe = ANY(:sight_timeframes)")
            parameters["sight_timeframes"] = list(self.timeframes)
        return clauses, parameters


@dataclass(frozen=True)
class Items:
    """A page of rows, and the cursor of the next one."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def read_signals(session: Session, wanted: SignalFilter, sight: Sight, limit: int, cursor: str | None) -> Items:
    """Read one page, newest first: by the time they were known, those of one instant by publication."""
    filters = wanted.conditions()
    cursors = Cursors("signals", list(filters), (int, int))
    clauses, parameters = _both(filters, sight)
    key = cursors.read(cursor)
    if key is not None:
        clauses.append("(s.known_at, s.sequence) < (:cursor_known, :cursor_sequence)")
        parameters |= {"cursor_known": _at_microsecond(int(key[0])), "cursor_sequence": key[1]}
    rows = (
        session.connection()
        .execute(
            _statement(f"{_FEED} WHERE {' AND '.join(clauses)} ORDER BY s.known_at DESC, s.sequence DESC LIMIT :page"),
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


def read_oldest_first(
    session: Session, wanted: SignalFilter, sight: Sight, after: tuple[datetime, int] | None, limit: int
) -> tuple[list[dict[str, Any]], tuple[datetime, int] | None]:
    """Read signals for an export, oldest first, and the key after which the next ones come; None after the last."""
    clauses, parameters = _both(wanted.conditions(), sight)
    if after is not None:
        clauses.append("(s.known_at, s.sequence) > (:after_known, :after_sequence)")
        parameters |= {"after_known": after[0], "after_sequence": after[1]}
    rows = (
        session.connection()
        .execute(
            text(f"{_FEED} WHERE {' AND '.join(clauses)} ORDER BY s.known_at, s.sequence LIMIT :page"),
            {**parameters, "page": limit},
        )
        .mappings()
        .all()
    )
    following = (rows[-1]["known_at"], rows[-1]["sequence"]) if len(rows) == limit else None
    return [_signal(row) for row in rows], following


def _both(filters: tuple[list[str], dict[str, Any]], sight: Sight) -> tuple[list[str], dict[str, Any]]:
    clauses, parameters = sight.conditions()
    return [*filters[0], *clauses], {**filters[1], **parameters}


@lru_cache(maxsize=256)
def _statement(sql: str) -> TextClause:
    """Read the parameters out of a statement, once for each combination of conditions."""
    return text(sql)


def _at_microsecond(value: int) -> datetime:
    return EARLIEST + value * _MICROSECOND


def _signal(row: Mapping[Any, Any]) -> dict[str, Any]:
    taken_down = row["taken_down_at"]
    return {
        **signal_item(row),
        "status": "open" if row["outcome"] is None else "closed",
        "target_1_ts": format_instant(row["target_1_ts"]),
        "outcome": row["outcome"],
        "outcome_ts": format_instant(row["outcome_ts"]),
        "result_r": row["result_r"],
        "bars_held": row["bars_held"],
        "takedown": None
        if taken_down is None
        else {"reason": row["takedown_reason"], "taken_down_at": format_instant(taken_down)},
    }


def read_signal(session: Session, signal_id: str, sight: Sight) -> dict[str, Any] | None:
    """Read one signal with its outcomes; None if it was not published, or not as far as this reader knows."""
    clauses, parameters = sight.conditions()
    parameters["id"] = signal_id
    connection = session.connection()
    row = (
        connection.execute(text(f"{_FEED} WHERE s.signal_id = :id AND {' AND '.join(clauses)}"), parameters)
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    outcomes = [
        outcome_item(one)
        for one in connection.execute(
            text(
                "SELECT outcome, ts, known_at, price, r_multiple, bars_held FROM serving.signal_outcomes "
                "WHERE signal_id = :id AND known_at <= :sight_before ORDER BY ts, outcome"
            ),
            parameters,
        ).mappings()
    ]
    return {
        **_signal(row),
        "outcomes": outcomes,
        "bars_since": _bars_since(row, sight),
        "targets_reached": [one["outcome"] for one in outcomes if one["outcome"].startswith("target")],
    }


def read_published(session: Session, signal_id: str) -> dict[str, Any]:
    """Read what was published of a signal, whatever has become of it."""
    row = (
        session.connection()
        .execute(text("SELECT * FROM serving.published_signals WHERE signal_id = :id"), {"id": signal_id})
        .mappings()
        .one()
    )
    return signal_item(row)


def _bars_since(row: Mapping[Any, Any], sight: Sight) -> int:
    """Bars that closed since the signal was known, up to its end if it has ended."""
    if row["bars_held"] is not None:
        return row["bars_held"]
    length = timedelta(milliseconds=Timeframe(row["timeframe"]).milliseconds)
    return max(0, (sight.before - row["known_at"]) // length)


def series_of(signal: Mapping[str, Any]) -> Series:
    """Series a signal that was read belongs to."""
    return Series(Market.parse(signal["market"]), signal["timeframe"])

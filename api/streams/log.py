"""The log of events as it lies in the serving database: numbered from 1, without holes, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from api.streams.events import StreamEvent

CHANNEL = "signal_events"
"""Postgres channel on which new events are announced."""

_EVENTS = text(
    """
    SELECT s.*, e.sequence, e.kind, e.reason, e.recorded_at, e.known_at AS event_known_at,
        e.outcome <> 'target_1' OR s.target_2 IS NULL AS is_final,
        o.outcome AS o_outcome, o.ts AS o_ts, o.known_at AS o_known_at, o.price AS o_price,
        o.r_multiple AS o_r_multiple, o.bars_held AS o_bars_held
    FROM serving.signal_events AS e
    JOIN serving.published_signals AS s ON s.signal_id = e.signal_id
    LEFT JOIN serving.signal_outcomes AS o ON o.signal_id = e.signal_id AND o.outcome = e.outcome
    WHERE e.sequence > :after
    ORDER BY e.sequence
    LIMIT :page
    """
)
_OUTCOME = ("outcome", "ts", "known_at", "price", "r_multiple", "bars_held")


def read_events(session: Session, after: int, page: int) -> list[StreamEvent]:
    """Read the events that follow ``after``, at most ``page`` of them."""
    result = session.connection().execute(_EVENTS, {"after": after, "page": page})
    events: list[StreamEvent] = []
    names = tuple(result.keys())
    for values in result:
        # Two columns are called sequence; the later one, the event's own, counts.
        row = dict(zip(names, values, strict=True))
        row["outcome_row"] = {name: row[f"o_{name}"] for name in _OUTCOME}
        events.append(StreamEvent.of(row))
    return events


def read_head(session: Session) -> int:
    """Number of the newest event; 0 if there is none."""
    found = session.connection().execute(text("SELECT coalesce(max(sequence), 0) FROM serving.signal_events"))
    return int(found.scalar_one())


def read_released(session: Session, before: datetime) -> int:
    """Number up to which every event was known at ``before``."""
    waiting = session.connection().execute(
        text("SELECT min(sequence) FROM serving.signal_events WHERE known_at > :before"), {"before": before}
    )
    first = waiting.scalar_one()
    return read_head(session) if first is None else int(first) - 1


def read_position_since(session: Session, since: datetime) -> int:
    """Number after which every event known at or after ``since`` comes."""
    first = session.connection().execute(
        text("SELECT min(sequence) FROM serving.signal_events WHERE known_at >= :since"), {"since": since}
    )
    found = first.scalar_one()
    return read_head(session) if found is None else int(found) - 1

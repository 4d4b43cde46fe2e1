"""Rules and people as the matcher reads them, found through the series an event belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts.events import Event
from api.alerts.rules import (
    ANY,
    Condition,
    PlainChannel,
    QuietHours,
    WebhookChannel,
    read_channels,
    read_condition,
    subjects,
)

# One event costs as much as there are rules on its series, and for a price only those whose level was passed.
_CANDIDATES = text(
    """
    SELECT e.number, s.alert_id::text AS alert_id
    FROM jsonb_to_recordset(CAST(:events AS jsonb))
        AS e(number int, kind text, market text, timeframe text, low float8, high float8)
    JOIN serving.alert_subjects AS s
        ON s.kind = e.kind AND s.market IN (e.market, :any) AND s.timeframe IN (e.timeframe, :any)
        AND (e.low IS NULL OR s.level BETWEEN e.low AND e.high)
    ORDER BY e.number, s.alert_id
    """
)
# Locked in one order, so that matching and changing rules wait for one another and never for each other.
_RULES = text(
    """
    SELECT r.alert_id::text AS alert_id, r.user_id::text AS user_id, r.name, r.condition, r.channels, r.quiet_hours,
        r.cooldown_s, r.expires_at, r.enabled, r.active_since, r.last_known_at, (
            SELECT count(*) FROM serving.alert_rules AS o WHERE o.user_id = r.user_id AND o.enabled
                AND (o.created_at, o.alert_id) < (r.created_at, r.alert_id)
        ) AS place
    FROM serving.alert_rules AS r WHERE r.alert_id = ANY(CAST(:ids AS uuid[])) ORDER BY r.alert_id FOR UPDATE OF r
    """
)
_PEOPLE = text(
    """
    SELECT u.user_id::text AS user_id, u.email, u.email_verified_at, u.time_zone, u.locale, u.status, t.chat_id,
        (SELECT coalesce(array_agg(p.subscription_id::text ORDER BY p.created_at), '{}')
         FROM serving.push_subscriptions AS p WHERE p.user_id = u.user_id) AS browsers
    FROM serving.users AS u LEFT JOIN serving.telegram_links AS t ON t.user_id = u.user_id
    WHERE u.user_id = ANY(CAST(:ids AS uuid[]))
    """
)
_FIRED = text(
    "SELECT alert_id::text, event_key FROM serving.alert_firings "
    "WHERE alert_id = ANY(CAST(:ids AS uuid[])) AND event_key = ANY(:keys)"
)


@dataclass
class Rule:
    """A rule as the matcher needs it.

    ``last_known_at`` moves on when it fires; ``place`` is its place, from 0, among the rules of its owner that are on.
    """

    alert_id: str
    user_id: str
    name: str
    stored_condition: Any
    stored_channels: Any
    stored_quiet: Any
    cooldown_s: int
    expires_at: datetime | None
    enabled: bool
    active_since: datetime
    last_known_at: datetime | None
    place: int

    @cached_property
    def condition(self) -> Condition:
        """What it waits for."""
        return read_condition(self.stored_condition)

    @cached_property
    def channels(self) -> list[PlainChannel | WebhookChannel]:
        """How it tells."""
        return read_channels(self.stored_channels)

    @cached_property
    def quiet_hours(self) -> QuietHours | None:
        """When it does not."""
        return None if self.stored_quiet is None else QuietHours.model_validate(self.stored_quiet)


@dataclass(frozen=True)
class Owner:
    """Whom a rule belongs to, and where he can be told."""

    user_id: str
    email: str
    verified: bool
    time_zone: str
    locale: str
    active: bool
    chat_id: int | None
    browsers: tuple[str, ...]


def candidates(session: Session, events: Sequence[Event]) -> dict[int, list[str]]:
    """Find the rules that may hold, by the number of the event in ``events``."""
    asked = []
    for number, event in enumerate(events):
        low, high = event.levels or (None, None)
        asked.append(
            {
                "number": number,
                "kind": event.kind.value,
                "market": event.market,
                "timeframe": event.timeframe,
                "low": low,
                "high": high,
            }
        )
    found: dict[int, list[str]] = {}
    for row in session.connection().execute(_CANDIDATES, {"events": orjson.dumps(asked).decode(), "any": ANY}):
        known = found.setdefault(row.number, [])
        # A rule may name a market and stand for any at once.
        if not known or known[-1] != row.alert_id:
            known.append(row.alert_id)
    return found


def lock_rules(session: Session, ids: Iterable[str]) -> dict[str, Rule]:
    """Read rules and keep others from changing them until the end of the transaction."""
    rows = session.connection().execute(_RULES, {"ids": sorted(set(ids))})
    return {row.alert_id: Rule(*row) for row in rows}


def owners(session: Session, ids: Iterable[str]) -> dict[str, Owner]:
    """Read the people rules belong to."""
    return {
        row.user_id: Owner(
            row.user_id,
            row.email,
            row.email_verified_at is not None,
            row.time_zone,
            row.locale,
            row.status == "active",
            row.chat_id,
            tuple(row.browsers),
        )
        for row in session.connection().execute(_PEOPLE, {"ids": sorted(set(ids))})
    }


def fired(session: Session, ids: Iterable[str], keys: Sequence[str]) -> set[tuple[str, str]]:
    """Find which of these rules have fired at which of these events."""
    rows = session.connection().execute(_FIRED, {"ids": sorted(ids), "keys": list(keys)})
    return {(row.alert_id, row.event_key) for row in rows}


def write_subjects(session: Session, alert_id: str, condition: Condition, *, enabled: bool) -> None:
    """Write anew by what series a rule is found; a rule that is off is not found."""
    connection = session.connection()
    connection.execute(text("DELETE FROM serving.alert_subjects WHERE alert_id = :id"), {"id": alert_id})
    if not enabled:
        return
    rows = [
        {"id": alert_id, "kind": condition.kind.value, "market": market, "timeframe": timeframe, "level": level}
        for market, timeframe, level in subjects(condition)
    ]
    connection.execute(
        text(
            "INSERT INTO serving.alert_subjects (alert_id, kind, market, timeframe, level) "
            "VALUES (:id, :kind, :market, :timeframe, :level)"
        ),
        rows,
    )


def as_json(value: Mapping[str, Any] | Sequence[Any] | None) -> str | None:
    """Write a value for a JSONB column; None for null."""
    return None if value is None else orjson.dumps(value).decode()

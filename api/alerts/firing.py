"""From an event to messages: one firing a rule and event, one message a channel, in the transaction of the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts import storage
from api.alerts.events import Event, holds
from api.alerts.quiet import quiet_until
from api.alerts.rules import PriceCondition, QuietThen
from api.alerts.storage import Owner, Rule
from api.alerts.telling import Firing, tell
from api.alerts.wording import Words, price_words, words_of
from api.entitlements import Entitlements, entitlements_of
from stores.tables import FiringState

STALE_AFTER = timedelta(hours=24)
"""What becomes known here later than that after it happened is no news."""


class Rights:
    """Entitlements of people, read once a batch."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._known: dict[str, Entitlements] = {}

    def of(self, user_id: str) -> Entitlements:
        """Entitlements of a person."""
        if user_id not in self._known:
            self._known[user_id] = entitlements_of(self._session, user_id, self._now)
        return self._known[user_id]


@dataclass(frozen=True)
class _Decision:
    """A rule holds for an event: what is said, when, or why not."""

    rule: Rule
    owner: Owner
    event: Event
    words: Words
    state: FiringState
    release: datetime


def match(session: Session, events: Sequence[Event], now: datetime) -> int:
    """Fire every rule that holds for an event, once; returns how many fired.

    The caller moves its cursor past the events in the same transaction.
    """
    found = storage.candidates(session, events)
    rules = storage.lock_rules(session, (alert_id for ids in found.values() for alert_id in ids))
    # The rules are locked: nobody else fires them meanwhile.
    fired = storage.fired(session, rules, [event.key for event in events])
    owners = storage.owners(session, (rule.user_id for rule in rules.values()))
    rights = Rights(session, now)
    decisions: list[_Decision] = []
    for number in sorted(found):
        event = events[number]
        for alert_id in found[number]:
            rule = rules.get(alert_id)
            if rule is None or (alert_id, event.key) in fired or not _wanted(rule, event):
                continue
            if holds(rule.condition, event):
                decision = _decide(rule, owners[rule.user_id], event, rights.of(rule.user_id), now)
                if decision is not None:
                    fired.add((alert_id, event.key))
                    last = rule.last_known_at
                    rule.last_known_at = event.known_at if last is None else max(last, event.known_at)
                    decisions.append(decision)
    if decisions:
        _carry_out(session, decisions, now)
    return len(decisions)


def _wanted(rule: Rule, event: Event) -> bool:
    if not rule.enabled or event.known_at <= rule.active_since:
        return False
    if rule.expires_at is not None and event.known_at >= rule.expires_at:
        return False
    last = rule.last_known_at
    # Series do not come in step: an event may have been known before the one that was told last.
    return last is None or abs(event.known_at - last) >= timedelta(seconds=rule.cooldown_s)


def _decide(rule: Rule, owner: Owner, event: Event, entitlements: Entitlements, now: datetime) -> _Decision | None:
    # A plan that has room for fewer rules keeps the oldest of those that are on.
    if not owner.active or rule.place >= entitlements.alerts or not entitlements.allows(event.market, event.timeframe):
        return None
    shown_from = event.known_at + entitlements.signal_delay if event.delayed else now
    release, state = _released(rule, owner, event, max(now, shown_from), now)
    words = words_of(event, rule.name)
    if isinstance(rule.condition, PriceCondition):
        words = price_words(words, rule.condition.level)
    return _Decision(rule, owner, event, words, state, release)


def _released(rule: Rule, owner: Owner, event: Event, release: datetime, now: datetime) -> tuple[datetime, FiringState]:
    if now - event.known_at > STALE_AFTER:
        return release, FiringState.STALE
    quiet = rule.quiet_hours
    if quiet is None:
        return release, FiringState.QUEUED
    end = quiet_until(release, quiet.start, quiet.end, owner.time_zone)
    if end == release:
        return release, FiringState.QUEUED
    return (release, FiringState.QUIET) if quiet.then is QuietThen.DROP else (end, FiringState.HELD)


_FIRE = text(
    """
    INSERT INTO serving.alert_firings (alert_id, event_key, title, body, facts, state, kind, market, timeframe, known_at, at)
    SELECT alert_id, event_key, title, body, facts, state, kind, market, timeframe, known_at, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(number int, alert_id uuid, event_key text, title text, body text,
        facts jsonb, state text, kind text, market text, timeframe text, known_at timestamptz)
    ORDER BY number RETURNING firing_id, alert_id::text AS alert_id, event_key
    """
)
_LAST = text(
    "UPDATE serving.alert_rules AS r SET last_known_at = given.known_at "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(alert_id uuid, known_at timestamptz) "
    "WHERE r.alert_id = given.alert_id"
)


def _carry_out(session: Session, decisions: Sequence[_Decision], now: datetime) -> None:
    connection = session.connection()
    rows = [_row(number, decision) for number, decision in enumerate(decisions)]
    written = connection.execute(_FIRE, {"rows": orjson.dumps(rows).decode(), "now": now})
    ids = {(row.alert_id, row.event_key): row.firing_id for row in written}
    last = {one.rule.alert_id: one.rule.last_known_at for one in decisions}
    moved = [{"alert_id": alert_id, "known_at": known_at} for alert_id, known_at in last.items()]
    connection.execute(_LAST, {"rows": orjson.dumps(moved).decode()})
    tell(session, (_firing(one, ids) for one in decisions if one.state in (FiringState.QUEUED, FiringState.HELD)), now)


def _row(number: int, decision: _Decision) -> dict[str, Any]:
    event = decision.event
    return {
        "number": number,
        "alert_id": decision.rule.alert_id,
        "event_key": event.key,
        "title": decision.words.title,
        "body": decision.words.body,
        "facts": dict(event.facts),
        "state": decision.state.value,
        "kind": event.kind.value,
        "market": event.market,
        "timeframe": event.timeframe,
        "known_at": event.known_at,
    }


def _firing(decision: _Decision, ids: Mapping[tuple[str, str], int]) -> Firing:
    event = decision.event
    return Firing(
        ids[(decision.rule.alert_id, event.key)],
        decision.rule,
        decision.owner,
        event.key,
        decision.words,
        event.facts,
        event.market,
        event.timeframe,
        event.known_at,
        event.delayed,
        decision.release,
    )

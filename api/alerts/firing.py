"""From an event to messages: one firing a rule and event, one message a channel, in the transaction of the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts import storage
from api.alerts.events import Event, holds
from api.alerts.quiet import quiet_until
from api.alerts.rules import ChannelKind, PriceCondition, QuietThen, WebhookChannel
from api.alerts.storage import Owner, Rule
from api.alerts.wording import Words, price_words, words_of
from api.entitlements import Entitlements, entitlements_of
from api.mail import destination_of
from api.outbox import Topic, enqueue
from stores.tables import FiringState, NoticeState

STALE_AFTER = timedelta(hours=24)
"""What becomes known here later than that after it happened is no news."""


@dataclass(frozen=True)
class Firing:
    """What is to be told to somebody.

    Attributes
    ----------
    firing_id : int
    rule : Rule
    owner : Owner
    event_key : str
    words : Words
    facts : mapping
    market, timeframe : str
        Empty for a test.
    known_at : datetime
    delayed : bool
        Whether the plan's delay counts.
    """

    firing_id: int
    rule: Rule
    owner: Owner
    event_key: str
    words: Words
    facts: Mapping[str, Any]
    market: str
    timeframe: str
    known_at: datetime
    delayed: bool


class Rights:
    """Entitlements of people and the rules they have room for, read once a batch."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._known: dict[str, tuple[Entitlements, frozenset[str]]] = {}

    def of(self, user_id: str) -> tuple[Entitlements, frozenset[str]]:
        """Entitlements, and the ids of the rules within them."""
        if user_id not in self._known:
            entitlements = entitlements_of(self._session, user_id, self._now)
            within = storage.within_bound(self._session, user_id, entitlements.alerts)
            self._known[user_id] = (entitlements, within)
        return self._known[user_id]


def match(session: Session, events: Sequence[Event], now: datetime) -> int:
    """Fire every rule that holds for an event, once; returns how many fired.

    The caller moves its cursor past the events in the same transaction.
    """
    found = storage.candidates(session, events)
    rules = storage.lock_rules(session, (alert_id for ids in found.values() for alert_id in ids))
    owners = storage.owners(session, (rule.user_id for rule in rules.values()))
    rights = Rights(session, now)
    fired = 0
    for number in sorted(found):
        event = events[number]
        for alert_id in found[number]:
            rule = rules.get(alert_id)
            if rule is not None and _wanted(rule, event) and holds(rule.condition, event):
                fired += _fire(session, rule, owners[rule.user_id], event, rights, now)
    return fired


def _wanted(rule: Rule, event: Event) -> bool:
    if not rule.enabled or event.known_at <= rule.active_since:
        return False
    if rule.expires_at is not None and event.known_at >= rule.expires_at:
        return False
    last = rule.last_known_at
    # Series do not come in step: an event may have been known before the one that was told last.
    return last is None or abs(event.known_at - last) >= timedelta(seconds=rule.cooldown_s)


def _fire(session: Session, rule: Rule, owner: Owner, event: Event, rights: Rights, now: datetime) -> int:
    entitlements, within = rights.of(rule.user_id)
    if not owner.active or rule.alert_id not in within or not entitlements.allows(event.market, event.timeframe):
        return 0
    shown_from = event.known_at + entitlements.signal_delay if event.delayed else now
    release, state = _released(rule, owner, event, max(now, shown_from), now)
    words = words_of(event, rule.name)
    if isinstance(rule.condition, PriceCondition):
        words = price_words(words, rule.condition.level)
    firing_id = _write(session, rule, event, words, state, now)
    if firing_id is None:
        return 0
    rule.last_known_at = event.known_at if rule.last_known_at is None else max(rule.last_known_at, event.known_at)
    session.connection().execute(
        text("UPDATE serving.alert_rules SET last_known_at = :known WHERE alert_id = :id"),
        {"known": rule.last_known_at, "id": rule.alert_id},
    )
    if state in (FiringState.QUEUED, FiringState.HELD):
        firing = Firing(
            firing_id,
            rule,
            owner,
            event.key,
            words,
            event.facts,
            event.market,
            event.timeframe,
            event.known_at,
            event.delayed,
        )
        tell(session, firing, now=now, available_at=release)
    return 1


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


def _write(session: Session, rule: Rule, event: Event, words: Words, state: FiringState, now: datetime) -> int | None:
    return (
        session.connection()
        .execute(
            text(
                "INSERT INTO serving.alert_firings "
                "(alert_id, event_key, title, body, facts, state, kind, market, timeframe, known_at, at) "
                "VALUES (:alert, :key, :title, :body, CAST(:facts AS jsonb), :state, :kind, :market, :timeframe, "
                ":known, :now) ON CONFLICT (alert_id, event_key) DO NOTHING RETURNING firing_id"
            ),
            {
                "alert": rule.alert_id,
                "key": event.key,
                "title": words.title,
                "body": words.body,
                "facts": orjson.dumps(dict(event.facts)).decode(),
                "state": state.value,
                "kind": event.kind.value,
                "market": event.market,
                "timeframe": event.timeframe,
                "known": event.known_at,
                "now": now,
            },
        )
        .scalar_one_or_none()
    )


@dataclass(frozen=True)
class _Message:
    """A message to one receiver of a channel."""

    channel: str
    topic: Topic
    destination: str
    more: Mapping[str, Any]


def tell(session: Session, firing: Firing, *, now: datetime, available_at: datetime) -> None:
    """Hand a firing to every channel of its rule; each has a line in the history."""
    for choice in firing.rule.channels:
        if isinstance(choice, WebhookChannel):
            from api.alerts.webhook_channel import to_webhook

            refused = to_webhook(session, firing, str(choice.webhook_id), now=now, available_at=available_at)
            _note(session, firing, choice.name, refused, now)
            continue
        messages = list(_messages(firing, choice.type))
        if not messages:
            _note(session, firing, choice.name, _NOWHERE[choice.type], now)
        for message in messages:
            _note(session, firing, message.channel, None, now)
            payload = {"alert": notice(firing, message.channel), **message.more}
            enqueue(
                session,
                message.topic,
                payload,
                key=f"alert:{firing.rule.alert_id}:{firing.event_key}:{message.channel}",
                now=now,
                available_at=available_at,
                destination=message.destination,
            )


_NOWHERE = {
    ChannelKind.EMAIL: "the e-mail address is not confirmed",
    ChannelKind.TELEGRAM: "no Telegram chat is linked",
    ChannelKind.PUSH: "no browser is subscribed",
}


def _messages(firing: Firing, kind: ChannelKind) -> Iterable[_Message]:
    owner = firing.owner
    if kind is ChannelKind.EMAIL and owner.verified:
        context = {"title": firing.words.title, "text": firing.words.body, "alert_id": firing.rule.alert_id}
        mail = {"to": owner.email, "template": "alert", "context": context, "locale": owner.locale}
        yield _Message("email", Topic.MAIL, destination_of(owner.email), mail)
    elif kind is ChannelKind.TELEGRAM and owner.chat_id is not None:
        said = {"title": firing.words.title, "text": firing.words.body}
        yield _Message("telegram", Topic.TELEGRAM, str(owner.chat_id), said)
    elif kind is ChannelKind.PUSH:
        for browser in owner.browsers:
            said = {"title": firing.words.title, "text": firing.words.body, "subscription_id": browser}
            yield _Message(f"push:{browser}", Topic.PUSH, browser, said)


def notice(firing: Firing, channel: str) -> dict[str, Any]:
    """What a channel checks again before it sends: `api.alerts.gate.Notice`."""
    return {
        "firing_id": firing.firing_id,
        "alert_id": firing.rule.alert_id,
        "user_id": firing.rule.user_id,
        "channel": channel,
        "market": firing.market,
        "timeframe": firing.timeframe,
        "known_at": firing.known_at,
        "delayed": firing.delayed,
        "signal_id": firing.facts.get("signal_id") if firing.event_key.startswith("signal:") else None,
    }


def _note(session: Session, firing: Firing, channel: str, refused: str | None, now: datetime) -> None:
    session.connection().execute(
        text(
            "INSERT INTO serving.alert_notices (firing_id, channel, state, detail, updated_at) "
            "VALUES (:firing, :channel, :state, :detail, :now) ON CONFLICT (firing_id, channel) DO NOTHING"
        ),
        {
            "firing": firing.firing_id,
            "channel": channel,
            "state": (NoticeState.QUEUED if refused is None else NoticeState.FAILED).value,
            "detail": refused or "",
            "now": now,
        },
    )

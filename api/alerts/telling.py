"""From firings to messages: one a receiver of each channel, each with a line in the history of its rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts.rules import ChannelKind, WebhookChannel
from api.alerts.storage import Owner, Rule
from api.alerts.webhook_channel import ToWebhook, to_webhooks
from api.alerts.wording import Words
from api.mail import destination_of
from api.outbox import Message, Topic, enqueue_all
from stores.tables import NoticeState


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
    available_at : datetime
        It is not told before.
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
    available_at: datetime


@dataclass(frozen=True)
class _Said:
    """A message to one receiver."""

    channel: str
    topic: Topic
    destination: str
    more: Mapping[str, Any]


def tell(session: Session, firings: Iterable[Firing], now: datetime) -> None:
    """Hand firings to every channel of their rules, in a handful of statements however many there are."""
    messages: dict[Topic, list[Message]] = {}
    hooks: list[ToWebhook] = []
    notes: list[dict[str, Any]] = []
    for firing in firings:
        for choice in firing.rule.channels:
            if isinstance(choice, WebhookChannel):
                hooks.append(_to_webhook(firing, str(choice.webhook_id)))
                continue
            said = list(_said(firing, choice.type))
            if not said:
                notes.append(_note(firing.firing_id, choice.name, _NOWHERE[choice.type]))
            for one in said:
                notes.append(_note(firing.firing_id, one.channel))
                key = f"alert:{firing.rule.alert_id}:{firing.event_key}:{one.channel}"
                payload = {"alert": _notice(firing, one.channel), **one.more}
                messages.setdefault(one.topic, []).append(Message(key, payload, one.destination, firing.available_at))
    for hook, refused in to_webhooks(session, hooks, now):
        notes.append(_note(hook.firing_id, f"webhook:{hook.webhook_id}", refused))
    for topic, queued in messages.items():
        enqueue_all(session, topic, queued, now=now)
    _write_notes(session, notes, now)


_NOWHERE = {
    ChannelKind.EMAIL: "the e-mail address is not confirmed",
    ChannelKind.TELEGRAM: "no Telegram chat is linked",
    ChannelKind.PUSH: "no browser is subscribed",
}


def _said(firing: Firing, kind: ChannelKind) -> Iterable[_Said]:
    owner = firing.owner
    words = {"title": firing.words.title, "text": firing.words.body}
    if kind is ChannelKind.EMAIL and owner.verified:
        context = {**words, "alert_id": firing.rule.alert_id}
        mail = {"to": owner.email, "template": "alert", "context": context, "locale": owner.locale}
        yield _Said("email", Topic.MAIL, destination_of(owner.email), mail)
    elif kind is ChannelKind.TELEGRAM and owner.chat_id is not None:
        yield _Said("telegram", Topic.TELEGRAM, str(owner.chat_id), words)
    elif kind is ChannelKind.PUSH:
        for browser in owner.browsers:
            yield _Said(f"push:{browser}", Topic.PUSH, browser, {**words, "subscription_id": browser})


def _notice(firing: Firing, channel: str) -> dict[str, Any]:
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


def _to_webhook(firing: Firing, webhook_id: str) -> ToWebhook:
    data = {
        "alert_id": firing.rule.alert_id,
        "name": firing.rule.name,
        "title": firing.words.title,
        "text": firing.words.body,
        "market": firing.market or None,
        "timeframe": firing.timeframe or None,
        "event": dict(firing.facts),
    }
    return ToWebhook(
        firing.firing_id,
        webhook_id,
        firing.rule.user_id,
        f"alert:{firing.rule.alert_id}:{firing.event_key}",
        firing.market,
        firing.timeframe,
        firing.known_at,
        firing.delayed,
        data,
        firing.available_at,
    )


def _note(firing_id: int, channel: str, refused: str | None = None) -> dict[str, Any]:
    state = NoticeState.QUEUED if refused is None else NoticeState.FAILED
    return {"firing_id": firing_id, "channel": channel, "state": state.value, "detail": refused or ""}


def _write_notes(session: Session, notes: Sequence[Mapping[str, Any]], now: datetime) -> None:
    if not notes:
        return
    session.connection().execute(
        text(
            "INSERT INTO serving.alert_notices (firing_id, channel, state, detail, updated_at) "
            "SELECT firing_id, channel, state, detail, :now FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
            "AS given(firing_id bigint, channel text, state text, detail text) ON CONFLICT DO NOTHING"
        ),
        {"rows": orjson.dumps(notes).decode(), "now": now},
    )

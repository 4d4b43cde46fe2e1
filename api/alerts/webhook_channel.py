"""Alerts to webhooks: handed to delivery, which signs, repeats and logs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.delivery.webhooks import Event, EventType, queue_events
from api.times import EARLIEST, format_instant

_KNOWN = text(
    "SELECT webhook_id::text, user_id::text, enabled FROM serving.webhooks WHERE webhook_id = ANY(CAST(:ids AS uuid[]))"
)


@dataclass(frozen=True)
class ToWebhook:
    """A firing on its way to one webhook of the rule's owner."""

    firing_id: int
    webhook_id: str
    user_id: str
    key: str
    market: str
    timeframe: str
    known_at: datetime
    delayed: bool
    data: Mapping[str, Any]
    available_at: datetime


def to_webhooks(session: Session, wanted: Sequence[ToWebhook], now: datetime) -> Iterator[tuple[ToWebhook, str | None]]:
    """Queue firings for webhooks; gives each with why it cannot be told, if it cannot."""
    if not wanted:
        return
    rows = session.connection().execute(_KNOWN, {"ids": sorted({one.webhook_id for one in wanted})})
    enabled = {(row.webhook_id, row.user_id): row.enabled for row in rows}
    queued: list[tuple[str, Event, datetime]] = []
    for one in wanted:
        known = enabled.get((one.webhook_id, one.user_id))
        if known:
            queued.append((one.webhook_id, _event(one, now), one.available_at))
        yield one, "the webhook was deleted" if known is None else None if known else "the webhook is switched off"
    queue_events(session, queued, now=now)


def _event(one: ToWebhook, now: datetime) -> Event:
    known_at = str(format_instant(one.known_at))
    # A plan's delay does not count for prices: for it they have been known for ever.
    shown_from = known_at if one.delayed else str(format_instant(EARLIEST))
    subject = {"market": one.market, "timeframe": one.timeframe, "known_at": shown_from} if one.market else {}
    return Event(one.key, EventType.ALERT_TRIGGERED, now, {**one.data, "known_at": known_at}, subject)

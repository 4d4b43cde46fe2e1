"""Alerts to webhooks: handed to delivery, which signs, repeats and logs them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import Session

from api.delivery.webhooks import Event, EventType, queue_event
from api.times import EARLIEST, format_instant

if TYPE_CHECKING:
    from api.alerts.firing import Firing

_OWNED = text("SELECT enabled FROM serving.webhooks WHERE webhook_id = :webhook AND user_id = :user")


def to_webhook(
    session: Session, firing: Firing, webhook_id: str, *, now: datetime, available_at: datetime
) -> str | None:
    """Queue a firing for a webhook of the rule's owner; returns why not, if it cannot."""
    enabled = (
        session.connection().execute(_OWNED, {"webhook": webhook_id, "user": firing.rule.user_id}).scalar_one_or_none()
    )
    if enabled is None:
        return "the webhook was deleted"
    if not enabled:
        return "the webhook is switched off"
    known_at = str(format_instant(firing.known_at))
    # A plan's delay does not count for prices: for it they have been known for ever.
    shown_from = known_at if firing.delayed else str(format_instant(EARLIEST))
    subject = {"market": firing.market, "timeframe": firing.timeframe, "known_at": shown_from} if firing.market else {}
    data = {
        "alert_id": firing.rule.alert_id,
        "name": firing.rule.name,
        "title": firing.words.title,
        "text": firing.words.body,
        "market": firing.market or None,
        "timeframe": firing.timeframe or None,
        "known_at": known_at,
        "event": dict(firing.facts),
    }
    key = f"alert:{firing.rule.alert_id}:{firing.event_key}"
    event = Event(key, EventType.ALERT_TRIGGERED, now, data, subject)
    queue_event(session, webhook_id, event, now=now, available_at=available_at)
    return None

"""Messages of the payment provider.

A message only says where to look: what counts is what the provider's object says when it is asked, under a ticket taken
before. So it does not matter in which order messages come, how late, or how often. It is answered with success only when
what it led to is committed; otherwise the provider sends it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio.to_thread
from sqlalchemy import text
from sqlmodel import Session

from api.audit import SYSTEM
from api.billing import stripe_client
from api.billing.books import STRIPE, Books
from api.billing.stripe_client import look
from api.billing.stripe_objects import Seen
from api.billing.stripe_provider import call, take
from api.dependencies import Context

_KINDS = {
    "checkout.session.completed": "checkout.session",
    "customer.subscription.created": "subscription",
    "customer.subscription.updated": "subscription",
    "customer.subscription.deleted": "subscription",
    "customer.subscription.paused": "subscription",
    "customer.subscription.resumed": "subscription",
    "customer.subscription.trial_will_end": "subscription",
    "invoice.paid": "invoice",
    "invoice.payment_failed": "invoice",
    "charge.refunded": "charge",
    "charge.dispute.created": "dispute",
    "charge.dispute.updated": "dispute",
    "charge.dispute.closed": "dispute",
}


@dataclass(frozen=True)
class Message:
    """One message."""

    event_id: str
    type: str
    created_at: datetime
    kind: str | None
    ref: str

    @classmethod
    def of(cls, event: dict[str, Any]) -> Message:
        """Read what matters of an event.

        Raises
        ------
        BadSignature
            If it is none: signed, and yet without what every event has.
        """
        try:
            created_at = datetime.fromtimestamp(int(event["created"]), UTC)
            ref = str(event["data"]["object"].get("id") or "")
            kind = _KINDS.get(str(event["type"])) if ref else None
            return cls(str(event["id"]), str(event["type"]), created_at, kind, ref)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            raise stripe_client.BadSignature("no event") from None


def receive(session: Session, message: Message, now: datetime) -> int | None:
    """Write a message down; returns a ticket to look under, or None if it had its effect before."""
    connection = session.connection()
    connection.execute(
        text(
            "INSERT INTO serving.billing_events (provider, event_id, type, created_at, received_at) "
            "VALUES (:provider, :id, :type, :created, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "provider": STRIPE,
            "id": message.event_id,
            "type": message.type,
            "created": message.created_at,
            "now": now,
        },
    )
    return connection.execute(
        text(
            "SELECT nextval('serving.billing_tickets') FROM serving.billing_events "
            "WHERE provider = :provider AND event_id = :id AND processed_at IS NULL"
        ),
        {"provider": STRIPE, "id": message.event_id},
    ).scalar_one_or_none()


def settle(session: Session, message: Message, now: datetime) -> None:
    """A message has had its effect, in the transaction of the effect."""
    session.connection().execute(
        text(
            "UPDATE serving.billing_events SET processed_at = :now WHERE provider = :provider AND event_id = :id "
            "AND processed_at IS NULL"
        ),
        {"provider": STRIPE, "id": message.event_id, "now": now},
    )


async def handle(context: Context, payload: bytes, signature: str | None) -> bool:
    """Take a message; returns whether it was new.

    Raises
    ------
    BadSignature
        If it is not the provider's, was altered, or is too old.
    Problem
        If the provider cannot be asked now, or the instance is not set up for it.
    """
    message = Message.of(stripe_client.checked_event(context.settings, payload, signature))
    now = context.clock()
    ticket = await context.stores.in_session(lambda session: receive(session, message, now))
    if ticket is None:
        return False
    seen = Seen()
    if message.kind is not None:
        client, kind = stripe_client.connect(context.settings), message.kind
        seen = await anyio.to_thread.run_sync(lambda: call(lambda: look(client, kind, message.ref)))

    def store(session: Session) -> None:
        take(Books(session, context.settings, context.vault, now, SYSTEM), seen, ticket)
        settle(session, message, now)

    await context.stores.in_session(store)
    return True


def forget(session: Session, before: datetime) -> int:
    """Delete messages that came before an instant; returns how many."""
    result = session.connection().execute(
        text("DELETE FROM serving.billing_events WHERE received_at < :before AND processed_at IS NOT NULL"),
        {"before": before},
    )
    return result.rowcount

"""What people are told about their subscription."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from api.billing import money
from api.billing.states import Terms
from api.mail import Template, queue_mail
from api.times import format_instant
from stores.tables import Invoice, Plan, Subscription, SubscriptionStatus, User, UserStatus

TRIAL_NOTICE = timedelta(days=3)
"""So long before its end a trial's owner is told."""
REMINDERS = (timedelta(days=3), timedelta(days=6))
"""After so long a missing payment is asked for again."""

_OVER = (SubscriptionStatus.UNPAID, SubscriptionStatus.ENDED)
_GIVING = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


def on_change(session: Session, row: Subscription, before: Terms, after: Terms, now: datetime) -> None:
    """Tell of a plan that is over, once."""
    if after.status in _OVER and before.status in _GIVING:
        at = after.ended_at or now
        _tell(session, row, Template.SUBSCRIPTION_ENDED, {"ended_at": format_instant(at)}, f"over {row.version}", now)


def trial_ends_soon(terms: Terms, now: datetime) -> bool:
    """Whether it is time to tell that a trial ends."""
    if terms.status is not SubscriptionStatus.TRIALING or terms.trial_end is None or terms.cancel_at_period_end:
        return False
    return terms.trial_end - now <= TRIAL_NOTICE


def trial_ending(session: Session, row: Subscription, now: datetime) -> None:
    """Tell that a trial ends soon."""
    ends = format_instant(row.trial_end)
    _tell(session, row, Template.TRIAL_ENDING, {"ends_at": ends}, f"trial {ends}", now)


def payment_missing(session: Session, row: Subscription, amount: str, now: datetime) -> None:
    """Tell that a payment is missing."""
    key = f"missing {format_instant(row.past_due_since)} {row.reminders}"
    _tell(session, row, Template.PAYMENT_FAILED, {"amount": amount}, key, now)


def invoice_made(session: Session, invoice: Invoice, number: str, now: datetime, reminder: int = 0) -> None:
    """Tell that an invoice is there: to be paid, or paid already."""
    user = _reader(session, invoice.user_id)
    if user is None:
        return
    context: dict[str, Any] = {"number": number, "amount": money.shown(invoice.total_minor, invoice.currency)}
    template = Template.INVOICE
    if invoice.status == "open":
        template = Template.INVOICE_DUE
        context["due_at"] = format_instant(invoice.due_at or invoice.issued_at)
    key = f"invoice {invoice.invoice_id} {reminder}"
    queue_mail(session, user.email, template, context, key=key, now=now, locale=user.locale)


def _tell(
    session: Session, row: Subscription, template: Template, context: dict[str, Any], key: str, now: datetime
) -> None:
    user = _reader(session, row.user_id)
    plan = session.get(Plan, row.plan_id)
    if user is None or plan is None:
        return
    full = f"subscription {row.subscription_id} {key}"
    queue_mail(session, user.email, template, {"plan": plan.name, **context}, key=full, now=now, locale=user.locale)


def _reader(session: Session, user_id: str | None) -> User | None:
    user = None if user_id is None else session.get(User, user_id)
    return user if user is not None and user.status != UserStatus.DELETED else None

"""What administrators do: give plans, confirm payments, refund, record a payment charged back, change plans."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from api import audit
from api.billing import invoices, plans
from api.billing.books import MANUAL, Books, locked, rewrite, shown, terms_of
from api.billing.manual import Manual
from api.billing.service import provider_of
from api.billing.states import Refused, disputed, won
from api.problems import Problem, invalid
from api.times import format_instant
from stores.tables import Grant, Invoice, Plan, Subscription, User


def give_grant(books: Books, user_id: str, plan_id: str, until: datetime, reason: str) -> dict[str, Any]:
    """Give a person a plan until a date.

    Raises
    ------
    Problem
        If there is no such person or plan, or the date has passed.
    """
    if books.session.get(User, user_id) is None:
        raise Problem("not-found", f"there is no user {user_id}")
    if until <= books.now:
        raise invalid("until", "has passed; give a later date")
    plan = plans.known(books.session, plan_id)
    grant = Grant(
        grant_id=str(uuid4()),
        user_id=user_id,
        plan_id=plan.plan_id,
        until=until,
        granted_by=books.actor.user_id,
        reason=reason,
        created_at=books.now,
    )
    books.session.add(grant)
    books.session.flush()
    _record(books, "grant.given", f"user:{user_id}", {"plan": plan_id, "until": until.isoformat(), "reason": reason})
    return grant_shown(grant)


def revoke_grant(books: Books, grant_id: str) -> dict[str, Any]:
    """Take a grant back, at once.

    Raises
    ------
    Problem
        If there is none.
    """
    grant = books.session.get(Grant, grant_id, with_for_update=True)
    if grant is None:
        raise Problem("not-found", f"there is no grant {grant_id}")
    if grant.revoked_at is None:
        grant.revoked_at = books.now
        books.session.add(grant)
        _record(books, "grant.revoked", f"user:{grant.user_id}", {"plan": grant.plan_id, "grant_id": grant_id})
    return grant_shown(grant)


def grants_of(session: Session, user_id: str) -> list[dict[str, Any]]:
    """List the grants of a person, newest first."""
    query = select(Grant).where(col(Grant.user_id) == user_id).order_by(col(Grant.created_at).desc())
    return [grant_shown(grant) for grant in session.exec(query)]


def subscriptions_of(session: Session, user_id: str) -> list[dict[str, Any]]:
    """List the subscriptions of a person, newest first, with the mark of a payment charged back."""
    query = (
        select(Subscription).where(col(Subscription.user_id) == user_id).order_by(col(Subscription.created_at).desc())
    )
    return [
        {
            **shown(row),
            "disputed_at": format_instant(row.disputed_at),
            "dispute_won_at": format_instant(row.dispute_won_at),
        }
        for row in session.exec(query)
    ]


def confirm_payment(books: Books, invoice_id: str, payment_ref: str = "") -> dict[str, Any]:
    """Confirm that an open invoice has been paid.

    Parameters
    ----------
    books : Books
    invoice_id : str
    payment_ref : str
        For the books, such as the line of a bank statement.

    Raises
    ------
    Problem
        If it is not open, or its payments are Stripe's to confirm.
    """
    invoice = _held(books, invoice_id)
    if invoice.provider != MANUAL:
        raise Problem("conflict", "Stripe confirms the payments of its invoices itself")
    try:
        Manual().confirm(books, invoice, payment_ref)
    except Refused as error:
        raise Problem("conflict", str(error)) from None
    return invoices.shown(invoice)


def refund(books: Books, invoice_id: str, amount_minor: int | None, reason: str) -> dict[str, Any]:
    """Give money back, all that is left of an invoice if no sum is said. Returns the credit note."""
    invoice = _held(books, invoice_id)
    if invoice.kind != "invoice":
        raise Problem("conflict", "a credit note cannot be refunded")
    amount = invoice.total_minor - invoice.refunded_minor if amount_minor is None else amount_minor
    note = provider_of(books.settings, invoice.provider).refund(books, invoice, amount, reason)
    if note is None:
        raise Problem("conflict", "this refund was made before")
    _record(books, "invoice.refunded", f"invoice:{invoice_id}", {"amount_minor": amount, "reason": reason})
    return invoices.shown(note)


def charge_back(books: Books, subscription_id: str) -> dict[str, Any]:
    """A payment of a subscription was charged back: it ends at once, and the person can start no other."""
    row = locked(books, subscription_id)
    if row.provider != MANUAL:
        raise Problem("conflict", "Stripe tells of disputes itself")
    rewrite(books, row, disputed(terms_of(row), books.now))
    invoices.void_open(books, subscription_id)
    return shown(row)


def clear_mark(books: Books, subscription_id: str) -> dict[str, Any]:
    """A payment charged back was settled: the person may subscribe again."""
    row = locked(books, subscription_id)
    rewrite(books, row, won(terms_of(row), books.now))
    return shown(row)


CHANGEABLE = [
    "name",
    "price_minor",
    "trial_days",
    "markets",
    "timeframes",
    "signal_delay_s",
    "history_s",
    "streams",
    "alerts",
    "webhooks",
    "api_keys",
    "requests_per_minute",
    "burst",
    "backtests",
    "export",
    "active",
    "stripe_price",
]
"""What of a plan can be changed. Its currency, interval and place cannot: who has it was promised them."""


def change_plan(books: Books, plan_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change a plan, for everybody who has it.

    Raises
    ------
    Problem
        If there is no such plan, or a value cannot be changed.
    """
    plan = books.session.get(Plan, plan_id, with_for_update=True)
    if plan is None:
        raise Problem("not-found", f"there is no plan {plan_id}")
    for name in values:
        if name not in CHANGEABLE:
            raise invalid(name, "cannot be changed")
    if plan_id == plans.FREE_PLAN and (values.get("active") is False or values.get("price_minor", 0) != 0):
        raise Problem("conflict", "the free plan stays, and stays free: it is what everybody has")
    before = {name: getattr(plan, name) for name in values}
    for name, value in values.items():
        setattr(plan, name, value)
    books.session.add(plan)
    try:
        books.session.flush()
    except IntegrityError:
        raise Problem(
            "conflict", "a number is below its least value, or another plan has this price of Stripe's"
        ) from None
    _record(books, "plan.changed", f"plan:{plan_id}", {"from": before, "to": dict(values)})
    return plans.shown(plan)


def grant_shown(grant: Grant) -> dict[str, Any]:
    """A grant as the API shows it."""
    return {
        "grant_id": grant.grant_id,
        "user_id": grant.user_id,
        "plan": grant.plan_id,
        "until": format_instant(grant.until),
        "granted_by": grant.granted_by,
        "reason": grant.reason,
        "created_at": format_instant(grant.created_at),
        "revoked_at": format_instant(grant.revoked_at),
    }


def _held(books: Books, invoice_id: str) -> Invoice:
    """Lock an invoice, and its subscription before it: everybody takes them in this order."""
    invoice = books.session.get(Invoice, invoice_id)
    if invoice is not None and invoice.subscription_id is not None:
        locked(books, invoice.subscription_id)
    return invoices.locked(books.session, invoice_id)


def _record(books: Books, action: str, target: str, details: dict[str, Any]) -> None:
    audit.record(books.session, books.actor, action, target=target, now=books.now, details=details)

"""What a person can do with his subscription, whichever provider takes the payments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import text
from sqlmodel import Session, col, select

from api import audit
from api.billing import invoices, plans, stripe_client
from api.billing.books import MANUAL, STRIPE, Books, lock_person, locked, missing, shown, terms_of
from api.billing.manual import Manual
from api.billing.states import Refused, is_marked
from api.billing.stripe_provider import Stripe
from api.billing.trials import may_try, use_trial
from api.pagination import Cursors
from api.problems import Problem
from api.times import EARLIEST
from stores.settings import Settings
from stores.tables import Invoice, Plan, Subscription, SubscriptionStatus


class Provider(Protocol):
    """Whoever takes the payments."""

    def start(self, books: Books, row: Subscription, plan: Plan, trial_days: int) -> None:
        """Begin a subscription."""
        ...

    def change(self, books: Books, row: Subscription, plan: Plan) -> None:
        """Change its plan."""
        ...

    def cancel(self, books: Books, row: Subscription) -> None:
        """Cancel at the end of what was paid for."""
        ...

    def end(self, books: Books, row: Subscription) -> None:
        """End it at once."""
        ...

    def resume(self, books: Books, row: Subscription) -> None:
        """Take back a cancellation, or a change at the period's end."""
        ...

    def portal(self, books: Books, user_id: str) -> str:
        """Address of a page where a person sees to his means of payment."""
        ...

    def refund(self, books: Books, invoice: Invoice, amount: int, reason: str) -> Invoice | None:
        """Give money back."""
        ...

    def advance(self, books: Books, row: Subscription) -> None:
        """Let time pass."""
        ...


def provider_name(settings: Settings) -> str:
    """Name of the provider new subscriptions are made with."""
    return MANUAL if settings.stripe_api_key is None else STRIPE


def provider_of(settings: Settings, name: str) -> Provider:
    """Find a provider by its name.

    Raises
    ------
    Problem
        If the instance is not set up for it.
    """
    return Manual() if name == MANUAL else Stripe(stripe_client.connect(settings))


def start(books: Books, user_id: str, plan_id: str) -> dict[str, Any]:
    """Start a subscription, with a trial if the person never had one.

    Raises
    ------
    Problem
        If he has one, may have none, or the plan cannot be subscribed to.
    """
    user = lock_person(books, user_id)
    if user.email_verified_at is None:
        raise Problem("forbidden", "verify your e-mail address first; invoices and notices go there")
    plan = plans.to_subscribe(books.session, plan_id)
    query = select(Subscription).where(col(Subscription.user_id) == user_id).with_for_update()
    before = list(books.session.exec(query))
    if any(is_marked(terms_of(row)) for row in before):
        raise Problem("forbidden", "a payment of yours was charged back; write to the operator to settle it")
    for row in before:
        if row.status == SubscriptionStatus.INCOMPLETE:
            # Asked for and never paid: the new one takes its place.
            provider_of(books.settings, row.provider).cancel(books, row)
        elif row.status != SubscriptionStatus.ENDED:
            raise Problem("conflict", f"you have the plan {row.plan_id}; change, resume or cancel that subscription")
    name = provider_name(books.settings)
    row = Subscription(
        subscription_id=str(uuid4()),
        user_id=user_id,
        provider=name,
        plan_id=plan.plan_id,
        status=SubscriptionStatus.INCOMPLETE.value,
        cancel_at_period_end=False,
        version=0,
        reminders=0,
        created_at=books.now,
        updated_at=books.now,
    )
    books.session.add(row)
    books.session.flush()
    trial_days = plan.trial_days if plan.trial_days and may_try(books, user) else 0
    provider_of(books.settings, name).start(books, row, plan, trial_days)
    if row.trial_end is not None:
        use_trial(books, user_id)
    target, details = f"subscription:{row.subscription_id}", {"plan": plan_id, "trial": row.trial_end is not None}
    audit.record(books.session, books.actor, "subscription.started", target=target, now=books.now, details=details)
    return shown(row)


def _acting(books: Books, user_id: str, subscription_id: str, act: Callable[[Provider, Subscription], None]) -> Any:
    row = locked(books, subscription_id, user_id)
    try:
        act(provider_of(books.settings, row.provider), row)
    except Refused as error:
        raise Problem("conflict", str(error)) from None
    return shown(row)


def change(books: Books, user_id: str, subscription_id: str, plan_id: str) -> dict[str, Any]:
    """Change the plan of a subscription."""
    row = locked(books, subscription_id, user_id)
    # Going back to the plan one has is always possible, offered or not.
    plan = plans.known(books.session, plan_id) if plan_id == row.plan_id else plans.to_subscribe(books.session, plan_id)
    return _acting(books, user_id, subscription_id, lambda provider, row: provider.change(books, row, plan))


def cancel(books: Books, user_id: str, subscription_id: str) -> dict[str, Any]:
    """Cancel a subscription at the end of what was paid for."""

    def act(provider: Provider, row: Subscription) -> None:
        if row.status != SubscriptionStatus.ENDED and not row.cancel_at_period_end:
            provider.cancel(books, row)

    return _acting(books, user_id, subscription_id, act)


def resume(books: Books, user_id: str, subscription_id: str) -> dict[str, Any]:
    """Take back a cancellation, or a change at the period's end."""
    return _acting(books, user_id, subscription_id, lambda provider, row: provider.resume(books, row))


def portal(books: Books, user_id: str) -> str:
    """Address of a page where a person sees to his means of payment."""
    return provider_of(books.settings, provider_name(books.settings)).portal(books, user_id)


def close_account(books: Books, user_id: str) -> None:
    """End all a person pays for, at once: his account is going to be deleted. Invoices are kept."""
    query = select(Subscription).where(
        col(Subscription.user_id) == user_id, col(Subscription.status) != SubscriptionStatus.ENDED.value
    )
    for row in books.session.exec(query.with_for_update()):
        provider_of(books.settings, row.provider).end(books, row)
        invoices.void_open(books, row.subscription_id)


def read(session: Session, user_id: str, subscription_id: str) -> dict[str, Any]:
    """Read a subscription of a person."""
    row = session.get(Subscription, subscription_id)
    if row is None or row.user_id != user_id:
        raise missing(subscription_id)
    return shown(row)


def read_page(session: Session, user_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """Read a page of a person's subscriptions, newest first."""
    cursors = Cursors("subscriptions", user_id, (int, str))
    key = cursors.read(cursor)
    query = select(Subscription).where(col(Subscription.user_id) == user_id)
    if key is not None:
        after = text(
            "(created_at, subscription_id::text) < ('epoch'::timestamptz + :at * interval '1 microsecond', :id)"
        )
        query = query.where(after.bindparams(at=key[0], id=key[1]))
    query = query.order_by(col(Subscription.created_at).desc(), text("subscription_id::text DESC"))
    found = list(session.exec(query.limit(limit + 1)))
    page = found[:limit]
    more = None
    if len(found) > limit:
        last = page[-1]
        more = cursors.write(((last.created_at - EARLIEST) // timedelta(microseconds=1), last.subscription_id))
    return {"items": [shown(row) for row in page], "next_cursor": more}

"""What every piece of billing work needs, and the rows of subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api import audit
from api.audit import SYSTEM, Actor
from api.billing import notices
from api.billing.states import Policy, Terms, entitled_until, merge
from api.problems import Problem
from api.security.vault import Vault
from api.times import format_instant
from stores.settings import Settings
from stores.tables import Subscription, SubscriptionStatus, User

MANUAL = "manual"
STRIPE = "stripe"
STALE = timedelta(days=30)
"""So long a subscription waits for its first payment."""
_LATE_WORD = timedelta(days=1)


@dataclass(frozen=True)
class Books:
    """One transaction of billing work.

    Attributes
    ----------
    session : Session
    settings : Settings
    vault : Vault
    now : datetime
    actor : Actor
        Who does it.
    """

    session: Session
    settings: Settings
    vault: Vault
    now: datetime
    actor: Actor = SYSTEM

    def policy(self, provider: str) -> Policy:
        """How patient the platform is with what a provider tells."""
        late = _LATE_WORD if provider == STRIPE else timedelta(0)
        return Policy(timedelta(days=self.settings.billing_grace_days), late)

    def ticket(self) -> int:
        """Take the next ticket. What is learned after taking it is newer than all that was stored under older ones."""
        return self.session.connection().execute(text("SELECT nextval('serving.billing_tickets')")).scalar_one()


_TERMS = tuple(field.name for field in fields(Terms) if field.name not in ("plan", "status", "next_plan"))


def terms_of(row: Subscription) -> Terms:
    """Read where a subscription stands from its row."""
    rest: dict[str, Any] = {name: getattr(row, name) for name in _TERMS}
    return Terms(plan=row.plan_id, status=SubscriptionStatus(row.status), next_plan=row.next_plan_id, **rest)


def write(books: Books, row: Subscription, terms: Terms) -> None:
    """Store where a subscription stands now, and tell its owner what he has to know. The row must be locked.

    Older terms than those stored change nothing but what is final; see `merge`.
    """
    before = terms_of(row)
    now = merge(before, terms)
    if now == before and row.entitled_until == entitled_until(now, books.policy(row.provider)):
        return
    row.plan_id, row.next_plan_id, row.status = now.plan, now.next_plan, now.status.value
    for name in _TERMS:
        setattr(row, name, getattr(now, name))
    row.entitled_until = entitled_until(now, books.policy(row.provider))
    row.updated_at = books.now
    if now.status is not before.status or now.past_due_since != before.past_due_since:
        row.reminders = 0
    if now.status is SubscriptionStatus.ENDED:
        row.checkout_url = None
    books.session.add(row)
    if replace(now, version=0) == replace(before, version=0):
        return
    details = {
        "from": {"status": before.status, "plan": before.plan, "next_plan": before.next_plan},
        "to": {"status": now.status, "plan": now.plan, "next_plan": now.next_plan},
        "cancel_at_period_end": now.cancel_at_period_end,
        "disputed": now.disputed_at is not None,
    }
    audit.record(
        books.session,
        books.actor,
        "subscription.changed",
        target=f"subscription:{row.subscription_id}",
        now=books.now,
        details=details,
    )
    notices.on_change(books.session, row, before, now, books.now)


def rewrite(books: Books, row: Subscription, terms: Terms) -> None:
    """Store terms made here, as the newest there are."""
    write(books, row, replace(terms, version=books.ticket()))


def locked(books: Books, subscription_id: str, user_id: str | None = None) -> Subscription:
    """Find and lock a subscription.

    Parameters
    ----------
    books : Books
    subscription_id : str
    user_id : str, optional
        Only if it is this person's.

    Raises
    ------
    Problem
        If there is none.
    """
    row = books.session.get(Subscription, subscription_id, with_for_update=True, populate_existing=True)
    if row is None or (user_id is not None and row.user_id != user_id):
        raise missing(subscription_id)
    return row


def missing(subscription_id: str) -> Problem:
    """Make the problem of an id that is not, or not this person's."""
    return Problem("not-found", f"there is no subscription {subscription_id}")


def lock_person(books: Books, user_id: str) -> User:
    """Lock a person: two subscriptions must not be started at once."""
    # Not against rows that name him: whoever holds his subscription may have to write an invoice to him.
    user = books.session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise Problem("not-found", "this account is gone")
    return user


def shown(row: Subscription) -> dict[str, Any]:
    """A subscription as the API shows it."""
    return {
        "subscription_id": row.subscription_id,
        "plan": row.plan_id,
        "next_plan": row.next_plan_id,
        "status": row.status,
        "provider": row.provider,
        "period_start": format_instant(row.period_start),
        "period_end": format_instant(row.period_end),
        "trial_end": format_instant(row.trial_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "past_due_since": format_instant(row.past_due_since),
        "entitled_until": format_instant(row.entitled_until),
        "ended_at": format_instant(row.ended_at),
        "checkout_url": row.checkout_url,
        "created_at": format_instant(row.created_at),
    }

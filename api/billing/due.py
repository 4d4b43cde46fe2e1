"""What comes with time: ends of trials and periods, renewals, reminders, and messages that never came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text
from sqlmodel import Session

from api.billing import events, invoices, money, notices, plans
from api.billing.books import MANUAL, STALE, Books, locked, terms_of
from api.billing.service import provider_of
from api.problems import Problem
from stores.tables import Subscription, SubscriptionStatus

if TYPE_CHECKING:
    from api.dependencies import Context

# Few, since Stripe may have to be asked about each of them within one transaction.
_AT_ONCE = 20
_KEPT = timedelta(days=90)
_ASK_AGAIN = timedelta(hours=1)
_log = structlog.get_logger("worker")

_DUE = text(
    """
    SELECT subscription_id FROM serving.subscriptions
    WHERE status <> 'ended' AND (
        (provider = 'manual' AND (period_end <= :now OR (status = 'past_due' AND past_due_since + :grace <= :now)))
        OR (provider = 'manual' AND status = 'incomplete' AND created_at <= :stale)
        OR (provider = 'stripe' AND (period_end <= :now OR status = 'incomplete') AND updated_at <= :asked)
        OR (status = 'trialing' AND reminders = 0 AND NOT cancel_at_period_end AND trial_end <= :soon)
        OR (status = 'past_due' AND (
            (reminders = 0 AND past_due_since <= :now) OR (reminders = 1 AND past_due_since + :first <= :now)
            OR (reminders = 2 AND past_due_since + :second <= :now)))
    )
    ORDER BY subscription_id LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
_ORPHANS = text(
    """
    SELECT s.subscription_id FROM serving.subscriptions AS s LEFT JOIN serving.users AS u USING (user_id)
    WHERE s.status <> 'ended' AND (u.user_id IS NULL OR u.status = 'deleted') LIMIT :most
    """
)


def advance_due(context: Context, session: Session) -> bool:
    """Do what is due by now; returns whether there may be more. Done twice, it changes nothing the second time."""
    books = Books(session, context.settings, context.vault, context.clock())
    found = session.connection().execute(
        _DUE,
        {
            "now": books.now,
            "grace": books.policy(MANUAL).grace,
            "asked": books.now - _ASK_AGAIN,
            "stale": books.now - STALE,
            "soon": books.now + notices.TRIAL_NOTICE,
            "first": notices.REMINDERS[0],
            "second": notices.REMINDERS[1],
            "most": _AT_ONCE,
        },
    )
    due = [str(row.subscription_id) for row in found]
    done = sum(_tried(books, subscription_id, _advance) for subscription_id in due)
    orphans = session.connection().execute(_ORPHANS, {"most": _AT_ONCE}).all()
    done += sum(_tried(books, str(row.subscription_id), _end) for row in orphans)
    events.forget(session, books.now - _KEPT)
    return done >= _AT_ONCE


def _tried(books: Books, subscription_id: str, work: Callable[[Books, Subscription], None]) -> bool:
    """Do one, unless the provider cannot be asked now: that must not hold up the others."""
    try:
        with books.session.begin_nested():
            work(books, locked(books, subscription_id))
    except Problem as error:
        _log.warning("subscription_not_advanced", subscription=subscription_id, reason=error.detail)
        return False
    return True


def _end(books: Books, row: Subscription) -> None:
    """Nobody is there any more to use it."""
    provider_of(books.settings, row.provider).end(books, row)


def _advance(books: Books, row: Subscription) -> None:
    provider_of(books.settings, row.provider).advance(books, row)
    if row.provider != MANUAL and not row.reminders and notices.trial_ends_soon(terms_of(row), books.now):
        notices.trial_ending(books.session, row, books.now)
        row.reminders = 1
    if row.status == SubscriptionStatus.PAST_DUE and row.past_due_since is not None:
        _remind(books, row, books.now - row.past_due_since)
    row.updated_at = books.now
    books.session.add(row)
    books.session.flush()


def _remind(books: Books, row: Subscription, waited: timedelta) -> None:
    """Ask for a missing payment; of several steps that were missed, only the last one is taken."""
    step = 1 + sum(waited >= pause for pause in notices.REMINDERS)
    if row.reminders >= step:
        return
    # Where an administrator confirms payments, the invoice itself was the first word.
    if row.provider != MANUAL:
        plan = plans.known(books.session, row.plan_id)
        notices.payment_missing(books.session, row, money.shown(plan.price_minor, plan.currency), books.now)
    elif step > 1:
        for invoice in invoices.open_of(books.session, row.subscription_id):
            notices.invoice_made(books.session, invoice, invoices.number_of(invoice), books.now, reminder=step)
    row.reminders = step

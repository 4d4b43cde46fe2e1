"""Where a subscription stands and what follows from it: pure functions, no store and no clock.

What a payment provider says is kept as `Terms`: one picture of a subscription, with a ticket that says how new it is.
`merge` joins two pictures the same way in whatever order and however often they come. `elapse` and the transitions below
it are how the manual provider makes new pictures; Stripe makes its own.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stores.tables import SubscriptionStatus as Status


class Refused(ValueError):
    """What is asked for does not go together with where the subscription stands."""


@dataclass(frozen=True)
class Policy:
    """How patient the platform is.

    Attributes
    ----------
    grace : timedelta
        How long a plan goes on while a payment is missing.
    late : timedelta
        How long after the end of a trial the provider's word on it is waited for.
    """

    grace: timedelta = timedelta(days=7)
    late: timedelta = timedelta(0)


@dataclass(frozen=True)
class Terms:
    """A subscription as of one ticket; `stores.tables.Subscription` says what the parts are."""

    plan: str
    status: Status
    version: int = 0
    next_plan: str | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    past_due_since: datetime | None = None
    ended_at: datetime | None = None
    disputed_at: datetime | None = None
    dispute_won_at: datetime | None = None


def merge(one: Terms, other: Terms) -> Terms:
    """Join what is known with what was learned.

    The newer picture counts. What is final stays, whichever of them knows it: an end, a payment charged back, and a
    dispute that was won. So the result does not depend on the order, and learning a thing twice changes nothing.
    """
    newer = one if one.version >= other.version else other
    disputed_at = _first(one.disputed_at, other.disputed_at)
    ended_at = _first(one.ended_at, other.ended_at, disputed_at)
    return replace(
        newer,
        status=newer.status if ended_at is None else Status.ENDED,
        ended_at=ended_at,
        disputed_at=disputed_at,
        dispute_won_at=_first(one.dispute_won_at, other.dispute_won_at),
    )


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def entitled_until(terms: Terms, policy: Policy) -> datetime | None:
    """Find until when the plan is given if nothing else happens; None for not at all."""
    match terms.status:
        case Status.TRIALING:
            end = terms.trial_end or terms.period_end
            return end if end is None or terms.cancel_at_period_end else end + policy.late
        case Status.ACTIVE:
            # A renewal that fails has the grace period from here on, so a late word on it changes nothing.
            end = terms.period_end
            return end if end is None or terms.cancel_at_period_end else end + policy.grace
        case Status.PAST_DUE:
            return None if terms.past_due_since is None else terms.past_due_since + policy.grace
        case Status.INCOMPLETE | Status.UNPAID | Status.ENDED:
            return None


def plan_at(terms: Terms, policy: Policy, now: datetime) -> str | None:
    """Plan a subscription gives at an instant; None for none. `api.entitlements` asks the database the same."""
    until = entitled_until(terms, policy)
    if until is None or now >= until:
        return None
    changed = terms.next_plan is not None and terms.period_end is not None and terms.period_end <= now
    return terms.next_plan if changed else terms.plan


@dataclass(frozen=True)
class Period:
    """An interval that is to be paid for."""

    plan: str
    start: datetime
    end: datetime


def after(start: datetime, interval: str) -> datetime:
    """One month or year later, on the same day or the last one of a shorter month."""
    months = start.month - 1 + (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))


def begin(plan: str, trial_days: int, now: datetime) -> Terms:
    """Make a new subscription: with a trial, or waiting for its first payment."""
    if trial_days == 0:
        return Terms(plan, Status.INCOMPLETE)
    end = now + timedelta(days=trial_days)
    return Terms(plan, Status.TRIALING, period_start=now, period_end=end, trial_end=end)


def elapse(terms: Terms, policy: Policy, interval: str, now: datetime) -> tuple[Terms, list[Period]]:
    """Let time pass, as far as it has.

    Returns
    -------
    terms : Terms
    renewals : list of Period
        Periods that began meanwhile, to be invoiced. More than one only if nobody looked for long.
    """
    renewals: list[Period] = []
    while True:
        following = _step(terms, policy, interval, now)
        if following is None:
            return terms, renewals
        start, end = following.period_start, following.period_end
        if terms.status is Status.ACTIVE and following.status is Status.PAST_DUE and start and end:
            renewals.append(Period(following.plan, start, end))
        terms = following


def _step(terms: Terms, policy: Policy, interval: str, now: datetime) -> Terms | None:
    end = terms.period_end
    match terms.status:
        case Status.TRIALING if terms.trial_end is not None and now >= terms.trial_end:
            return _ended(terms, terms.trial_end)
        case Status.ACTIVE if end is not None and now >= end:
            if terms.cancel_at_period_end:
                return _ended(terms, end)
            return replace(
                terms,
                plan=terms.next_plan or terms.plan,
                next_plan=None,
                status=Status.PAST_DUE,
                past_due_since=end,
                period_start=end,
                period_end=after(end, interval),
            )
        case Status.PAST_DUE if terms.past_due_since is not None and now >= terms.past_due_since + policy.grace:
            return replace(terms, status=Status.UNPAID)
        case Status.UNPAID if end is not None and now >= end:
            return _ended(terms, end)
        case _:
            return None


def _ended(terms: Terms, at: datetime) -> Terms:
    return replace(terms, status=Status.ENDED, ended_at=at, next_plan=None, cancel_at_period_end=False)


def paid(terms: Terms, interval: str, now: datetime) -> Terms:
    """All that was owed has been paid.

    Raises
    ------
    Refused
        If the subscription has ended.
    """
    match terms.status:
        case Status.INCOMPLETE:
            return replace(terms, status=Status.ACTIVE, period_start=now, period_end=after(now, interval))
        case Status.TRIALING:
            # The rest of the trial stays free: what was paid for begins when it ends.
            start = terms.trial_end or now
            return replace(terms, status=Status.ACTIVE, period_start=start, period_end=after(start, interval))
        case Status.ACTIVE | Status.PAST_DUE | Status.UNPAID:
            return replace(terms, status=Status.ACTIVE, past_due_since=None)
        case Status.ENDED:
            raise Refused("the subscription has ended; a new one has to be started")


def cancelled(terms: Terms, now: datetime) -> Terms:
    """Its owner cancels: at the end of what he has paid for, at once if he has paid for nothing."""
    match terms.status:
        case Status.TRIALING | Status.ACTIVE:
            return replace(terms, cancel_at_period_end=True, next_plan=None)
        case Status.INCOMPLETE | Status.PAST_DUE | Status.UNPAID:
            return _ended(terms, now)
        case Status.ENDED:
            return terms


def resumed(terms: Terms) -> Terms:
    """Its owner takes a cancellation or a change at the period's end back.

    Raises
    ------
    Refused
        If the subscription has ended.
    """
    if terms.status is Status.ENDED:
        raise Refused("the subscription has ended; start a new one")
    return replace(terms, cancel_at_period_end=False, next_plan=None)


def check_change(terms: Terms) -> None:
    """Make sure that the plan may be changed now.

    Raises
    ------
    Refused
        If not.
    """
    if terms.status is Status.ENDED:
        raise Refused("the subscription has ended; start a new one")
    if terms.status in (Status.PAST_DUE, Status.UNPAID):
        raise Refused("a payment is missing; pay it, then change the plan")


def changed(terms: Terms, plan: str, *, upgrade: bool, owes: bool, now: datetime) -> Terms:
    """Its owner chooses another plan: a higher one counts at once, a lower one from the end of the period on.

    Parameters
    ----------
    terms : Terms
    plan : str
    upgrade : bool
        Whether it is a higher one.
    owes : bool
        Whether something is to be paid for it now.
    now : datetime

    Raises
    ------
    Refused
        If the subscription has ended or a payment is missing.
    """
    check_change(terms)
    if plan == terms.plan:
        return replace(terms, next_plan=None)
    if terms.status in (Status.INCOMPLETE, Status.TRIALING):
        return replace(terms, plan=plan, next_plan=None, cancel_at_period_end=False)
    if not upgrade:
        return replace(terms, next_plan=plan, cancel_at_period_end=False)
    moved = replace(terms, plan=plan, next_plan=None, cancel_at_period_end=False)
    return replace(moved, status=Status.PAST_DUE, past_due_since=now) if owes else moved


def refunded(terms: Terms, now: datetime) -> Terms:
    """What was paid for the running period has been given back whole: it ends at once."""
    return terms if terms.status is Status.ENDED else _ended(terms, now)


def disputed(terms: Terms, now: datetime) -> Terms:
    """A payment was charged back: it ends at once and is marked."""
    return merge(terms, replace(terms, disputed_at=now))


def won(terms: Terms, at: datetime) -> Terms:
    """A dispute was decided for us: what ended stays ended, the mark goes."""
    return merge(terms, replace(terms, dispute_won_at=at))


def is_marked(terms: Terms) -> bool:
    """Whether a payment was charged back and not given back to us."""
    return terms.disputed_at is not None and terms.dispute_won_at is None

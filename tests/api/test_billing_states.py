"""Where a subscription stands: joined in any order, and the same as a small machine that goes day by day."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import text

from api.billing import money, states
from api.billing.states import Policy, Refused, Terms
from stores.tables import SubscriptionStatus as Status
from tests.api.billing_fixtures import START

POLICY = Policy(timedelta(days=7))
DAYS = st.integers(0, 100).map(lambda day: START + timedelta(days=day))
MAYBE = st.none() | DAYS


@st.composite
def _terms(draw: st.DrawFn, version: int) -> Terms:
    status = draw(st.sampled_from(Status))
    return Terms(
        plan=draw(st.sampled_from(["pro", "team"])),
        status=status,
        version=version,
        period_end=draw(MAYBE),
        trial_end=draw(MAYBE),
        cancel_at_period_end=draw(st.booleans()),
        past_due_since=draw(DAYS) if status is Status.PAST_DUE else None,
        ended_at=draw(DAYS) if status is Status.ENDED else None,
        disputed_at=draw(MAYBE) if status is Status.ENDED else None,
        dispute_won_at=draw(MAYBE),
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_pictures_join_in_any_order_and_however_often(data: st.DataObject) -> None:
    known = [data.draw(_terms(version)) for version in range(data.draw(st.integers(1, 5)))]
    straight = known[0]
    for one in known[1:]:
        straight = states.merge(straight, one)
    shuffled = data.draw(st.permutations(known + data.draw(st.lists(st.sampled_from(known), max_size=5))))
    joined = shuffled[0]
    for one in shuffled[1:]:
        joined = states.merge(joined, one)
    # One that is joined with nothing else may still show a dispute that is not applied yet.
    assert states.merge(joined, joined) == states.merge(straight, straight)
    ends = [moment for one in known for moment in (one.ended_at, one.disputed_at) if moment is not None]
    settled = states.merge(straight, straight)
    assert settled.ended_at == min(ends, default=None)
    assert settled.plan == known[-1].plan
    assert (settled.status is Status.ENDED) == bool(ends)


@dataclass
class Reference:
    """The rules of the manual provider once more: what is paid for as a list of days, looked at day by day."""

    today: datetime
    trial_until: datetime
    plan: str = "pro"
    paid_until: datetime | None = None
    owed_since: datetime | None = None
    period_end: datetime | None = None
    cancels: bool = False
    later: str | None = None
    over: bool = False

    def dawn(self) -> None:
        """Another day begins."""
        self.today += timedelta(days=1)
        if self.over:
            return
        if self.period_end is None:
            self.over = self.today >= self.trial_until
            return
        if self.owed_since is None and self.today >= self.period_end:
            if self.cancels:
                self.over = True
                return
            self.plan, self.later = self.later or self.plan, None
            self.owed_since, self.period_end = self.period_end, states.after(self.period_end, "month")
        if self.owed_since is not None and self.today >= self.period_end:
            self.over = True

    def holds(self) -> str | None:
        """Plan he has today."""
        if self.over or (self.owed_since is not None and self.today >= self.owed_since + timedelta(days=7)):
            return None
        return self.plan

    def pay(self) -> None:
        if self.period_end is None:
            self.period_end = states.after(self.trial_until, "month")
        self.owed_since = None


class Manual(RuleBasedStateMachine):
    """What people and time do to a subscription without a card."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.terms = states.begin("pro", 14, START)
        self.reference = Reference(START, START + timedelta(days=14))

    @initialize(plan=st.sampled_from(["pro", "team"]), paid=st.sampled_from([True, True, True, False]))
    def begin(self, plan: str, paid: bool) -> None:
        self.terms, self.reference.plan = replace(self.terms, plan=plan), plan
        if paid:
            self.pay()

    # Pauses that lead to the days on which something changes, and past them.
    @rule(days=st.sampled_from([1, 3, 7, 14, 31, 45]))
    def wait(self, days: int) -> None:
        for _ in range(days):
            self.reference.dawn()
        self.now += timedelta(days=days)
        # Whether a worker has looked yet makes no difference to what is given.
        assert states.plan_at(self.terms, POLICY, self.now) == self.reference.holds()
        self.terms, _ = states.elapse(self.terms, POLICY, "month", self.now)

    @precondition(lambda self: not self.reference.over)
    @rule()
    def pay(self) -> None:
        self.reference.pay()
        self.terms = states.paid(self.terms, "month", self.now)

    @rule(sure=st.sampled_from([True, False, False]))
    def cancel(self, sure: bool) -> None:
        if not sure:
            return
        if self.reference.owed_since is not None:
            self.reference.over = True
        elif not self.reference.over:
            self.reference.cancels, self.reference.later = True, None
        self.terms = states.cancelled(self.terms, self.now)

    @precondition(lambda self: not self.reference.over)
    @rule()
    def resume(self) -> None:
        self.reference.cancels, self.reference.later = False, None
        self.terms = states.resumed(self.terms)

    @rule(plan=st.sampled_from(["pro", "team"]))
    def change(self, plan: str) -> None:
        one = self.reference
        upgrade = plan == "team"
        if one.over or one.owed_since is not None:
            with pytest.raises(Refused):
                states.changed(self.terms, plan, upgrade=upgrade, owes=upgrade, now=self.now)
            return
        paying = one.period_end is not None
        owes = upgrade and paying and one.plan != plan
        self.terms = states.changed(self.terms, plan, upgrade=upgrade, owes=owes, now=self.now)
        if plan == one.plan:
            one.later = None
        elif not paying or upgrade:
            one.plan, one.later, one.cancels = plan, None, False
            one.owed_since = self.now if owes else None
        else:
            one.later, one.cancels = plan, False

    # Rare, as nothing happens any more afterwards.
    @rule(chance=st.integers(0, 19))
    def give_back(self, chance: int) -> None:
        if chance > 1:
            return
        self.reference.over = True
        end = states.refunded if chance else states.disputed
        self.terms = end(self.terms, self.now)

    @invariant()
    def gives_the_same_plan(self) -> None:
        assert states.plan_at(self.terms, POLICY, self.now) == self.reference.holds()

    @invariant()
    def time_that_passed_passes_once(self) -> None:
        again, renewals = states.elapse(self.terms, POLICY, "month", self.now)
        assert (again, renewals) == (self.terms, [])


TestManual = Manual.TestCase
TestManual.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)


@settings(max_examples=100, deadline=None)
@given(days=st.lists(st.integers(0, 60), min_size=2, max_size=8))
def test_time_in_steps_is_time_at_once(days: list[int]) -> None:
    begun = states.paid(states.begin("pro", 14, START), "month", START)
    end = START + timedelta(days=sum(days))
    at_once, bills = states.elapse(begun, POLICY, "month", end)
    stepped, stepped_bills, now = begun, [], START
    for step in days:
        now += timedelta(days=step)
        stepped, more = states.elapse(stepped, POLICY, "month", now)
        stepped_bills += more
    assert (at_once, bills) == (stepped, stepped_bills)


def test_the_database_and_the_function_agree_on_the_plan(world: object) -> None:
    """`api.entitlements` asks in SQL what `plan_at` says: at every boundary, to the microsecond."""
    from api.entitlements import entitlements_of
    from stores import database
    from stores.tables import Subscription
    from tests.api.people import make_user

    settings_ = world.settings  # type: ignore[attr-defined]
    person = make_user(settings_)
    end = START + timedelta(days=30)
    base = Terms("team", Status.ACTIVE, period_start=START, period_end=end)
    cases = [
        base,
        replace(base, next_plan="pro"),
        replace(base, cancel_at_period_end=True),
        replace(base, status=Status.TRIALING, trial_end=end),
        replace(base, status=Status.PAST_DUE, past_due_since=START),
        replace(base, status=Status.UNPAID),
        replace(base, status=Status.INCOMPLETE),
        replace(base, status=Status.ENDED, ended_at=START),
    ]
    tick = timedelta(microseconds=1)
    edges = (START, end, START + POLICY.grace, end + POLICY.grace)
    engine = database.engine(settings_, pool_size=1)
    for terms in cases:
        with database.session(engine) as session:
            session.connection().execute(
                text("DELETE FROM serving.subscriptions WHERE user_id = :user"), {"user": person.user_id}
            )
            session.add(
                Subscription(
                    subscription_id=person.user_id,
                    user_id=person.user_id,
                    provider="manual",
                    plan_id=terms.plan,
                    next_plan_id=terms.next_plan,
                    status=terms.status.value,
                    period_end=terms.period_end,
                    entitled_until=states.entitled_until(terms, POLICY),
                    cancel_at_period_end=terms.cancel_at_period_end,
                    created_at=START,
                    updated_at=START,
                )
            )
            session.flush()
            for edge, step in itertools.product(edges, (-tick, timedelta(0), tick)):
                expected = states.plan_at(terms, POLICY, edge + step) or "free"
                assert entitlements_of(session, person.user_id, edge + step).plan == expected
    engine.dispose()


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2027-01-31", "month", "2027-02-28"),
        ("2028-01-31", "month", "2028-02-29"),
        ("2027-12-15", "month", "2028-01-15"),
        ("2028-02-29", "year", "2029-02-28"),
        ("2027-03-10", "year", "2028-03-10"),
    ],
)
def test_months_and_years(start: str, interval: str, end: str) -> None:
    def day(one: str) -> datetime:
        return datetime.fromisoformat(one).replace(tzinfo=UTC)

    assert states.after(day(start), interval) == day(end)


@given(gross=st.integers(-(10**9), 10**9), rate=st.integers(0, 10_000))
def test_tax_is_what_a_net_price_would_bear(gross: int, rate: int) -> None:
    tax = money.tax_in(gross, rate)
    # Within half a cent of the exact share, and the same sum for a credit note.
    assert abs(2 * (tax * (10_000 + rate) - gross * rate)) <= 10_000 + rate
    assert money.tax_in(-gross, rate) == -tax


@given(price=st.integers(0, 10**7), seconds=st.integers(-(10**6), 10**7))
def test_a_part_of_a_price_is_between_nothing_and_all(price: int, seconds: int) -> None:
    end = START + timedelta(days=31)
    part = money.prorated(price, START + timedelta(seconds=seconds), START, end)
    assert 0 <= part <= price
    assert money.prorated(price, START, START, end) == price
    assert money.prorated(price, end, START, end) == 0


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (2900, "EUR", "29.00 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1_234_567, "USD", "12,345.67 USD"),
        (500, "JPY", "500 JPY"),
    ],
)
def test_sums_as_people_write_them(amount: int, currency: str, shown: str) -> None:
    assert money.shown(amount, currency) == shown

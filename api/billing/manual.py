"""Payments an administrator confirms: for those who host the platform themselves. No card, no outside service."""

from __future__ import annotations

from datetime import timedelta

from api.billing import invoices, money, notices, plans, states
from api.billing.books import STALE, Books, locked, rewrite, terms_of
from api.billing.invoices import Draft, Line
from api.billing.states import Period
from api.problems import Problem
from stores.tables import Invoice, InvoiceStatus, Plan, Subscription, SubscriptionStatus


class Manual:
    """The provider that is there without being set up."""

    def start(self, books: Books, row: Subscription, plan: Plan, trial_days: int) -> None:
        """Begin: with a trial if there is one to have, else waiting for the first payment."""
        terms = states.begin(plan.plan_id, trial_days, books.now)
        rewrite(books, row, terms)
        if terms.status is SubscriptionStatus.INCOMPLETE:
            period = Period(plan.plan_id, books.now, states.after(books.now, plan.interval))
            _invoice(books, row, period)

    def change(self, books: Books, row: Subscription, plan: Plan) -> None:
        """Change the plan: a higher one at once and for the difference, a lower one at the period's end."""
        terms = terms_of(row)
        states.check_change(terms)
        held = plans.known(books.session, row.plan_id)
        owed = _difference(books, row, held, plan)
        upgrade = plan.position > held.position
        after = states.changed(terms, plan.plan_id, upgrade=upgrade, owes=owed is not None, now=books.now)
        if terms.status in (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.TRIALING) and terms.plan != after.plan:
            # What was asked for so far was the price of another plan.
            waiting = invoices.void_open(books, row.subscription_id)
            rewrite(books, row, after)
            if waiting:
                self.first_invoice(books, row)
            return
        rewrite(books, row, after)
        if owed is not None and after.plan == plan.plan_id and terms.plan != after.plan:
            invoices.issue(books, row, owed)

    def cancel(self, books: Books, row: Subscription) -> None:
        """Cancel at the end of what was paid for."""
        rewrite(books, row, states.cancelled(terms_of(row), books.now))
        invoices.void_open(books, row.subscription_id)

    def end(self, books: Books, row: Subscription) -> None:
        """End it at once."""
        rewrite(books, row, states.refunded(terms_of(row), books.now))
        invoices.void_open(books, row.subscription_id)

    def resume(self, books: Books, row: Subscription) -> None:
        """Take back a cancellation, or a change at the period's end."""
        rewrite(books, row, states.resumed(terms_of(row)))
        if row.status == SubscriptionStatus.TRIALING and row.reminders:
            self.first_invoice(books, row)

    def portal(self, books: Books, user_id: str) -> str:
        """There is no such page.

        Raises
        ------
        Problem
            Always.
        """
        raise Problem("conflict", "payments are confirmed by an administrator here; invoices say how to pay")

    def refund(self, books: Books, invoice: Invoice, amount: int, reason: str) -> Invoice | None:
        """Write down that money was given back. All of the running period's: the subscription ends at once."""
        ref = f"refund:{invoice.invoice_id}:{invoice.refunded_minor}"
        note = invoices.credit(books, invoice, amount, ref=ref, reason=reason)
        if invoice.subscription_id is not None and invoice.refunded_minor == invoice.total_minor:
            row = locked(books, invoice.subscription_id)
            if invoice.purpose == "period" and invoice.period_end == row.period_end:
                self.end(books, row)
        return note

    def confirm(self, books: Books, invoice: Invoice, payment_ref: str) -> None:
        """Take a payment an administrator has seen.

        Raises
        ------
        Problem
            If nothing is open, or the subscription has ended.
        """
        if invoice.status != InvoiceStatus.OPEN or invoice.subscription_id is None:
            raise Problem(
                "conflict", f"invoice {invoices.number_of(invoice)} is {invoice.status}; nothing is to be paid"
            )
        row = locked(books, invoice.subscription_id)
        invoices.settle(books, invoice, payment_ref)
        if not invoices.open_of(books.session, row.subscription_id):
            plan = plans.known(books.session, row.plan_id)
            rewrite(books, row, states.paid(terms_of(row), plan.interval, books.now))

    def advance(self, books: Books, row: Subscription) -> None:
        """Let time pass: ends of trials and periods, renewals, and what is owed for too long."""
        if row.status == SubscriptionStatus.INCOMPLETE and row.created_at <= books.now - STALE:
            self.cancel(books, row)
            return
        plan = plans.known(books.session, row.next_plan_id or row.plan_id)
        before = terms_of(row)
        after, renewals = states.elapse(before, books.policy(row.provider), plan.interval, books.now)
        if after != before:
            rewrite(books, row, after)
        for period in renewals:
            _invoice(books, row, period)
        if after.status is SubscriptionStatus.ENDED:
            invoices.void_open(books, row.subscription_id)
        elif notices.trial_ends_soon(after, books.now) and not row.reminders:
            notices.trial_ending(books.session, row, books.now)
            self.first_invoice(books, row)
            row.reminders = 1
            books.session.add(row)

    def first_invoice(self, books: Books, row: Subscription) -> Invoice:
        """Ask for the first period, which begins when the trial ends, or now."""
        plan = plans.known(books.session, row.plan_id)
        start = max(books.now, row.trial_end or books.now)
        return _invoice(books, row, Period(plan.plan_id, start, states.after(start, plan.interval)))


def _invoice(books: Books, row: Subscription, period: Period) -> Invoice:
    plan = plans.known(books.session, period.plan)
    line = Line(f"{plan.name}, {period.start:%Y-%m-%d} to {period.end:%Y-%m-%d}", plan.price_minor)
    # A trial ends with its last day; otherwise there is some grace.
    patience = timedelta(0) if row.status == SubscriptionStatus.TRIALING else books.policy(row.provider).grace
    due_at = period.start + patience
    ref = f"{row.subscription_id}:{books.ticket()}"
    return invoices.issue(books, row, Draft("period", ref, [line], plan.currency, period, due_at))


def _difference(books: Books, row: Subscription, held: Plan, wanted: Plan) -> Draft | None:
    """What a higher plan costs for the rest of the period; None if nothing."""
    if (held.currency, held.interval) != (wanted.currency, wanted.interval):
        raise Problem(
            "conflict", "the plans are paid in other intervals or currencies; cancel this one, then start that one"
        )
    terms = terms_of(row)
    if terms.status is not SubscriptionStatus.ACTIVE or terms.period_start is None or terms.period_end is None:
        return None
    start, end = terms.period_start, terms.period_end
    returned = money.prorated(held.price_minor, books.now, start, end)
    charged = money.prorated(wanted.price_minor, books.now, start, end)
    if charged <= returned:
        return None
    lines = [
        Line(f"{wanted.name}, rest of the period to {end:%Y-%m-%d}", charged),
        Line(f"{held.name}, not used to {end:%Y-%m-%d}", -returned),
    ]
    ref = f"{row.subscription_id}:{books.ticket()}"
    period = Period(wanted.plan_id, max(books.now, start), end)
    due_at = books.now + books.policy(row.provider).grace
    return Draft("upgrade", ref, lines, wanted.currency, period, due_at)

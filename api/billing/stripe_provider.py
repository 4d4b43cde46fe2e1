"""Payments through Stripe. Stripe's objects are what counts: every change is made there first and read back from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sqlmodel import col, select

from api.billing import invoices, plans, states, stripe_client, stripe_objects
from api.billing.books import STRIPE, Books, rewrite, terms_of, write
from api.billing.stripe_objects import OURS, PAID_PLAN, PAID_UNTIL, Seen, UnknownPrice
from api.billing.trials import use_trial
from api.problems import Problem
from stores.tables import BillingAccount, Invoice, Plan, Subscription, SubscriptionStatus, User

if TYPE_CHECKING:
    from stripe import StripeClient

T = TypeVar("T")


def call(work: Callable[[], T]) -> T:
    """Make a call; what fails becomes a problem people can read.

    Raises
    ------
    Problem
        ``payment-failed`` or ``provider-unavailable``.
    """
    import stripe

    try:
        return work()
    except stripe.StripeError as error:
        raise stripe_client.unavailable(error) from error


class Stripe:
    """The provider of an instance with a key of Stripe's.

    Parameters
    ----------
    client : StripeClient
    """

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def start(self, books: Books, row: Subscription, plan: Plan, trial_days: int) -> None:
        """Open a checkout page; the subscription begins when it is through."""
        customer = self._customer(books, books.session.get_one(User, row.user_id))
        base = books.settings.public_url.rstrip("/")
        about: dict[str, Any] = {"metadata": {OURS: row.subscription_id}}
        if trial_days:
            about["trial_period_days"] = trial_days
            about["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        made = call(
            lambda: self._client.v1.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": customer,
                    "client_reference_id": row.subscription_id,
                    "line_items": [{"price": _price(plan), "quantity": 1}],
                    "subscription_data": about,  # pyright: ignore[reportArgumentType]
                    "payment_method_collection": "if_required",
                    "success_url": f"{base}/billing?checkout=done",
                    "cancel_url": f"{base}/billing?checkout=left",
                },
                {"idempotency_key": f"start-{row.subscription_id}"},
            )
        )
        row.checkout_ref, row.checkout_url = made.id, made.url
        rewrite(books, row, states.begin(plan.plan_id, 0, books.now))

    def change(self, books: Books, row: Subscription, plan: Plan) -> None:
        """Change the price: up at once, the difference paid now; down without a refund, and from the next period on."""
        states.check_change(terms_of(row))
        ref = _begun(row)
        held = plans.known(books.session, row.plan_id)
        if (held.currency, held.interval) != (plan.currency, plan.interval):
            raise Problem(
                "conflict", "the plans are paid in other intervals or currencies; cancel this one, then start that one"
            )
        ticket = books.ticket()
        now = call(lambda: self._client.v1.subscriptions.retrieve(ref)).to_dict()
        item = stripe_objects.item_of(now)
        change: dict[str, Any] = {
            "items": [{"id": item["id"], "price": _price(plan)}],
            "metadata": {PAID_PLAN: "", PAID_UNTIL: ""},
            "proration_behavior": "none",
        }
        if plan.plan_id != row.plan_id:
            change["cancel_at_period_end"] = False
        if row.status == SubscriptionStatus.ACTIVE:
            if plan.position > held.position:
                if row.next_plan_id is not None:
                    # The difference counts from the plan that is paid for, not from the one that was to come.
                    paid_for: dict[str, Any] = {**change, "items": [{"id": item["id"], "price": _price(held)}]}
                    call(lambda: self._client.v1.subscriptions.update(ref, paid_for))  # pyright: ignore[reportArgumentType]
                # Nothing changes there unless the difference is paid.
                change["proration_behavior"] = "always_invoice"
                change["payment_behavior"] = "error_if_incomplete"
            elif plan.position < held.position:
                change["metadata"] = {PAID_PLAN: held.plan_id, PAID_UNTIL: str(item["current_period_end"])}
        after = call(lambda: self._client.v1.subscriptions.update(ref, change))  # pyright: ignore[reportArgumentType]
        self._store(books, row, after.to_dict(), ticket)

    def cancel(self, books: Books, row: Subscription) -> None:
        """Cancel at the end of what was paid for; one that never began, or is not paid, at once."""
        if row.provider_ref is None:
            self._leave_checkout(row)
            rewrite(books, row, states.cancelled(terms_of(row), books.now))
            return
        ref, ticket = row.provider_ref, books.ticket()
        at_once = row.status not in (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE)
        if at_once:
            after = call(lambda: stripe_client.end(self._client, ref))
        else:
            after = call(lambda: self._client.v1.subscriptions.update(ref, {"cancel_at_period_end": True})).to_dict()
        self._store(books, row, after, ticket)

    def end(self, books: Books, row: Subscription) -> None:
        """End it at once."""
        if row.provider_ref is None:
            self._leave_checkout(row)
            rewrite(books, row, states.cancelled(terms_of(row), books.now))
            return
        ref, ticket = row.provider_ref, books.ticket()
        self._store(books, row, call(lambda: stripe_client.end(self._client, ref)), ticket)

    def resume(self, books: Books, row: Subscription) -> None:
        """Take back a cancellation, or a change at the period's end."""
        states.resumed(terms_of(row))
        ref, ticket = _begun(row), books.ticket()
        change: dict[str, Any] = {"cancel_at_period_end": False}
        if row.next_plan_id is not None:
            held = plans.known(books.session, row.plan_id)
            now = call(lambda: self._client.v1.subscriptions.retrieve(ref)).to_dict()
            change["items"] = [{"id": stripe_objects.item_of(now)["id"], "price": _price(held)}]
            change["proration_behavior"] = "none"
            change["metadata"] = {PAID_PLAN: "", PAID_UNTIL: ""}
        after = call(lambda: self._client.v1.subscriptions.update(ref, change))  # pyright: ignore[reportArgumentType]
        self._store(books, row, after.to_dict(), ticket)

    def portal(self, books: Books, user_id: str) -> str:
        """Address of a page where a person sees to his means of payment."""
        customer = self._customer(books, books.session.get_one(User, user_id))
        back = f"{books.settings.public_url.rstrip('/')}/billing"
        return call(
            lambda: self._client.v1.billing_portal.sessions.create({"customer": customer, "return_url": back})
        ).url

    def refund(self, books: Books, invoice: Invoice, amount: int, reason: str) -> Invoice | None:
        """Give money back. All of the running period's: the subscription ends at once."""
        if invoice.payment_ref is None:
            raise Problem("conflict", "Stripe knows no payment of this invoice; refund it there")
        if not 0 < amount <= invoice.total_minor - invoice.refunded_minor:
            raise Problem("conflict", "more would be given back than was paid")
        intent = invoice.payment_ref
        # The same refund asked for again after a lost answer is the same one there.
        key = f"refund-{invoice.invoice_id}-{invoice.refunded_minor}-{amount}"
        made = call(
            lambda: self._client.v1.refunds.create(
                {"payment_intent": intent, "amount": amount}, {"idempotency_key": key}
            )
        )
        note = invoices.credit(books, invoice, amount, ref=made.id, reason=reason)
        if invoice.subscription_id and invoice.refunded_minor == invoice.total_minor and invoice.purpose == "period":
            row = books.session.get(Subscription, invoice.subscription_id, with_for_update=True)
            if row is not None and row.period_end == invoice.period_end:
                self.end(books, row)
        return note

    def advance(self, books: Books, row: Subscription) -> None:
        """Ask how it stands: for when a message got lost."""
        if row.provider_ref is None:
            self._look_at_checkout(books, row)
            return
        ref, ticket = row.provider_ref, books.ticket()
        self._store(books, row, call(lambda: self._client.v1.subscriptions.retrieve(ref)).to_dict(), ticket)

    def _store(self, books: Books, row: Subscription, found: dict[str, Any], ticket: int) -> None:
        take(books, Seen(found), ticket, row)

    def _look_at_checkout(self, books: Books, row: Subscription) -> None:
        session, ticket = row.checkout_ref, books.ticket()
        if session is None:
            return
        status = call(lambda: self._client.v1.checkout.sessions.retrieve(session)).status
        if status == "expired":
            rewrite(books, row, states.cancelled(terms_of(row), books.now))
        elif status == "complete":
            seen = call(lambda: stripe_client.look(self._client, "checkout.session", session))
            take(books, seen, ticket, row)

    def _leave_checkout(self, row: Subscription) -> None:
        import stripe

        session = row.checkout_ref
        if session is not None:
            try:
                self._client.v1.checkout.sessions.expire(session)
            except stripe.InvalidRequestError as error:
                # It has expired by itself, which is fine, or has just been paid, which is not.
                if call(lambda: self._client.v1.checkout.sessions.retrieve(session)).status == "complete":
                    raise Problem("conflict", "this subscription has just been paid; wait a moment") from error
            except stripe.StripeError as error:
                raise stripe_client.unavailable(error) from error

    def _customer(self, books: Books, user: User) -> str:
        account = books.session.get(BillingAccount, user.user_id) or BillingAccount(user_id=user.user_id)
        if account.stripe_customer is None:
            # The account is made again under the same id: Stripe then gives the customer it made before.
            made = call(
                lambda: self._client.v1.customers.create(
                    {"email": user.email, "metadata": {"user_id": user.user_id}},
                    {"idempotency_key": f"customer-{user.user_id}"},
                )
            )
            account.stripe_customer = made.id
            books.session.add(account)
        return account.stripe_customer


def take(books: Books, seen: Seen, ticket: int, row: Subscription | None = None) -> None:
    """Store what Stripe says. Learning it again, or something older, changes nothing.

    Parameters
    ----------
    books : Books
    seen : Seen
    ticket : int
        Taken before Stripe was asked.
    row : Subscription, optional
        The locked row it is about; found and locked if not given.

    Raises
    ------
    Problem
        If no plan has the price: it is asked again until one has.
    """
    if seen.subscription is None:
        return
    row = row or _find(books, seen.subscription)
    if row is None:
        return
    every = books.session.exec(select(Plan))
    prices = {plan.stripe_price: plan.plan_id for plan in every if plan.stripe_price is not None}
    try:
        terms = stripe_objects.terms(seen.subscription, prices, ticket)
    except UnknownPrice as error:
        raise Problem("conflict", str(error)) from None
    if seen.disputed_at is not None:
        terms = states.disputed(terms, seen.disputed_at)
    if seen.dispute_won_at is not None:
        terms = states.won(terms, seen.dispute_won_at)
    row.provider_ref = seen.subscription["id"]
    row.checkout_url = None
    write(books, row, terms)
    if terms.trial_end is not None and row.user_id is not None:
        use_trial(books, row.user_id)
    _documents(books, row, seen)


def _documents(books: Books, row: Subscription, seen: Seen) -> None:
    if seen.invoice is None:
        return
    draft = stripe_objects.draft(seen.invoice, seen.payment_ref)
    if draft is None:
        return
    invoice = invoices.issue(books, row, draft)
    if invoice.payment_ref is None and seen.payment_ref is not None:
        invoice.payment_ref = seen.payment_ref
        books.session.add(invoice)
    for refund in sorted(seen.refunds, key=lambda one: (one["created"], one["id"])):
        invoices.credit(books, invoice, refund["amount"], ref=refund["id"], reason="Refund")


def _find(books: Books, subscription: dict[str, Any] | Any) -> Subscription | None:
    """The row of one of Stripe's subscriptions; None if it is none of ours."""
    query = select(Subscription).where(
        col(Subscription.provider) == STRIPE, col(Subscription.provider_ref) == subscription["id"]
    )
    row = books.session.exec(query.with_for_update()).one_or_none()
    if row is not None:
        return row
    ours = (subscription.get("metadata") or {}).get(OURS)
    query = select(Subscription).where(
        col(Subscription.provider) == STRIPE,
        col(Subscription.subscription_id) == ours,
        col(Subscription.provider_ref).is_(None),
    )
    return books.session.exec(query.with_for_update()).one_or_none() if _is_id(ours) else None


def _is_id(text: object) -> bool:
    import uuid

    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True


def _price(plan: Plan) -> str:
    if plan.stripe_price is None:
        raise Problem("conflict", f"the plan {plan.plan_id} has no price with Stripe; an administrator sets it")
    return plan.stripe_price


def _begun(row: Subscription) -> str:
    if row.provider_ref is None:
        raise states.Refused("it is not paid yet; finish the checkout, or cancel it and start anew")
    return row.provider_ref

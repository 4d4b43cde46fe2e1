"""What Stripe's objects say, in our words. Every figure comes from the object itself, none from the order of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.billing.invoices import Draft, Line
from api.billing.states import Period, Terms
from stores.tables import SubscriptionStatus as Status

OURS = "subscription_id"
"""Key of the metadata in which a subscription of Stripe's names ours."""
PAID_PLAN = "paid_plan"
PAID_UNTIL = "paid_until"
"""Keys of the metadata that keep a higher plan to the end of the period it was paid for."""

_STATUSES = {
    "incomplete": Status.INCOMPLETE,
    "incomplete_expired": Status.ENDED,
    "trialing": Status.TRIALING,
    "active": Status.ACTIVE,
    "past_due": Status.PAST_DUE,
    "unpaid": Status.UNPAID,
    "paused": Status.UNPAID,
    "canceled": Status.ENDED,
}


class UnknownPrice(ValueError):
    """A subscription is of a price that no plan has."""


@dataclass(frozen=True)
class Seen:
    """What asking Stripe brought to light; all of it is about one subscription.

    Attributes
    ----------
    subscription : mapping, optional
        Stripe's object.
    invoice : mapping, optional
    payment_ref : str, optional
        Payment of the invoice.
    refunds : tuple of mappings
        Of the invoice's payment.
    disputed_at, dispute_won_at : datetime, optional
    """

    subscription: Mapping[str, Any] | None = None
    invoice: Mapping[str, Any] | None = None
    payment_ref: str | None = None
    refunds: tuple[Mapping[str, Any], ...] = ()
    disputed_at: datetime | None = None
    dispute_won_at: datetime | None = None


def instant(seconds: int) -> datetime:
    """An instant of Stripe's."""
    return datetime.fromtimestamp(seconds, UTC)


def moment(seconds: int | None) -> datetime | None:
    """The same where there may be none."""
    return None if seconds is None else instant(seconds)


def item_of(subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one thing that is subscribed to."""
    return subscription["items"]["data"][0]


def terms(subscription: Mapping[str, Any], plans: Mapping[str, str], version: int) -> Terms:
    """Read where a subscription stands.

    Parameters
    ----------
    subscription : mapping
        Stripe's object.
    plans : mapping
        Plans by the ids of their prices.
    version : int
        Ticket that was taken before asking for it.

    Raises
    ------
    UnknownPrice
        If it is of a price that no plan has.
    """
    item = item_of(subscription)
    price = item["price"]["id"]
    if price not in plans:
        raise UnknownPrice(f"no plan has the price {price}; set its stripe_price")
    plan, next_plan = plans[price], None
    metadata = subscription.get("metadata") or {}
    if metadata.get(PAID_PLAN) and metadata.get(PAID_UNTIL) == str(item["current_period_end"]):
        plan, next_plan = metadata[PAID_PLAN], plan
    status = _STATUSES[subscription["status"]]
    start = moment(item["current_period_start"])
    ended_at = moment(subscription.get("ended_at"))
    if status is Status.ENDED and ended_at is None:
        ended_at = moment(subscription.get("canceled_at")) or moment(subscription["created"])
    return Terms(
        plan=plan,
        status=status,
        version=version,
        next_plan=None if status is Status.ENDED or next_plan == plan else next_plan,
        period_start=start,
        period_end=moment(item["current_period_end"]),
        trial_end=moment(subscription.get("trial_end")),
        cancel_at_period_end=bool(subscription.get("cancel_at_period_end")) and status is not Status.ENDED,
        # A renewal moves the period on first and is paid then.
        past_due_since=start if status is Status.PAST_DUE else None,
        ended_at=ended_at if status is Status.ENDED else None,
    )


def draft(invoice: Mapping[str, Any], payment_ref: str | None) -> Draft | None:
    """Make an invoice of ours of one of Stripe's; None if it is not paid or over nothing."""
    if invoice["status"] != "paid" or invoice["total"] <= 0:
        return None
    given = invoice["lines"]["data"]
    last = max(given, key=lambda line: line["period"]["end"])["period"]
    lines = [Line(line["description"] or "Subscription", line["amount"]) for line in given]
    apart = invoice["total"] - sum(line.amount_minor for line in lines)
    without_tax = invoice.get("total_excluding_tax")
    tax = invoice["total"] - (invoice["total"] if without_tax is None else without_tax)
    if apart:
        lines.append(Line("Taxes and discounts", apart))
    return Draft(
        purpose="upgrade" if invoice.get("billing_reason") == "subscription_update" else "period",
        provider_ref=invoice["id"],
        lines=lines,
        currency=invoice["currency"].upper(),
        period=Period("", instant(last["start"]), instant(last["end"])),
        paid_at=moment((invoice.get("status_transitions") or {}).get("paid_at")) or moment(invoice["created"]),
        tax_minor=tax,
        payment_ref=payment_ref,
    )


def subscription_of(invoice: Mapping[str, Any]) -> str | None:
    """Id of the subscription an invoice belongs to."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    found = details.get("subscription")
    return found if found is None or isinstance(found, str) else found["id"]

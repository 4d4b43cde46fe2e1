"""Talks to Stripe through its SDK: asks, and reads what it says. Nothing here knows our database."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog

from api.billing.stripe_objects import Seen, moment, subscription_of
from api.problems import Problem
from stores.settings import Settings

if TYPE_CHECKING:
    from stripe import StripeClient

_log = structlog.get_logger("api")
_TIMEOUT_S = 4.0
_TOLERANCE_S = 300


class BadSignature(ValueError):
    """A message does not come from Stripe, or is too old."""


@lru_cache(maxsize=4)
def _client(key: str, base: str | None) -> StripeClient:
    import stripe

    # Short: a request's deadline contains the call. One more try on a broken connection, under the same idempotency key.
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else None,  # pyright: ignore[reportArgumentType]
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_S),
    )


def connect(settings: Settings) -> StripeClient:
    """Make the client of an instance.

    Raises
    ------
    Problem
        If no key is set.
    """
    if settings.stripe_api_key is None:
        raise Problem("conflict", "CAP_STRIPE_API_KEY is not set; payments are confirmed by an administrator")
    return _client(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base)


def checked_event(settings: Settings, payload: bytes, signature: str | None) -> dict[str, Any]:
    """Check a message's signature and age, and read it.

    Raises
    ------
    BadSignature
        If it is not Stripe's, was altered, or is older than five minutes.
    """
    import stripe

    if settings.stripe_webhook_secret is None or settings.stripe_api_key is None:
        raise BadSignature("no secret is set")
    secret = settings.stripe_webhook_secret.get_secret_value()
    try:
        event = connect(settings).construct_event(payload, signature, secret, _TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError, RecursionError) as error:
        raise BadSignature(type(error).__name__) from None
    return event.to_dict()


def unavailable(error: Exception) -> Problem:
    """Make the problem of a call that failed."""
    import stripe

    if isinstance(error, stripe.CardError):
        return Problem(
            "payment-failed", error.user_message or "the payment did not go through; see the means of payment"
        )
    return Problem(
        "provider-unavailable", "the payment provider does not answer; try again shortly", headers={"Retry-After": "5"}
    )


def look(client: StripeClient, kind: str, ref: str) -> Seen:
    """Ask Stripe how the things an event is about stand now.

    Parameters
    ----------
    client : StripeClient
    kind : str
        Type of the object: ``subscription``, ``invoice``, ``charge``, ``dispute`` or ``checkout.session``.
    ref : str
        Its id.

    Returns
    -------
    Seen
        Of nothing, if Stripe knows no such object: there is then nothing to learn, however often it is asked.
    """
    import stripe

    try:
        return _look(client, kind, ref)
    except stripe.InvalidRequestError as error:
        if error.http_status != HTTPStatus.NOT_FOUND:
            raise
        _log.warning("billing_object_unknown", kind=kind, ref=ref)
        return Seen()


def _look(client: StripeClient, kind: str, ref: str) -> Seen:
    match kind:
        case "subscription":
            return Seen(_subscription(client, ref))
        case "checkout.session":
            found = client.v1.checkout.sessions.retrieve(ref).to_dict()
            return Seen(_subscription(client, found.get("subscription")))
        case "invoice":
            invoice = client.v1.invoices.retrieve(ref).to_dict()
            subscription = _subscription(client, subscription_of(invoice))
            return Seen(subscription, invoice, _payment_of(client, ref))
        case "charge":
            return _charge(client, ref)
        case "dispute":
            dispute = client.v1.disputes.retrieve(ref).to_dict()
            seen = _charge(client, dispute["charge"])
            at = moment(dispute["created"])
            # Whoever takes his money back keeps no plan, whatever comes of it; the mark goes if the dispute is won.
            ended = None if seen.subscription is None else end(client, seen.subscription["id"])
            won = at if dispute["status"] == "won" else None
            return Seen(ended, seen.invoice, seen.payment_ref, seen.refunds, at, won)
        case _:
            return Seen()


def _charge(client: StripeClient, ref: str) -> Seen:
    charge = client.v1.charges.retrieve(ref).to_dict()
    intent = charge.get("payment_intent")
    if intent is None:
        return Seen()
    payments = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    ).to_dict()
    if not payments["data"]:
        return Seen()
    invoice = client.v1.invoices.retrieve(payments["data"][0]["invoice"]).to_dict()
    refunds = client.v1.refunds.list({"charge": ref, "limit": 100}).to_dict()["data"]
    done = tuple(one for one in refunds if one["status"] in ("succeeded", "pending"))
    subscription = _subscription(client, subscription_of(invoice))
    if subscription is not None and _gave_all_back(charge, invoice, subscription):
        subscription = end(client, subscription["id"])
    return Seen(subscription, invoice, intent, done)


def _gave_all_back(charge: Mapping[str, Any], invoice: Mapping[str, Any], subscription: Mapping[str, Any]) -> bool:
    """Whether all that was paid for the running period went back."""
    if not charge["refunded"] or invoice.get("billing_reason") == "subscription_update":
        return False
    paid_to = max(line["period"]["end"] for line in invoice["lines"]["data"])
    return paid_to == subscription["items"]["data"][0]["current_period_end"]


def end(client: StripeClient, ref: str) -> dict[str, Any]:
    """End a subscription at once; one that has ended stays as it is."""
    import stripe

    with suppress(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(ref)
    return client.v1.subscriptions.retrieve(ref).to_dict()


def _subscription(client: StripeClient, ref: str | None) -> dict[str, Any] | None:
    return None if ref is None else client.v1.subscriptions.retrieve(ref).to_dict()


def _payment_of(client: StripeClient, invoice: str) -> str | None:
    found = client.v1.invoice_payments.list({"invoice": invoice, "status": "paid"}).to_dict()["data"]
    return found[0]["payment"].get("payment_intent") if found else None

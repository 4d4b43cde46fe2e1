"""What the caller may do now, to whom invoices are written, and the payment provider's messages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.audit import Actor
from api.billing import events, service
from api.billing.books import Books
from api.billing.schemas import BillingDetails, EntitlementsShown, PortalLink, Received
from api.billing.stripe_client import BadSignature
from api.dependencies import ContextDependency
from api.problems import Problem, documented
from api.replies import json_reply
from api.security.access import interactive, public, signed, signed_in
from api.security.principal import PrincipalDependency, Scope
from stores.tables import BillingAccount

router = APIRouter(prefix="/v1/billing", tags=["billing"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")


@router.get(
    "/entitlements",
    dependencies=[public()],
    operation_id="getEntitlements",
    response_model=EntitlementsShown,
    summary="What you may do",
    responses=documented("unauthenticated", "internal-error", "store-unavailable"),
)
async def get_entitlements(who: PrincipalDependency) -> Response:
    """Tell what you may do now, signed in or not."""
    rights = who.entitlements
    body: dict[str, Any] = {
        "plan": rights.plan,
        "markets": rights.markets,
        "timeframes": rights.timeframes,
        "signal_delay_s": int(rights.signal_delay.total_seconds()),
        "history_s": None if rights.history is None else int(rights.history.total_seconds()),
        "streams": rights.streams,
        "alerts": rights.alerts,
        "webhooks": rights.webhooks,
        "api_keys": rights.api_keys,
        "requests_per_minute": rights.requests_per_minute,
        "burst": rights.burst,
        "backtests": rights.backtests,
        "export": rights.export,
    }
    return json_reply(body)


@router.get(
    "/details",
    dependencies=[signed_in(Scope.BILLING_READ)],
    operation_id="getBillingDetails",
    response_model=BillingDetails,
    summary="To whom invoices are written",
    responses=documented(*_ALWAYS),
)
async def get_details(context: ContextDependency, who: PrincipalDependency) -> Response:
    """Tell to whom your invoices are written; where a part is empty, your account's name and address stand."""
    return json_reply(await context.stores.in_session(lambda session: _details(session, who.person)))


@router.put(
    "/details",
    dependencies=[interactive()],
    operation_id="updateBillingDetails",
    response_model=BillingDetails,
    summary="Change to whom invoices are written",
    responses=documented(*_ALWAYS),
)
async def update_details(context: ContextDependency, who: PrincipalDependency, body: BillingDetails) -> Response:
    """Say to whom invoices are written from now on. Those there are stay as they were written."""

    def work(session: Session) -> dict[str, str]:
        account = session.get(BillingAccount, who.person, with_for_update=True) or BillingAccount(user_id=who.person)
        for name, value in body.model_dump().items():
            setattr(account, name, value)
        session.add(account)
        session.flush()
        return _details(session, who.person)

    return json_reply(await context.stores.in_session(work))


@router.post(
    "/portal",
    dependencies=[interactive()],
    operation_id="openBillingPortal",
    response_model=PortalLink,
    summary="Open the payment provider's page",
    responses=documented("conflict", "provider-unavailable", *_ALWAYS),
)
async def open_portal(context: ContextDependency, who: PrincipalDependency, request: Request) -> Response:
    """Open a page of the payment provider where you see to your means of payment. It is good for a short time."""
    now, actor = context.clock(), Actor.of(who, request)
    url = await context.stores.in_session(
        lambda session: service.portal(Books(session, context.settings, context.vault, now, actor), who.person)
    )
    return json_reply({"url": url})


@router.post(
    "/webhook",
    dependencies=[signed()],
    operation_id="receiveBillingEvent",
    response_model=Received,
    summary="Messages of the payment provider",
    responses=documented(
        "bad-signature",
        "conflict",
        "payment-failed",
        "provider-unavailable",
        "internal-error",
        "store-unavailable",
    ),
)
async def receive_event(context: ContextDependency, request: Request) -> Response:
    """Take a message of Stripe, which signs it. It is answered with 200 when what it led to is stored."""
    payload = await request.body()
    try:
        await events.handle(context, payload, request.headers.get("stripe-signature"))
    except BadSignature:
        raise Problem("bad-signature", "this is not signed with CAP_STRIPE_WEBHOOK_SECRET, or too long ago") from None
    return json_reply({"received": True})


def _details(session: Session, user_id: str) -> dict[str, str]:
    account = session.get(BillingAccount, user_id) or BillingAccount(
        user_id=user_id, name="", address="", country="", tax_id=""
    )
    return {"name": account.name, "address": account.address, "country": account.country, "tax_id": account.tax_id}

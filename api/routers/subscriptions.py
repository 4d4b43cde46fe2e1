"""Subscriptions of the caller."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api.audit import Actor
from api.billing import service
from api.billing.books import Books
from api.billing.schemas import SubscriptionShown, SubscriptionWanted
from api.dependencies import ContextDependency
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import interactive, signed_in
from api.security.principal import PrincipalDependency, Scope
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/subscriptions", tags=["billing"])

_READ = signed_in(Scope.BILLING_READ)
_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
_CHANGES = documented(
    "not-found",
    "conflict",
    "idempotency-conflict",
    "payment-failed",
    "provider-unavailable",
    *_ALWAYS,
)

SubscriptionId = Annotated[UUID, Path(description="`subscription_id` of the subscription.")]


@router.get(
    "",
    dependencies=[_READ],
    operation_id="listSubscriptions",
    response_model=Page[SubscriptionShown],
    summary="Subscriptions",
    responses=documented("invalid-cursor", *_ALWAYS),
)
async def list_subscriptions(
    context: ContextDependency,
    who: PrincipalDependency,
    limit: Annotated[int, Query(ge=1, le=100, description="Most subscriptions in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List your subscriptions, newest first; all but the first one have ended."""
    return json_reply(
        await context.stores.in_session(lambda session: service.read_page(session, who.person, limit, cursor))
    )


@router.post(
    "",
    dependencies=[interactive()],
    operation_id="createSubscription",
    status_code=201,
    response_model=SubscriptionShown,
    summary="Subscribe",
    responses=_CHANGES,
)
async def create_subscription(
    context: ContextDependency,
    who: PrincipalDependency,
    request: Request,
    write: WriteDependency,
    body: SubscriptionWanted,
) -> Response:
    """Subscribe to a plan. The first time it begins with a trial; `checkout_url`, if there is one, is where to go on."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> Made:
        books = Books(session, context.settings, context.vault, now, actor)
        made = service.start(books, who.person, body.plan)
        return Made(201, made, {"Location": f"/v1/subscriptions/{made['subscription_id']}"})

    return await write(work)


@router.get(
    "/{subscription_id}",
    dependencies=[_READ],
    operation_id="getSubscription",
    response_model=SubscriptionShown,
    summary="One subscription",
    responses=_OF_ONE,
)
async def get_subscription(
    context: ContextDependency, who: PrincipalDependency, subscription_id: SubscriptionId
) -> Response:
    """Show one of your subscriptions."""
    return json_reply(
        await context.stores.in_session(lambda session: service.read(session, who.person, str(subscription_id)))
    )


@router.delete(
    "/{subscription_id}",
    dependencies=[interactive()],
    operation_id="cancelSubscription",
    response_model=SubscriptionShown,
    summary="Cancel",
    responses=_CHANGES,
)
async def cancel_subscription(
    context: ContextDependency,
    who: PrincipalDependency,
    request: Request,
    write: WriteDependency,
    subscription_id: SubscriptionId,
) -> Response:
    """Cancel at the end of what you have paid for, or of the trial. Until then it can be resumed."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> Made:
        books = Books(session, context.settings, context.vault, now, actor)
        return Made(200, service.cancel(books, who.person, str(subscription_id)))

    return await write(work)


@router.post(
    "/{subscription_id}/change",
    dependencies=[interactive()],
    operation_id="changeSubscription",
    response_model=SubscriptionShown,
    summary="Change the plan",
    responses=_CHANGES,
)
async def change_subscription(
    context: ContextDependency,
    who: PrincipalDependency,
    request: Request,
    write: WriteDependency,
    subscription_id: SubscriptionId,
    body: SubscriptionWanted,
) -> Response:
    """Change to a higher plan at once, for the difference of what is left of the period; to a lower one when it ends."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> Made:
        books = Books(session, context.settings, context.vault, now, actor)
        return Made(200, service.change(books, who.person, str(subscription_id), body.plan))

    return await write(work)


@router.post(
    "/{subscription_id}/resume",
    dependencies=[interactive()],
    operation_id="resumeSubscription",
    response_model=SubscriptionShown,
    summary="Take a cancellation back",
    responses=_CHANGES,
)
async def resume_subscription(
    context: ContextDependency,
    who: PrincipalDependency,
    request: Request,
    write: WriteDependency,
    subscription_id: SubscriptionId,
) -> Response:
    """Take back a cancellation, or a change of plan at the period's end."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> Made:
        books = Books(session, context.settings, context.vault, now, actor)
        return Made(200, service.resume(books, who.person, str(subscription_id)))

    return await write(work)

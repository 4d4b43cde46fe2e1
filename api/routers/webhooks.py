"""Webhooks: what they are told of, their secrets, and the log of what was sent."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query
from sqlmodel import Session
from starlette.responses import Response

from api.delivery import deliveries, webhooks
from api.delivery.schemas import (
    WebhookChanges,
    WebhookDeliveryShown,
    WebhookList,
    WebhookSettings,
    WebhookShown,
    WebhookWithSecret,
    given,
)
from api.delivery.webhooks import WebhookChange
from api.dependencies import ContextDependency
from api.parameters import CursorParameter
from api.problems import documented, invalid
from api.replies import json_reply
from api.schemas import Page
from api.security.access import signed_in
from api.security.outbound import Outbound, Refused
from api.security.principal import PrincipalDependency, Scope
from api.writes import Made, WriteDependency
from stores.settings import Settings

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

_READ = signed_in(Scope.WEBHOOKS_READ)
_WRITE = signed_in(Scope.WEBHOOKS_WRITE)
_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
_MAKES = documented("not-found", "conflict", "idempotency-conflict", *_ALWAYS)

WebhookId = Annotated[UUID, Path(description="`webhook_id` of the webhook.")]
DeliveryId = Annotated[UUID, Path(description="`delivery_id` of the delivery.")]


def _checked(settings: Settings, change: WebhookChange) -> WebhookChange:
    """Refuse an address that can be seen never to be sent to; its name is resolved and checked at every sending."""
    if "url" in change.given:
        try:
            Outbound(settings.webhook_allow_private).check(change.given["url"])
        except Refused as error:
            raise invalid("url", str(error)) from None
    return change


@router.get(
    "",
    dependencies=[_READ],
    operation_id="listWebhooks",
    response_model=WebhookList,
    summary="Webhooks",
    responses=documented(*_ALWAYS),
)
async def list_webhooks(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List your webhooks, oldest first. Their secrets are shown only when they are made."""
    found = await context.stores.in_session(lambda session: webhooks.read_all(session, who.person))
    return json_reply({"items": found, "next_cursor": None})


@router.post(
    "",
    dependencies=[_WRITE],
    operation_id="createWebhook",
    status_code=201,
    response_model=WebhookWithSecret,
    summary="Make a webhook",
    responses=documented("plan-limit", "idempotency-conflict", *_ALWAYS),
)
async def create_webhook(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: WebhookSettings
) -> Response:
    """Make a webhook. The answer is the only one that holds its secret."""
    change = _checked(context.settings, WebhookChange({**body.model_dump(mode="json"), **given(body)}))
    now = context.clock()

    def work(session: Session) -> Made:
        made = webhooks.create(session, context.vault, who.person, who.entitlements, change, now)
        return Made(201, made, {"Location": f"/v1/webhooks/{made['webhook_id']}"})

    return await write(work)


@router.get(
    "/{webhook_id}",
    dependencies=[_READ],
    operation_id="getWebhook",
    response_model=WebhookShown,
    summary="One webhook",
    responses=_OF_ONE,
)
async def get_webhook(context: ContextDependency, who: PrincipalDependency, webhook_id: WebhookId) -> Response:
    """Show one webhook."""
    return json_reply(
        await context.stores.in_session(lambda session: webhooks.read(session, who.person, str(webhook_id)))
    )


@router.patch(
    "/{webhook_id}",
    dependencies=[_WRITE],
    operation_id="updateWebhook",
    response_model=WebhookShown,
    summary="Change a webhook",
    responses=_OF_ONE,
)
async def update_webhook(
    context: ContextDependency, who: PrincipalDependency, webhook_id: WebhookId, body: WebhookChanges
) -> Response:
    """Change what the body holds. `enabled: true` gives a webhook that was turned off a new chance at once."""
    change = _checked(context.settings, WebhookChange(given(body)))
    now = context.clock()
    return json_reply(
        await context.stores.in_session(
            lambda session: webhooks.update(session, who.person, str(webhook_id), change, now)
        )
    )


@router.delete(
    "/{webhook_id}",
    dependencies=[_WRITE],
    operation_id="deleteWebhook",
    status_code=204,
    summary="Delete a webhook",
    responses=_OF_ONE,
)
async def delete_webhook(context: ContextDependency, who: PrincipalDependency, webhook_id: WebhookId) -> Response:
    """Delete a webhook and its log. What waits for it is not sent."""
    await context.stores.in_session(lambda session: webhooks.delete(session, who.person, str(webhook_id)))
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/secret",
    dependencies=[_WRITE],
    operation_id="rotateWebhookSecret",
    response_model=WebhookWithSecret,
    summary="Make a new secret",
    responses=_MAKES,
)
async def rotate_secret(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, webhook_id: WebhookId
) -> Response:
    """Make a new secret. For 24 hours every message is signed with both, so that none is refused while you change over."""
    now = context.clock()
    return await write(
        lambda session: Made(200, webhooks.rotate(session, context.vault, who.person, str(webhook_id), now))
    )


@router.post(
    "/{webhook_id}/test",
    dependencies=[_WRITE],
    operation_id="testWebhook",
    status_code=202,
    response_model=WebhookDeliveryShown,
    summary="Send a test",
    responses=_MAKES,
)
async def send_test(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, webhook_id: WebhookId
) -> Response:
    """Send a test event. What became of it is in the webhook's deliveries."""
    now, test_id = context.clock(), str(uuid4())
    return await write(
        lambda session: Made(202, deliveries.send_test(session, who.person, str(webhook_id), test_id, now))
    )


@router.get(
    "/{webhook_id}/deliveries",
    dependencies=[_READ],
    operation_id="listWebhookDeliveries",
    response_model=Page[WebhookDeliveryShown],
    summary="What was sent",
    responses=documented("not-found", "invalid-cursor", *_ALWAYS),
)
async def list_deliveries(
    context: ContextDependency,
    who: PrincipalDependency,
    webhook_id: WebhookId,
    state: Annotated[Literal["pending", "delivered", "dead"] | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Most deliveries in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List the deliveries of the last 30 days with every attempt, newest first."""
    found = await context.stores.in_session(
        lambda session: deliveries.read_page(session, who.person, str(webhook_id), state, limit, cursor)
    )
    return json_reply({"items": found.items, "next_cursor": found.next_cursor})


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    dependencies=[_READ],
    operation_id="getWebhookDelivery",
    response_model=WebhookDeliveryShown,
    summary="One delivery",
    responses=_OF_ONE,
)
async def get_delivery(
    context: ContextDependency, who: PrincipalDependency, webhook_id: WebhookId, delivery_id: DeliveryId
) -> Response:
    """Show one delivery with every attempt."""
    return json_reply(
        await context.stores.in_session(
            lambda session: deliveries.read_one(session, who.person, str(webhook_id), str(delivery_id))
        )
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    dependencies=[_WRITE],
    operation_id="redeliverWebhookDelivery",
    status_code=202,
    response_model=WebhookDeliveryShown,
    summary="Send it again",
    responses=_MAKES,
)
async def redeliver(
    context: ContextDependency,
    who: PrincipalDependency,
    write: WriteDependency,
    webhook_id: WebhookId,
    delivery_id: DeliveryId,
) -> Response:
    """Send a delivery again, under the id it had, whether or not it got through."""
    now = context.clock()
    return await write(
        lambda session: Made(202, deliveries.redeliver(session, who.person, str(webhook_id), str(delivery_id), now))
    )

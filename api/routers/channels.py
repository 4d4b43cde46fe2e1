"""Where alerts reach you besides mail and webhooks: a Telegram chat, and browsers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from sqlalchemy import text
from sqlmodel import Session
from starlette.responses import Response

from api.alerts import push, telegram
from api.alerts.schemas import PushKey, PushList, PushSettings, PushShown, TelegramLinkCode, TelegramShown
from api.dependencies import ContextDependency
from api.problems import Problem, documented, invalid
from api.replies import json_reply
from api.security.access import interactive, signed_in
from api.security.outbound import Outbound, Refused
from api.security.principal import PrincipalDependency, Scope
from api.times import format_instant
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1", tags=["alerts"])

_READ = signed_in(Scope.ALERTS_READ)
_ALWAYS = ("unauthenticated", "forbidden", "internal-error", "store-unavailable")


@router.get(
    "/telegram",
    dependencies=[_READ],
    operation_id="getTelegram",
    response_model=TelegramShown,
    summary="Telegram chat",
    responses=documented(*_ALWAYS),
)
async def get_telegram(context: ContextDependency, who: PrincipalDependency) -> Response:
    """Show whether a chat is linked."""

    def work(session: Session) -> Any:
        return (
            session.connection()
            .execute(
                text("SELECT name, linked_at FROM serving.telegram_links WHERE user_id = :user"), {"user": who.person}
            )
            .one_or_none()
        )

    row = await context.stores.in_session(work)
    return json_reply(
        {
            "available": context.settings.telegram_token is not None,
            "linked": row is not None,
            "name": None if row is None else row.name,
            "linked_at": None if row is None else format_instant(row.linked_at),
        }
    )


@router.post(
    "/telegram/link",
    dependencies=[interactive()],
    operation_id="linkTelegram",
    status_code=201,
    response_model=TelegramLinkCode,
    summary="Link a Telegram chat",
    responses=documented("conflict", "idempotency-conflict", "invalid-parameters", *_ALWAYS),
)
async def link_telegram(context: ContextDependency, who: PrincipalDependency, write: WriteDependency) -> Response:
    """Make a code. Write it to the bot within ten minutes; the chat it comes from is linked. It works once."""
    settings, now = context.settings, context.clock()
    if settings.telegram_token is None:
        raise Problem("conflict", "this instance has no Telegram bot; its operator sets CAP_TELEGRAM_TOKEN")

    def work(session: Session) -> Made:
        made = telegram.new_code(session, who.person, now)
        link = f"https://t.me/{settings.telegram_bot}?start={made.code}" if settings.telegram_bot else None
        body = {"code": made.code, "command": f"/start {made.code}", "link": link}
        return Made(201, {**body, "expires_at": format_instant(made.expires_at)})

    return await write(work)


@router.delete(
    "/telegram",
    dependencies=[interactive()],
    operation_id="unlinkTelegram",
    status_code=204,
    summary="Unlink the Telegram chat",
    responses=documented("not-found", *_ALWAYS),
)
async def unlink_telegram(context: ContextDependency, who: PrincipalDependency) -> Response:
    """Forget the chat. Nothing more is sent to it."""

    def work(session: Session) -> int:
        gone = session.connection().execute(
            text("DELETE FROM serving.telegram_links WHERE user_id = :user"), {"user": who.person}
        )
        return gone.rowcount

    if not await context.stores.in_session(work):
        raise Problem("not-found", "no chat is linked")
    return Response(status_code=204)


@router.get(
    "/push/key",
    dependencies=[_READ],
    operation_id="getPushKey",
    response_model=PushKey,
    summary="Key for Web Push",
    responses=documented(*_ALWAYS),
)
async def get_push_key(context: ContextDependency) -> Response:
    """Show the key that a browser subscribes with."""
    return json_reply({"public_key": push.public_key(context.vault)})


@router.get(
    "/push-subscriptions",
    dependencies=[_READ],
    operation_id="listPushSubscriptions",
    response_model=PushList,
    summary="Subscribed browsers",
    responses=documented(*_ALWAYS),
)
async def list_push_subscriptions(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List your browsers, oldest first."""

    def work(session: Session) -> list[dict[str, Any]]:
        rows = session.connection().execute(
            text(
                "SELECT subscription_id::text AS subscription_id, label, encode(endpoint_digest, 'hex') AS endpoint_sha256, "
                "created_at FROM serving.push_subscriptions WHERE user_id = :user ORDER BY created_at, subscription_id"
            ),
            {"user": who.person},
        )
        return [{**row, "created_at": format_instant(row["created_at"])} for row in rows.mappings()]

    return json_reply({"items": await context.stores.in_session(work), "next_cursor": None})


@router.post(
    "/push-subscriptions",
    dependencies=[interactive()],
    operation_id="createPushSubscription",
    status_code=201,
    response_model=PushShown,
    summary="Subscribe a browser",
    responses=documented("conflict", "invalid-parameters", "idempotency-conflict", *_ALWAYS),
)
async def create_push_subscription(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: PushSettings
) -> Response:
    """Remember a browser: send what its `PushSubscription.toJSON()` gives."""
    try:
        Outbound(context.settings.webhook_allow_private).check(body.endpoint)
        browser = push.Browser.parse(body.endpoint, body.keys.p256dh, body.keys.auth)
    except Refused as error:
        raise invalid("endpoint", str(error)) from None
    except push.BadSubscription as error:
        raise invalid("keys", str(error)) from None
    now = context.clock()

    def work(session: Session) -> Made:
        made = push.subscribe(session, context.vault, who.person, browser, body.label, now)
        if made is None:
            raise Problem("conflict", f"{push.MOST_BROWSERS} browsers are subscribed already; delete one")
        shown = {
            "subscription_id": made,
            "label": body.label,
            "endpoint_sha256": push.endpoint_digest(browser.endpoint).hex(),
            "created_at": format_instant(now),
        }
        return Made(201, shown, {"Location": f"/v1/push-subscriptions/{made}"})

    return await write(work)


@router.delete(
    "/push-subscriptions/{subscription_id}",
    dependencies=[interactive()],
    operation_id="deletePushSubscription",
    status_code=204,
    summary="Forget a browser",
    responses=documented("not-found", "invalid-parameters", *_ALWAYS),
)
async def delete_push_subscription(
    context: ContextDependency,
    who: PrincipalDependency,
    subscription_id: Annotated[UUID, Path(description="`subscription_id` of the browser.")],
) -> Response:
    """Send nothing more to a browser."""

    def work(session: Session) -> int:
        gone = session.connection().execute(
            text("DELETE FROM serving.push_subscriptions WHERE subscription_id = :id AND user_id = :user"),
            {"id": str(subscription_id), "user": who.person},
        )
        return gone.rowcount

    if not await context.stores.in_session(work):
        raise Problem("not-found", f"there is no browser {subscription_id}")
    return Response(status_code=204)

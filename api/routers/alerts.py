"""Alert rules: what you want to be told of, and what you were told."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlmodel import Session
from starlette.responses import Response

from api.alerts import management, unsubscribe
from api.alerts.rules import Condition, SignalCondition, subjects
from api.alerts.schemas import AlertChanges, AlertList, AlertSettings, AlertShown, FiringShown, TestQueued
from api.dependencies import Context, ContextDependency
from api.parameters import CursorParameter
from api.problems import Problem, documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import signed, signed_in
from api.security.principal import PrincipalDependency, Scope
from api.writes import Made, WriteDependency
from stores.markets import Market
from stores.warehouse import Series

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

_READ = signed_in(Scope.ALERTS_READ)
_WRITE = signed_in(Scope.ALERTS_WRITE)
_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_MAKES = ("plan-limit", "unknown-market", "idempotency-conflict", *_ALWAYS)

AlertId = Annotated[UUID, Path(description="`alert_id` of the rule.")]


async def _check_markets(context: Context, condition: Condition | None) -> None:
    """Refuse a rule on a series that is not stored: it would wait for ever."""
    if condition is None or isinstance(condition, SignalCondition) or condition.kind.value == "outcome":
        return
    for market, timeframe, _ in subjects(condition):
        series = Series(Market.parse(market), timeframe)
        await context.stores.warehouse.read(
            lambda warehouse, wanted=series: context.directory.require(warehouse, wanted)
        )


@router.get(
    "",
    dependencies=[_READ],
    operation_id="listAlerts",
    response_model=AlertList,
    summary="Alerts",
    responses=documented(*_ALWAYS),
)
async def list_alerts(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List your rules, oldest first."""
    rights = who.entitlements
    found = await context.stores.in_session(lambda session: management.read_all(session, who.person, rights))
    return json_reply({"items": found, "next_cursor": None})


@router.post(
    "",
    dependencies=[_WRITE],
    operation_id="createAlert",
    status_code=201,
    response_model=AlertShown,
    summary="Make an alert",
    responses=documented(*_MAKES),
)
async def create_alert(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: AlertSettings
) -> Response:
    """Make a rule. What is known from now on counts."""
    await _check_markets(context, body.condition)
    now = context.clock()

    def work(session: Session) -> Made:
        made = management.create(session, who.person, who.entitlements, body, now)
        return Made(201, made, {"Location": f"/v1/alerts/{made['alert_id']}"})

    return await write(work)


@router.post(
    "/unsubscribe",
    dependencies=[signed()],
    operation_id="unsubscribeAlert",
    status_code=204,
    summary="End an alert's mails",
    responses=documented("not-found", "invalid-parameters", "internal-error", "store-unavailable"),
)
async def unsubscribe_alert(
    context: ContextDependency, token: Annotated[str, Query(max_length=200, description="From the mail.")]
) -> Response:
    """Take e-mail off a rule by the link in one of its mails. It takes nothing but that, and no sign-in."""
    alert_id = unsubscribe.alert_of(context.vault, token)
    if alert_id is None:
        raise Problem("not-found", "the link is not, or no longer, good")
    now = context.clock()
    await context.stores.in_session(lambda session: unsubscribe.end_mails(session, alert_id, now))
    return Response(status_code=204)


@router.get(
    "/{alert_id}",
    dependencies=[_READ],
    operation_id="getAlert",
    response_model=AlertShown,
    summary="One alert",
    responses=documented("not-found", *_ALWAYS),
)
async def get_alert(context: ContextDependency, who: PrincipalDependency, alert_id: AlertId) -> Response:
    """Show one rule."""
    rights = who.entitlements
    return json_reply(
        await context.stores.in_session(lambda session: management.read(session, who.person, rights, str(alert_id)))
    )


@router.patch(
    "/{alert_id}",
    dependencies=[_WRITE],
    operation_id="updateAlert",
    response_model=AlertShown,
    summary="Change an alert",
    responses=documented("not-found", "unknown-market", "plan-limit", *_ALWAYS),
)
async def update_alert(
    context: ContextDependency, who: PrincipalDependency, alert_id: AlertId, body: AlertChanges
) -> Response:
    """Change what the body holds. A new condition, or switching it on, begins anew: what was before does not count."""
    await _check_markets(context, body.condition)
    now = context.clock()
    return json_reply(
        await context.stores.in_session(
            lambda session: management.update(session, who.person, who.entitlements, str(alert_id), body, now)
        )
    )


@router.delete(
    "/{alert_id}",
    dependencies=[_WRITE],
    operation_id="deleteAlert",
    status_code=204,
    summary="Delete an alert",
    responses=documented("not-found", *_ALWAYS),
)
async def delete_alert(context: ContextDependency, who: PrincipalDependency, alert_id: AlertId) -> Response:
    """Delete a rule and its history. What is on its way is not sent."""
    await context.stores.in_session(lambda session: management.delete(session, who.person, str(alert_id)))
    return Response(status_code=204)


@router.post(
    "/{alert_id}/test",
    dependencies=[_WRITE],
    operation_id="testAlert",
    status_code=202,
    response_model=TestQueued,
    summary="Try an alert out",
    responses=documented("not-found", "too-many-requests", "idempotency-conflict", *_ALWAYS),
)
async def test_alert(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, alert_id: AlertId
) -> Response:
    """Send a test on every channel of a rule, also in quiet hours."""
    now = context.clock()
    return await write(lambda session: Made(202, management.try_out(session, who.person, str(alert_id), now)))


@router.get(
    "/{alert_id}/history",
    dependencies=[_READ],
    operation_id="listAlertHistory",
    response_model=Page[FiringShown],
    summary="What an alert told",
    responses=documented("not-found", "invalid-cursor", *_ALWAYS),
)
async def list_alert_history(
    context: ContextDependency,
    who: PrincipalDependency,
    alert_id: AlertId,
    limit: Annotated[int, Query(ge=1, le=200, description="Most items in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List what a rule held for, newest first, and what became of it on each channel."""
    now, rights = context.clock(), who.entitlements
    found = await context.stores.in_session(
        lambda session: management.history(session, who.person, str(alert_id), rights, now, limit, cursor)
    )
    return json_reply({"items": found.items, "next_cursor": found.next_cursor})

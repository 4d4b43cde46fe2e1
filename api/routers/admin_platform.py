"""Administrators: signals, plans, payments, features, status and the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.admin import flags, records, takedowns
from api.admin.acting import ActingDependency
from api.admin.data_quality import read_data_quality
from api.admin.schemas import (
    AuditRecordSeen,
    DataQuality,
    FlagSeen,
    FlagSettings,
    PaymentConfirmation,
    PlanChanges,
    RefundRequest,
    SystemStatus,
    TakedownSeen,
    Verification,
    WithReason,
)
from api.admin.status import read_status
from api.billing import administration as billing
from api.flags import Feature, Flag
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import administrator
from api.times import Instant
from api.writes import Made

router = APIRouter(prefix="/v1/admin", tags=["admin"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", "conflict", "idempotency-conflict", *_ALWAYS)
_ADMIN = [administrator()]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_Target = Annotated[
    str | None, Query(min_length=1, max_length=200, pattern=_PRINTED, description="Only what was done to this.")
]
_Action = Annotated[str | None, Query(min_length=1, max_length=200, pattern=_PRINTED, description="Only these deeds.")]


@router.post(
    "/signals/{signal_id}/takedown",
    dependencies=_ADMIN,
    operation_id="adminTakeSignalDown",
    status_code=201,
    response_model=TakedownSeen,
    summary="Take a signal down",
    responses=_OF_ONE,
)
async def take_signal_down(
    acting: ActingDependency,
    signal_id: Annotated[UUID, Path(description="`signal_id` of the signal.")],
    body: WithReason,
) -> Response:
    """Flag a signal as no longer stood by. It stays visible, with the reason, and counts in the track record."""
    return await acting.write(lambda deed: Made(201, takedowns.take_down(deed, str(signal_id), body.reason)))


@router.get(
    "/signals/takedowns",
    dependencies=_ADMIN,
    operation_id="adminListTakedowns",
    response_model=Page[TakedownSeen],
    summary="Signals taken down",
    responses=documented(*_ALWAYS),
)
async def list_takedowns(
    acting: ActingDependency, limit: Annotated[int, Query(ge=1, le=500, description="Most of them.")] = 100
) -> Response:
    """List the newest takedowns."""
    found = await acting.read(lambda deed: takedowns.read_all(deed, limit))
    return json_reply({"items": found, "next_cursor": None})


@router.patch(
    "/plans/{plan_id}",
    dependencies=_ADMIN,
    operation_id="adminChangePlan",
    response_model=dict[str, Any],
    summary="Change a plan",
    responses=_OF_ONE,
)
async def change_plan(
    acting: ActingDependency,
    plan_id: Annotated[
        str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", examples=["pro"], description="Of the plan.")
    ],
    body: PlanChanges,
) -> Response:
    """Change what a plan costs and entitles to, for everybody who has it."""
    changes = body.model_dump(include=body.model_fields_set)
    changed = await acting.read(lambda deed: billing.change_plan(deed.books, plan_id, changes))
    acting.context.forget_anonymous()
    return json_reply(changed)


@router.post(
    "/invoices/{invoice_id}/payment",
    dependencies=_ADMIN,
    operation_id="adminConfirmPayment",
    response_model=dict[str, Any],
    summary="Confirm a payment",
    responses=_OF_ONE,
)
async def confirm_payment(
    acting: ActingDependency,
    invoice_id: Annotated[UUID, Path(description="`invoice_id` of the invoice.")],
    body: PaymentConfirmation,
) -> Response:
    """Confirm that an invoice of the manual provider was paid; the subscription goes on by it."""
    return await acting.write(
        lambda deed: Made(200, billing.confirm_payment(deed.books, str(invoice_id), body.payment_ref))
    )


@router.post(
    "/invoices/{invoice_id}/refund",
    dependencies=_ADMIN,
    operation_id="adminRefund",
    status_code=201,
    response_model=dict[str, Any],
    summary="Give money back",
    responses=_OF_ONE,
)
async def refund(
    acting: ActingDependency,
    invoice_id: Annotated[UUID, Path(description="`invoice_id` of the invoice.")],
    body: RefundRequest,
) -> Response:
    """Give money back and make a credit note."""
    return await acting.write(
        lambda deed: Made(201, billing.refund(deed.books, str(invoice_id), body.amount_minor, body.reason))
    )


@router.post(
    "/subscriptions/{subscription_id}/chargeback",
    dependencies=_ADMIN,
    operation_id="adminChargeBack",
    response_model=dict[str, Any],
    summary="Record a payment charged back",
    responses=_OF_ONE,
)
async def charge_back(
    acting: ActingDependency,
    subscription_id: Annotated[UUID, Path(description="`subscription_id` of the subscription.")],
) -> Response:
    """Record that a payment was charged back: the subscription ends at once."""
    return await acting.write(lambda deed: Made(200, billing.charge_back(deed.books, str(subscription_id))))


@router.delete(
    "/subscriptions/{subscription_id}/chargeback",
    dependencies=_ADMIN,
    operation_id="adminSettleChargeBack",
    response_model=dict[str, Any],
    summary="Settle a payment charged back",
    responses=_OF_ONE,
)
async def settle_charge_back(
    acting: ActingDependency,
    subscription_id: Annotated[UUID, Path(description="`subscription_id` of the subscription.")],
) -> Response:
    """Record that it was settled: the person may subscribe again."""
    return json_reply(await acting.read(lambda deed: billing.clear_mark(deed.books, str(subscription_id))))


@router.get(
    "/flags",
    dependencies=_ADMIN,
    operation_id="adminListFlags",
    response_model=Page[FlagSeen],
    summary="Features",
    responses=documented(*_ALWAYS),
)
async def list_flags(acting: ActingDependency) -> Response:
    """List every feature that can be switched, and for whom it is on."""
    return json_reply({"items": await acting.read(flags.read_all), "next_cursor": None})


@router.put(
    "/flags/{name}",
    dependencies=_ADMIN,
    operation_id="adminSwitchFlag",
    response_model=FlagSeen,
    summary="Switch a feature",
    responses=_OF_ONE,
)
async def switch_flag(
    acting: ActingDependency, name: Annotated[Feature, Path(description="Of the feature.")], body: FlagSettings
) -> Response:
    """Switch a feature for everybody, for a part of all people, or by plan. Counts within seconds."""
    flag = Flag(body.enabled, body.percentage, tuple(body.plans))
    return json_reply(await acting.read(lambda deed: flags.switch(deed, name, flag, body.reason)))


@router.get(
    "/status",
    dependencies=_ADMIN,
    operation_id="adminGetStatus",
    response_model=SystemStatus,
    summary="How the platform does",
    responses=documented(*_ALWAYS),
)
async def get_status(acting: ActingDependency) -> Response:
    """Show stores, how far series and streams are behind, queues, what the graph materialized when, and space."""
    return json_reply(await read_status(acting.context))


@router.get(
    "/data-quality",
    dependencies=_ADMIN,
    operation_id="adminGetDataQuality",
    response_model=DataQuality,
    summary="What is wrong with the data",
    responses=documented(*_ALWAYS),
)
async def get_data_quality(acting: ActingDependency) -> Response:
    """Show missing bars, bars that were changed afterwards, what each source brought, and what was refused, with why."""
    return json_reply(await acting.context.stores.warehouse.read(read_data_quality))


@router.get(
    "/audit-log",
    dependencies=_ADMIN,
    operation_id="adminListAuditLog",
    response_model=Page[AuditRecordSeen],
    summary="Audit log",
    responses=documented("invalid-cursor", *_ALWAYS),
)
async def list_audit_log(
    acting: ActingDependency,
    actor: Annotated[UUID | None, Query(description="Only what this person did.")] = None,
    target: _Target = None,
    action: _Action = None,
    since: Annotated[Instant | None, Query(description="Only from this instant on.")] = None,
    until: Annotated[Instant | None, Query(description="Only before this instant.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most records in the page.")] = 100,
    cursor: CursorParameter = None,
) -> Response:
    """List who did what, the newest first. Nobody can change it; a changed record would break the chain."""
    wanted = records.RecordFilter(None if actor is None else str(actor), target, action, since, until)
    return json_reply(await acting.read(lambda deed: records.read_page(deed, wanted, limit, cursor)))


@router.get(
    "/audit-log/verify",
    dependencies=_ADMIN,
    operation_id="adminVerifyAuditLog",
    response_model=Verification,
    summary="Check the audit log",
    responses=documented(*_ALWAYS),
)
async def verify_audit_log(acting: ActingDependency) -> Response:
    """Check the chain of all records."""
    return json_reply(await acting.read(records.verify))

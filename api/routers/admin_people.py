"""Administrators: people."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.admin import people
from api.admin.acting import ActingDependency, Deed
from api.admin.schemas import GrantSettings, Impersonation, PersonDetail, PersonSeen, RoleChange, SignedOut, WithReason
from api.billing import administration as billing
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import administrator
from api.security.principal import Role
from api.writes import Made

router = APIRouter(prefix="/v1/admin", tags=["admin"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", "conflict", "idempotency-conflict", *_ALWAYS)
_ADMIN = [administrator()]
UserId = Annotated[UUID, Path(description="`user_id` of the person.")]


@router.get(
    "/users",
    dependencies=_ADMIN,
    operation_id="adminListUsers",
    response_model=Page[PersonSeen],
    summary="People",
    responses=documented("invalid-cursor", *_ALWAYS),
)
async def list_users(
    acting: ActingDependency,
    query: Annotated[
        str | None, Query(min_length=2, max_length=254, description="Part of an address, or a whole id.")
    ] = None,
    role: Annotated[Role | None, Query(description="Only these.")] = None,
    status: Annotated[Literal["active", "locked", "deleted"] | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most people in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List people, the newest first."""
    wanted = None if query is None else query.replace("\x00", "")
    return json_reply(await acting.read(lambda deed: people.read_page(deed, wanted, role, status, limit, cursor)))


@router.get(
    "/users/{user_id}",
    dependencies=_ADMIN,
    operation_id="adminGetUser",
    response_model=PersonDetail,
    summary="One person",
    responses=documented("not-found", *_ALWAYS),
)
async def get_user(acting: ActingDependency, user_id: UserId) -> Response:
    """Show a person with subscriptions and grants."""
    return json_reply(await acting.read(lambda deed: people.read(deed, str(user_id))))


@router.post(
    "/users/{user_id}/lock",
    dependencies=_ADMIN,
    operation_id="adminLockUser",
    response_model=PersonSeen,
    summary="Lock a person out",
    responses=_OF_ONE,
)
async def lock_user(acting: ActingDependency, user_id: UserId, body: WithReason) -> Response:
    """Keep a person out and end all sessions; API keys open nothing meanwhile."""
    return await acting.write(lambda deed: Made(200, people.lock(deed, str(user_id), body.reason)))


@router.post(
    "/users/{user_id}/unlock",
    dependencies=_ADMIN,
    operation_id="adminUnlockUser",
    response_model=PersonSeen,
    summary="Let a person in again",
    responses=_OF_ONE,
)
async def unlock_user(acting: ActingDependency, user_id: UserId, body: WithReason) -> Response:
    """Let a locked person in again, also one whose password was guessed at too often."""
    return await acting.write(lambda deed: Made(200, people.unlock(deed, str(user_id), body.reason)))


@router.post(
    "/users/{user_id}/logout",
    dependencies=_ADMIN,
    operation_id="adminSignOutUser",
    response_model=SignedOut,
    summary="End all sessions of a person",
    responses=_OF_ONE,
)
async def sign_out_user(acting: ActingDependency, user_id: UserId, body: WithReason) -> Response:
    """End all sessions of a person."""
    return await acting.write(lambda deed: Made(200, {"sessions": people.sign_out(deed, str(user_id), body.reason)}))


@router.post(
    "/users/{user_id}/second-factor-reset",
    dependencies=_ADMIN,
    operation_id="adminResetSecondFactor",
    status_code=204,
    summary="Take a lost second factor away",
    responses=_OF_ONE,
)
async def reset_second_factor(acting: ActingDependency, user_id: UserId, body: WithReason) -> Response:
    """Take a lost second factor away and end all sessions; the password is still needed."""

    def work(deed: Deed) -> Made:
        people.reset_second_factor(deed, str(user_id), body.reason)
        return Made(204)

    return await acting.write(work)


@router.post(
    "/users/{user_id}/role",
    dependencies=_ADMIN,
    operation_id="adminChangeRole",
    response_model=PersonSeen,
    summary="Make or unmake an administrator",
    responses=_OF_ONE,
)
async def change_role(acting: ActingDependency, user_id: UserId, body: RoleChange) -> Response:
    """Change what somebody else is; the last administrator stays one."""
    return await acting.write(lambda deed: Made(200, people.set_role(deed, str(user_id), Role(body.role), body.reason)))


@router.post(
    "/users/{user_id}/impersonation",
    dependencies=_ADMIN,
    operation_id="adminImpersonate",
    status_code=201,
    response_model=Impersonation,
    summary="Look through a person's eyes",
    responses=_OF_ONE,
)
async def impersonate(acting: ActingDependency, user_id: UserId, body: WithReason) -> Response:
    """Open a session of 15 minutes that sees what the person sees. Writes are refused, every request is recorded."""
    return await acting.write(lambda deed: Made(201, people.impersonate(deed, str(user_id), body.reason)))


@router.delete(
    "/impersonation/{session_id}",
    dependencies=_ADMIN,
    operation_id="adminEndImpersonation",
    status_code=204,
    summary="Stop looking",
    responses=_OF_ONE,
)
async def end_impersonation(
    acting: ActingDependency, session_id: Annotated[UUID, Path(description="`session_id` of the impersonation.")]
) -> Response:
    """End an impersonation before its time."""
    await acting.read(lambda deed: people.end_impersonation(deed, str(session_id)))
    return Response(status_code=204)


@router.post(
    "/users/{user_id}/grants",
    dependencies=_ADMIN,
    operation_id="adminGivePlan",
    status_code=201,
    response_model=dict[str, Any],
    summary="Give a plan",
    responses=_OF_ONE,
)
async def give_plan(acting: ActingDependency, user_id: UserId, body: GrantSettings) -> Response:
    """Give a person a plan until a date, without a subscription."""
    return await acting.write(
        lambda deed: Made(201, billing.give_grant(deed.books, str(user_id), body.plan, body.until, body.reason))
    )


@router.delete(
    "/grants/{grant_id}",
    dependencies=_ADMIN,
    operation_id="adminTakePlanBack",
    response_model=dict[str, Any],
    summary="Take a plan back",
    responses=_OF_ONE,
)
async def take_plan_back(
    acting: ActingDependency, grant_id: Annotated[UUID, Path(description="`grant_id` of the grant.")]
) -> Response:
    """End a grant at once."""
    return json_reply(await acting.read(lambda deed: billing.revoke_grant(deed.books, str(grant_id))))

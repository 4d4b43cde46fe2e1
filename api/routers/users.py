"""People: profile, sessions, address, data, deletion."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from sqlmodel import Session
from starlette.responses import Response

from api.accounts.actors import somebody
from api.accounts.attempts import shown_again
from api.accounts.guessing import Kind, Subject, count
from api.audit import Actor, record
from api.dependencies import ContextDependency
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import interactive, signed_in, unchecked
from api.security.principal import PrincipalDependency, Scope
from api.users import deletion, email_change, profiles
from api.users.export import export
from api.users.schemas import (
    Deletion,
    EmailChange,
    EmailChangeToken,
    PasswordShown,
    Profile,
    ProfileChanges,
    SessionShown,
)
from api.versions import ExpectedVersion, versioned
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/users/me", tags=["users"])

# Somebody may have had a great many deliveries.
_EXPORT_DEADLINE_S = 30
_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")


@router.get(
    "",
    dependencies=[signed_in(Scope.ACCOUNT_READ)],
    operation_id="getProfile",
    response_model=Profile,
    summary="Your profile",
    responses=documented(*_ALWAYS),
)
async def get_profile(context: ContextDependency, who: PrincipalDependency) -> Response:
    """Show who you are, how you want to be shown things, and what your plan entitles you to."""
    return versioned(await context.stores.in_session(lambda session: profiles.read(session, who)))


@router.patch(
    "",
    dependencies=[signed_in(Scope.ACCOUNT_WRITE)],
    operation_id="updateProfile",
    response_model=Profile,
    summary="Change your profile",
    responses=documented("precondition-failed", *_ALWAYS),
)
async def update_profile(
    context: ContextDependency, who: PrincipalDependency, body: ProfileChanges, version: ExpectedVersion
) -> Response:
    """Change what the body holds. With `If-Match` a change made elsewhere meanwhile is not overwritten."""
    changes = body.model_dump(include=body.model_fields_set)
    return versioned(await context.stores.in_session(lambda session: profiles.update(session, who, changes, version)))


@router.get(
    "/sessions",
    dependencies=[interactive()],
    operation_id="listSessions",
    response_model=Page[SessionShown],
    summary="Your sessions and devices",
    responses=documented(*_ALWAYS),
)
async def list_sessions(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List the sessions you are signed in by, the last used first."""
    now = context.clock()
    found = await context.stores.in_session(lambda session: profiles.read_sessions(session, who, now))
    return json_reply({"items": found, "next_cursor": None})


@router.delete(
    "/sessions/{session_id}",
    dependencies=[interactive()],
    operation_id="endSession",
    status_code=204,
    summary="End one session",
    responses=documented("not-found", *_ALWAYS),
)
async def end_session(
    request: Request,
    context: ContextDependency,
    who: PrincipalDependency,
    session_id: Annotated[UUID, Path(description="`session_id` of the session.")],
) -> Response:
    """Sign out one device."""

    def work(session: Session) -> None:
        now = context.clock()
        profiles.end_session(session, who, str(session_id), now)
        record(session, Actor.of(who, request), "session.revoked", target=f"session:{session_id}", now=now)

    await context.stores.in_session(work)
    return Response(status_code=204)


@router.post(
    "/email-change",
    dependencies=[interactive()],
    operation_id="requestEmailChange",
    status_code=202,
    summary="Change your e-mail address",
    responses=documented("too-many-requests", "busy", "idempotency-conflict", *_ALWAYS),
)
async def request_email_change(
    request: Request, context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: EmailChange
) -> Response:
    """Send a confirmation to the new address; the old one counts until it is confirmed."""
    actor = Actor.of(who, request)
    account = await shown_again(context, who, body.password, actor, "password")
    subjects = (
        Subject.of(context.vault, Kind.MAIL, body.new_email),
        Subject.of(context.vault, Kind.MAIL_ADDRESS, actor.address),
    )

    def work(session: Session) -> Made:
        # Nobody's mailbox is filled through this.
        count(session, subjects, context.clock())
        email_change.request_change(session, account, body.new_email, actor, context.clock())
        return Made(202, {"detail": "if the address can be used, a mail is on its way"})

    return await write(work)


@router.post(
    "/email-change/confirm",
    dependencies=[unchecked()],
    operation_id="confirmEmailChange",
    status_code=204,
    summary="Confirm a new e-mail address",
    responses=documented("invalid-token", "conflict", "invalid-parameters", "internal-error", "store-unavailable"),
)
async def confirm_email_change(request: Request, context: ContextDependency, body: EmailChangeToken) -> Response:
    """Bring a new address into force by the token of the mail that went there."""
    actor = somebody(request, "mailed token")
    await context.stores.in_session(
        lambda session: email_change.confirm_change(session, body.token, actor, context.clock())
    )
    return Response(status_code=204)


@router.get(
    "/export",
    dependencies=[interactive()],
    operation_id="exportPersonalData",
    summary="Your data",
    response_class=Response,
    responses={
        200: {
            "description": "A zip archive of JSON files.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented(*_ALWAYS),
    },
)
async def export_personal_data(request: Request, context: ContextDependency, who: PrincipalDependency) -> Response:
    """Download everything that is held about you, but secrets."""
    now = context.clock()

    def work(session: Session) -> bytes:
        record(session, Actor.of(who, request), "account.exported", target=f"user:{who.person}", now=now)
        return export(session, who.person, now)

    archive = await context.stores.in_session(work, deadline_s=_EXPORT_DEADLINE_S)
    headers = {"Content-Disposition": f'attachment; filename="personal-data-{now.date().isoformat()}.zip"'}
    return Response(archive, headers=headers, media_type="application/zip")


@router.post(
    "/deletion",
    dependencies=[interactive()],
    operation_id="requestDeletion",
    status_code=202,
    response_model=Deletion,
    summary="Delete your account",
    responses=documented("conflict", "too-many-requests", "busy", "idempotency-conflict", *_ALWAYS),
)
async def request_deletion(
    request: Request, context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: PasswordShown
) -> Response:
    """Ask for your account to be deleted, in two weeks. Until then you can sign in and keep it."""
    actor = Actor.of(who, request)
    account = await shown_again(context, who, body.password, actor, "password")
    return await write(lambda session: Made(202, deletion.request_deletion(session, account, actor, context.clock())))


@router.delete(
    "/deletion",
    dependencies=[interactive()],
    operation_id="cancelDeletion",
    status_code=204,
    summary="Keep your account",
    responses=documented(*_ALWAYS),
)
async def cancel_deletion(request: Request, context: ContextDependency, who: PrincipalDependency) -> Response:
    """Take back a deletion that was asked for."""
    actor = Actor.of(who, request)
    await context.stores.in_session(
        lambda session: deletion.cancel_deletion(session, who.person, actor, context.clock())
    )
    return Response(status_code=204)

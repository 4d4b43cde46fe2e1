"""The second factor of the caller: set up, confirmed, taken off."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.accounts import people, second_factor
from api.accounts.attempts import shown_again
from api.accounts.people import Account
from api.accounts.schemas import (
    CodeOnly,
    PasswordAndCode,
    PasswordOnly,
    RecoveryCodes,
    SecondFactorBegun,
    SecondFactorStatus,
)
from api.accounts.sessions import revoke_all
from api.accounts.signing_in import try_code
from api.audit import Actor, record
from api.dependencies import Context, ContextDependency
from api.mail import Template, queue_mail
from api.problems import Problem, documented, invalid
from api.security.access import interactive
from api.security.principal import PrincipalDependency
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/auth/second-factor", tags=["sign-in"])

_LIMITED = documented("invalid-parameters", "too-many-requests", "busy", "store-unavailable")
_WRONG_CODE = "this code is wrong, or was used already; wait for the next one"


@router.get(
    "",
    dependencies=[interactive()],
    operation_id="getSecondFactor",
    summary="Whether a second factor is asked for",
    responses=documented("store-unavailable"),
)
async def get_second_factor(who: PrincipalDependency, context: ContextDependency) -> SecondFactorStatus:
    """Say whether signing in asks for a second factor, and how many recovery codes are left."""
    status = await context.stores.in_session(lambda session: second_factor.status_of(session, who.person))
    return SecondFactorStatus(enabled=status.enabled, recovery_codes_left=status.recovery_codes_left)


@router.post(
    "",
    status_code=201,
    dependencies=[interactive()],
    operation_id="beginSecondFactor",
    summary="Set up an authenticator app",
    response_model=SecondFactorBegun,
    responses=documented("conflict") | _LIMITED,
)
async def begin_second_factor(
    body: PasswordOnly, request: Request, who: PrincipalDependency, context: ContextDependency, write: WriteDependency
) -> Response:
    """Make the secret of an authenticator app. Nothing changes until a code of it is confirmed."""
    now = context.clock()
    account = await shown_again(context, who, body.password, Actor.of(who, request), "password")

    def work(session: Session) -> Made:
        begun = second_factor.begin(context.vault, session, account.user_id, account.email, now)
        return Made(201, asdict(begun))

    return await write(work)


@router.post(
    "/confirm",
    dependencies=[interactive()],
    operation_id="confirmSecondFactor",
    summary="Put the second factor in force",
    response_model=RecoveryCodes,
    responses=documented("conflict") | _LIMITED,
)
async def confirm_second_factor(
    body: CodeOnly, request: Request, who: PrincipalDependency, context: ContextDependency, write: WriteDependency
) -> Response:
    """Confirm the app by its first code. Every other session of the caller ends; the recovery codes are shown once."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> Made:
        codes = second_factor.confirm(context.vault, session, who.person, who.session_id, body.code, now)
        if codes is None:
            raise invalid("code", _WRONG_CODE)
        revoke_all(session, who.person, now, but=who.session_id)
        _tell(session, who.person, "an authenticator app was added", "second_factor.enabled", actor, now)
        return Made(200, {"recovery_codes": list(codes)})

    return await write(work)


@router.post(
    "/disable",
    status_code=204,
    dependencies=[interactive()],
    operation_id="disableSecondFactor",
    summary="Take the second factor off",
    responses=documented("conflict") | _LIMITED,
)
async def disable_second_factor(
    body: PasswordAndCode, request: Request, who: PrincipalDependency, context: ContextDependency
) -> None:
    """Take the second factor off, by the password and a code of the app or a recovery code."""
    now, actor = context.clock(), Actor.of(who, request)
    account = await shown_again(context, who, body.password, actor, "password")

    def work(session: Session) -> bool:
        if not try_code(context, session, account, body.code, actor, now):
            return False
        second_factor.remove(session, account.user_id)
        _tell(session, account.user_id, "it was taken off", "second_factor.disabled", actor, now)
        return True

    await _with_second_factor(context, account, work)


@router.post(
    "/recovery-codes",
    dependencies=[interactive()],
    operation_id="renewRecoveryCodes",
    summary="Make new recovery codes",
    responses=documented("conflict") | _LIMITED,
)
async def renew_recovery_codes(
    body: PasswordAndCode, request: Request, who: PrincipalDependency, context: ContextDependency
) -> RecoveryCodes:
    """Make new recovery codes; the old ones are worthless from then on. Each request needs a fresh code of the app."""
    now, actor = context.clock(), Actor.of(who, request)
    account = await shown_again(context, who, body.password, actor, "password")
    codes: list[str] = []

    def work(session: Session) -> bool:
        if not try_code(context, session, account, body.code, actor, now):
            return False
        codes.extend(second_factor.new_recovery_codes(session, account.user_id))
        _tell(session, account.user_id, "new recovery codes were made", "second_factor.codes_renewed", actor, now)
        return True

    await _with_second_factor(context, account, work)
    return RecoveryCodes(recovery_codes=codes)


async def _with_second_factor(context: Context, account: Account, work: Callable[[Session], bool]) -> None:
    """Run what needs a good code of a second factor that is in force; a wrong one is counted, so that is committed."""

    def judged(session: Session) -> bool:
        if not second_factor.status_of(session, account.user_id).enabled:
            raise Problem("conflict", "no second factor is in force")
        return work(session)

    if not await context.stores.in_session(judged):
        raise invalid("code", _WRONG_CODE)


def _tell(session: Session, user_id: str, change: str, action: str, actor: Actor, now: datetime) -> None:
    account = people.by_id(session, user_id)
    if account is None:
        return
    context = {"at": now.isoformat(timespec="seconds"), "change": change}
    key = f"{action} {user_id} {uuid.uuid4()}"
    queue_mail(session, account.email, Template.SECOND_FACTOR_CHANGED, context, key=key, now=now, locale=account.locale)
    record(session, actor, action, target=f"user:{user_id}", now=now)

"""Registration, sign-in, sessions and passwords."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from api.accounts import password_changes, registration
from api.accounts.actors import somebody
from api.accounts.attempts import shown_again
from api.accounts.guessing import Kind, Subject, count
from api.accounts.password_rules import check_password
from api.accounts.replies import continued, end_previous, ended, signed_in_reply
from api.accounts.schemas import (
    Accepted,
    AddressOnly,
    CsrfToken,
    MailedToken,
    PasswordChange,
    PasswordReset,
    RefreshRequest,
    Registration,
    SecondFactorRequest,
    SecondFactorRequired,
    SignedIn,
    SignInRequest,
)
from api.accounts.sessions import Client, revoke_all
from api.accounts.signing_in import Challenge, show_second_factor, sign_in
from api.audit import Actor, record
from api.dependencies import Context, ContextDependency
from api.flags import Feature, available
from api.problems import documented
from api.replies import json_reply
from api.security import cookies, csrf
from api.security.access import interactive, unchecked
from api.security.addresses import client_address
from api.security.principal import PrincipalDependency

router = APIRouter(prefix="/v1/auth", tags=["sign-in"])

_LIMITED = documented("invalid-parameters", "too-many-requests", "busy", "store-unavailable")
_ON_ITS_WAY = Accepted(detail="if the address can be written to, a mail is on its way")


def _mail_subjects(context: Context, request: Request, email: str) -> tuple[Subject, Subject]:
    return (
        Subject.of(context.vault, Kind.MAIL, email),
        Subject.of(context.vault, Kind.MAIL_ADDRESS, client_address(request)),
    )


@router.post(
    "/register",
    status_code=202,
    dependencies=[unchecked(), available(Feature.SIGN_UP)],
    operation_id="register",
    summary="Open an account",
    responses=_LIMITED,
)
async def register(body: Registration, request: Request, context: ContextDependency) -> Accepted:
    """Mail a link that confirms the address.

    The answer is the same if the address has an account already; its owner gets a mail that says so.
    """
    check_password(body.password, body.email)
    now = context.clock()
    subjects = _mail_subjects(context, request, body.email)
    async with context.passwords.turn() as turn:
        await context.stores.in_session(lambda session: count(session, subjects, now))
        hashed = await turn.hash(body.password)
    actor = somebody(request, "anonymous")
    await context.stores.in_session(lambda session: registration.register(session, body.email, hashed, actor, now))
    return _ON_ITS_WAY


@router.post(
    "/verify-email",
    status_code=204,
    dependencies=[unchecked()],
    operation_id="verifyEmail",
    summary="Confirm an address",
    responses=documented("invalid-token", "store-unavailable"),
)
async def verify_email(body: MailedToken, request: Request, context: ContextDependency) -> None:
    """Confirm an address by the token that was mailed to it; signing in is possible from then on."""
    now, actor = context.clock(), somebody(request, "mail")
    await context.stores.in_session(lambda session: registration.verify_email(session, body.token, actor, now))


@router.post(
    "/resend-verification",
    status_code=202,
    dependencies=[unchecked()],
    operation_id="resendVerification",
    summary="Mail the confirmation again",
    responses=_LIMITED,
)
async def resend_verification(body: AddressOnly, request: Request, context: ContextDependency) -> Accepted:
    """Mail the confirmation again, if one is open. The answer does not tell."""
    now, subjects = context.clock(), _mail_subjects(context, request, body.email)
    await context.stores.in_session(lambda session: count(session, subjects, now))
    await context.stores.in_session(lambda session: registration.resend_verification(session, body.email, now))
    return _ON_ITS_WAY


@router.post(
    "/login",
    dependencies=[unchecked()],
    operation_id="signIn",
    summary="Sign in",
    response_model=SignedIn | SecondFactorRequired,
    response_model_exclude_none=True,
    responses=documented("unauthenticated", "csrf") | _LIMITED,
)
async def login(body: SignInRequest, request: Request, context: ContextDependency) -> Response:
    """Open a session, or ask for the second factor where there is one.

    Every failure reads the same, and takes the same work, whether or not the account exists.
    """
    if body.cookies:
        csrf.check_origin(request, context.settings.public_url)
    client = Client.of(request)
    found = await sign_in(context, body.email, body.password, client, somebody(request, "password"))
    if isinstance(found, Challenge):
        seconds = int((found.issued.expires_at - context.clock()).total_seconds())
        needed = SecondFactorRequired(challenge=found.issued.token, expires_in=max(seconds, 0))
        return json_reply(needed.model_dump())
    if body.cookies:
        await end_previous(context, request)
    return signed_in_reply(context, found, by_cookies=body.cookies)


@router.post(
    "/login/second-factor",
    dependencies=[unchecked()],
    operation_id="showSecondFactor",
    summary="Complete a sign-in",
    response_model=SignedIn,
    response_model_exclude_none=True,
    responses=documented("unauthenticated", "csrf") | _LIMITED,
)
async def login_second_factor(body: SecondFactorRequest, request: Request, context: ContextDependency) -> Response:
    """Show a code of the app, or a recovery code, with the challenge of the sign-in."""
    if body.cookies:
        csrf.check_origin(request, context.settings.public_url)
    client, actor = Client.of(request), somebody(request, "password and second factor")
    opened = await show_second_factor(context, body.challenge, body.code, client, actor)
    if body.cookies:
        await end_previous(context, request)
    return signed_in_reply(context, opened, by_cookies=body.cookies)


@router.post(
    "/refresh",
    dependencies=[unchecked()],
    operation_id="refreshSession",
    summary="Continue a session",
    response_model=SignedIn,
    response_model_exclude_none=True,
    responses=documented("unauthenticated", "csrf", "invalid-parameters", "store-unavailable"),
)
async def refresh(request: Request, context: ContextDependency, body: RefreshRequest | None = None) -> Response:
    """Exchange the refresh token for new tokens.

    A refresh token is good once. One that comes a second time was copied, and ends its session.
    """
    return await continued(context, request, body.refresh_token if body else None, somebody(request, "refresh_token"))


@router.post(
    "/logout",
    status_code=204,
    dependencies=[unchecked()],
    operation_id="signOut",
    summary="End this session",
    responses=documented("unauthenticated", "csrf", "invalid-parameters", "store-unavailable"),
)
async def logout(request: Request, context: ContextDependency, body: RefreshRequest | None = None) -> Response:
    """End the session of the refresh token, or of the access token, that comes with the request; at once."""
    return await ended(context, request, body.refresh_token if body else None)


@router.post(
    "/logout-everywhere",
    status_code=204,
    dependencies=[interactive()],
    operation_id="signOutEverywhere",
    summary="End all sessions",
    responses=documented("store-unavailable"),
)
async def logout_everywhere(request: Request, who: PrincipalDependency, context: ContextDependency) -> Response:
    """End every session of the caller, this one too."""
    now, actor = context.clock(), Actor.of(who, request)

    def work(session: Session) -> None:
        ended_ = revoke_all(session, who.person, now)
        record(
            session,
            actor,
            "session.all_ended",
            target=f"user:{who.person}",
            now=now,
            details={"sessions_ended": ended_},
        )

    await context.stores.in_session(work)
    response = Response(status_code=204)
    cookies.clear_cookies(response, context.settings)
    return response


@router.post(
    "/password-reset",
    status_code=202,
    dependencies=[unchecked()],
    operation_id="requestPasswordReset",
    summary="Ask for a new password",
    responses=_LIMITED,
)
async def request_password_reset(body: AddressOnly, request: Request, context: ContextDependency) -> Accepted:
    """Mail a token for a new password, if the address has an account. The answer does not tell."""
    now, subjects = context.clock(), _mail_subjects(context, request, body.email)
    await context.stores.in_session(lambda session: count(session, subjects, now))
    await context.stores.in_session(lambda session: password_changes.request_reset(session, body.email, now))
    return _ON_ITS_WAY


@router.post(
    "/password-reset/confirm",
    status_code=204,
    dependencies=[unchecked()],
    operation_id="resetPassword",
    summary="Choose a new password",
    responses=documented("invalid-token") | _LIMITED,
)
async def confirm_password_reset(body: PasswordReset, request: Request, context: ContextDependency) -> None:
    """Set a new password by the mailed token. Every session of the account ends."""
    now, actor = context.clock(), somebody(request, "mail")
    account = await context.stores.in_session(lambda session: password_changes.owner_of_reset(session, body.token, now))
    check_password(body.new_password, account.email if account else "", "new_password")
    async with context.passwords.turn() as turn:
        hashed = await turn.hash(body.new_password)
    await context.stores.in_session(
        lambda session: password_changes.reset(context.vault, session, body.token, hashed, actor, now)
    )


@router.post(
    "/password-change",
    status_code=204,
    dependencies=[interactive()],
    operation_id="changePassword",
    summary="Change the password",
    responses=_LIMITED,
)
async def change_password(
    body: PasswordChange, request: Request, who: PrincipalDependency, context: ContextDependency
) -> None:
    """Set a new password by the old one. Every other session of the caller ends."""
    now, actor = context.clock(), Actor.of(who, request)
    account = await shown_again(context, who, body.current_password, actor, "current_password")
    check_password(body.new_password, account.email, "new_password")
    async with context.passwords.turn() as turn:
        hashed = await turn.hash(body.new_password)
    await context.stores.in_session(
        lambda session: password_changes.change(session, account, hashed, who.session_id, actor, now)
    )


@router.get(
    "/csrf",
    dependencies=[interactive()],
    operation_id="getCsrfToken",
    summary="Token against foreign pages",
    responses=documented("store-unavailable"),
)
async def get_csrf_token(who: PrincipalDependency, context: ContextDependency) -> CsrfToken:
    """Give the token that a page sends as X-CSRF-Token with every write of this session."""
    return CsrfToken(csrf_token=csrf.csrf_token(context.vault, who.session_id or ""))

"""Sessions on their way to the client and back: as JSON for programs, as cookies for browsers."""

from __future__ import annotations

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from api.accounts.actors import somebody
from api.accounts.schemas import SignedIn
from api.accounts.sessions import Client, Opened, refresh, revoke, session_of
from api.audit import Actor, record
from api.dependencies import Context
from api.replies import json_reply
from api.security import cookies
from api.security.csrf import check_csrf, csrf_token
from api.security.principal import principal_of, unauthenticated
from api.security.tokens import LIFETIME

_NOT_CONTINUED = "the refresh token is not, or no longer, good; sign in again"


def signed_in_reply(context: Context, opened: Opened, *, by_cookies: bool) -> Response:
    """Hand a session over."""
    token = csrf_token(context.vault, opened.session_id)
    body = SignedIn(
        session_id=opened.session_id,
        expires_in=int(LIFETIME.total_seconds()),
        refresh_expires_at=opened.refresh_until,
        access_token=None if by_cookies else opened.access_token,
        refresh_token=None if by_cookies else opened.refresh_token,
        csrf_token=token if by_cookies else None,
    )
    response = json_reply(body.model_dump(mode="json", exclude_none=True))
    if by_cookies:
        cookies.set_cookies(
            response,
            context.settings,
            access=opened.access_token,
            refresh=opened.refresh_token,
            csrf=token,
            now=context.clock(),
            until=opened.refresh_until,
        )
    return response


async def end_previous(context: Context, request: Request) -> None:
    """End the session a browser still has when somebody signs in anew: its cookies are about to be replaced."""
    token = cookies.presented_refresh(request, context.settings)
    if token is None:
        return
    now = context.clock()

    def work(session: Session) -> None:
        previous = session_of(session, token, now)
        if previous is not None and revoke(session, previous, now):
            actor = somebody(request, "refresh_token")
            record(session, actor, "session.ended", target=f"session:{previous}", now=now)

    await context.stores.in_session(work)


async def continued(context: Context, request: Request, given: str | None, actor: Actor) -> Response:
    """Continue a session by the token in the body, or by a browser's cookie.

    Raises
    ------
    Problem
        ``unauthenticated``; ``csrf`` if a foreign page sent the cookie.
    """
    now, client = context.clock(), Client.of(request)
    token = given if given is not None else await _from_cookie(context, request)
    if token is None:
        raise unauthenticated("send refresh_token, or sign in with cookies first")
    opened = await context.stores.in_session(lambda session: refresh(context, session, token, client, actor, now))
    if opened is None:
        raise unauthenticated(_NOT_CONTINUED)
    return signed_in_reply(context, opened, by_cookies=given is None)


async def ended(context: Context, request: Request, given: str | None) -> Response:
    """End the session of the refresh token in the body, of a browser's cookie, or of the caller.

    Raises
    ------
    Problem
        ``unauthenticated`` if nothing good came with the request; ``csrf`` if a foreign page sent the cookie.
    """
    now = context.clock()
    token = given
    if token is None and "authorization" not in request.headers:
        token = await _from_cookie(context, request)
    if token is not None:
        found = await context.stores.in_session(lambda session: session_of(session, token, now))
        actor = somebody(request, "refresh_token")
    else:
        who = await principal_of(request)
        found, actor = who.session_id, Actor.of(who, request)
    if found is None:
        raise unauthenticated(_NOT_CONTINUED)

    def work(session: Session) -> None:
        if revoke(session, found, now):
            record(session, actor, "session.ended", target=f"session:{found}", now=now)

    await context.stores.in_session(work)
    response = Response(status_code=204)
    cookies.clear_cookies(response, context.settings)
    return response


async def _from_cookie(context: Context, request: Request) -> str | None:
    """Refresh token of a browser, if a page of ours sent it."""
    token = cookies.presented_refresh(request, context.settings)
    if token is None:
        return None
    now = context.clock()
    session_id = await context.stores.in_session(lambda session: session_of(session, token, now))
    if session_id is None:
        raise unauthenticated(_NOT_CONTINUED)
    check_csrf(request, context.vault, session_id, context.settings.public_url)
    return token

"""Who calls: found once a request, from an access token, a cookie or an API key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, LiteralString

from fastapi import Depends
from sqlalchemy import text
from starlette.requests import HTTPConnection

from api.dependencies import Context, context_of
from api.entitlements import FREE, Entitlements, entitlements_of, held_by, of_plan
from api.problems import Problem, StoreUnavailable
from api.security import api_keys
from api.security.addresses import client_address
from api.security.cookies import access_name
from api.security.csrf import check_csrf
from api.security.tokens import BadToken, Claims

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlmodel import Session


class Role(StrEnum):
    """What a person is to the platform."""

    USER = "user"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an API key may be allowed; a signed-in person has all of them."""

    MARKET_READ = "market:read"
    SIGNALS_READ = "signals:read"
    SIGNALS_STREAM = "signals:stream"
    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    BILLING_READ = "billing:read"
    BACKTESTS = "backtests"


class Means(StrEnum):
    """How a caller proved who he is."""

    ANONYMOUS = "anonymous"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a kind
    COOKIE = "cookie"
    API_KEY = "api_key"


@dataclass(frozen=True)
class Principal:
    """The caller of a request.

    Attributes
    ----------
    means : Means
    user_id : str, optional
        None for somebody who is not signed in.
    role : Role
    scopes : frozenset of Scope
    session_id, key_id : str, optional
    entitlements : Entitlements
    impersonator_id : str, optional
        Administrator who looks through this person's eyes.
    second_factor : bool
        Whether a second factor was shown for the session.
    """

    means: Means
    user_id: str | None
    role: Role
    scopes: frozenset[Scope]
    session_id: str | None
    key_id: str | None
    entitlements: Entitlements
    impersonator_id: str | None = None
    second_factor: bool = False

    @property
    def person(self) -> str:
        """``user_id`` of somebody who is known to be signed in."""
        if self.user_id is None:
            raise Problem("unauthenticated", "sign in, or send an API key")
        return self.user_id


_EVERY_SCOPE = frozenset(Scope)
# What anybody may read is what an anonymous reader has; how much of it his plan's entitlements say.
_ANONYMOUS_SCOPES = frozenset({Scope.MARKET_READ, Scope.SIGNALS_READ, Scope.SIGNALS_STREAM})

_SESSION: LiteralString = (
    "SELECT s.user_id::text, u.role, s.second_factor, s.impersonator_id, h.* FROM serving.sessions AS s "
    "JOIN serving.users AS u ON u.user_id = s.user_id "
    "LEFT JOIN LATERAL (" + held_by("s.user_id", "%(now)s") + ") AS h ON true "
    "WHERE s.session_id = %(session)s AND s.user_id = %(user)s AND s.revoked_at IS NULL AND s.expires_at > %(now)s "
    "AND u.status = 'active'"
)
_STILL_GOOD = text(
    "SELECT s.session_id FROM serving.sessions AS s JOIN serving.users AS u ON u.user_id = s.user_id "
    "WHERE s.session_id = ANY(CAST(:sessions AS uuid[])) AND s.revoked_at IS NULL AND s.expires_at > :now "
    "AND u.status = 'active'"
)


async def principal_of(connection: HTTPConnection) -> Principal:
    """Find the caller of a request or a WebSocket.

    Raises
    ------
    Problem
        ``unauthenticated`` if what he presents is not, or no longer, good; ``csrf`` if a foreign page sent it.
    """
    found: Principal | None = getattr(connection.state, "principal", None)
    if found is None:
        found = await _find(connection)
        connection.state.principal = found
    return found


PrincipalDependency = Annotated[Principal, Depends(principal_of)]


async def _find(connection: HTTPConnection) -> Principal:
    context = context_of(connection)
    presented, means = _presented(connection)
    if means is Means.ANONYMOUS:
        return await _anonymous(context)
    if means is Means.API_KEY:
        return await _by_presented_key(context, presented, client_address(connection))
    try:
        claims = context.tokens.check(presented, context.clock())
    except BadToken as error:
        raise unauthenticated(str(error)) from None
    if means is Means.COOKIE:
        check_csrf(connection, context.vault, claims.session_id, context.settings.public_url)
    now = context.clock()
    found = _of_session(await context.stores.one(_SESSION, _which(claims, now)), claims, means)
    if found.impersonator_id is not None:
        await context.stores.in_session(lambda session: _record_look(context, session, found, connection))
    return found


def _presented(connection: HTTPConnection) -> tuple[str, Means]:
    """Find what the caller presents. A header counts before a cookie: a browser sends cookies unasked."""
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() != "bearer" or not value:
            raise unauthenticated("write the header as 'Authorization: Bearer <access token or API key>'")
        return value, Means.API_KEY if value.startswith(api_keys.PREFIX) else Means.ACCESS_TOKEN
    key = connection.headers.get("x-api-key")
    if key is not None:
        return key.strip(), Means.API_KEY
    cookie = connection.cookies.get(access_name(context_of(connection).settings))
    return (cookie, Means.COOKIE) if cookie else ("", Means.ANONYMOUS)


async def _anonymous(context: Context) -> Principal:
    entitlements = context.remembered_anonymous()
    if entitlements is None:
        now = context.clock()
        try:
            entitlements = await context.stores.reading(lambda session: entitlements_of(session, None, now))
        except StoreUnavailable:
            # What needs only the warehouse is served without the database too.
            entitlements = context.last_anonymous() or FREE
        else:
            context.remember_anonymous(entitlements)
    return Principal(Means.ANONYMOUS, None, Role.USER, _ANONYMOUS_SCOPES, None, None, entitlements)


def sessions_still_good(session: Session, session_ids: Collection[str], now: datetime) -> frozenset[str]:
    """Find which of these sessions are still good, for what stays open longer than a request."""
    rows = session.connection().execute(_STILL_GOOD, {"sessions": list(session_ids), "now": now})
    return frozenset(str(row.session_id) for row in rows)


def find_by_session(context: Context, session: Session, user_id: str, session_id: str) -> Principal:
    """Find somebody by a session he has proved to be his.

    Raises
    ------
    Problem
        ``unauthenticated`` if it has ended.
    """
    return _by_session(context, session, Claims(user_id, session_id, context.clock()), Means.ACCESS_TOKEN)


def find_by_key(context: Context, session: Session, presented: str, address: str) -> Principal:
    """Find the owner of an API key.

    Raises
    ------
    Problem
        ``unauthenticated`` if it is not, or no longer, good.
    """
    return _by_key(context, session, presented, address)


async def find_presented(context: Context, presented: str, address: str) -> Principal:
    """Find a caller by an access token or an API key that did not come in a header.

    Raises
    ------
    Problem
        ``unauthenticated`` if it is not good.
    """
    if presented.startswith(api_keys.PREFIX):
        return await context.stores.in_session(lambda session: _by_key(context, session, presented, address))
    try:
        claims = context.tokens.check(presented, context.clock())
    except BadToken as error:
        raise unauthenticated(str(error)) from None
    return await context.stores.in_session(lambda session: _by_session(context, session, claims, Means.ACCESS_TOKEN))


def presented_key(connection: HTTPConnection) -> str:
    """API key a connection shows; empty if it shows none."""
    presented, means = _presented(connection)
    return presented if means is Means.API_KEY else ""


def _by_session(context: Context, session: Session, claims: Claims, means: Means) -> Principal:
    row = session.connection().exec_driver_sql(_SESSION, _which(claims, context.clock())).mappings().one_or_none()
    return _of_session(row, claims, means)


def _which(claims: Claims, now: datetime) -> dict[str, Any]:
    return {"session": claims.session_id, "user": claims.user_id, "now": now}


def _of_session(row: Mapping[Any, Any] | None, claims: Claims, means: Means) -> Principal:
    if row is None:
        raise unauthenticated("the session has ended; sign in again")
    impersonator = None if row["impersonator_id"] is None else str(row["impersonator_id"])
    return Principal(
        means,
        claims.user_id,
        Role(row["role"]),
        _EVERY_SCOPE,
        claims.session_id,
        None,
        of_plan(row),
        impersonator,
        row["second_factor"],
    )


def _record_look(context: Context, session: Session, who: Principal, connection: HTTPConnection) -> None:
    """Whoever looks through somebody's eyes leaves a record of all that was looked at."""
    from api.audit import Actor, record

    details = {"method": connection.scope.get("method", "WEBSOCKET"), "path": connection.url.path}
    now, target = context.clock(), f"user:{who.user_id}"
    record(session, Actor.of(who, connection), "impersonation.request", target=target, now=now, details=details)


async def _by_presented_key(context: Context, presented: str, address: str) -> Principal:
    prefix, now = api_keys.prefix_of(presented), context.clock()
    row = None if prefix is None else await context.stores.one(api_keys.FIND, {"prefix": prefix, "now": now})
    key = api_keys.judge(row, presented, address, now)
    if key is not None and not key.noted:
        await context.stores.reading(lambda session: api_keys.note_use(session, key, address, now))
    return _of_key(key)


def _by_key(context: Context, session: Session, presented: str, address: str) -> Principal:
    return _of_key(api_keys.find(session, presented, address, context.clock()))


def _of_key(key: api_keys.KeyIdentity | None) -> Principal:
    if key is None:
        raise unauthenticated("the API key is not, or no longer, good")
    scopes = frozenset(scope for scope in Scope if scope in key.scopes)
    # A key never carries its owner's role: what administrators do, they do signed in.
    return Principal(Means.API_KEY, key.user_id, Role.USER, scopes, None, key.key_id, of_plan(key.plan))


def unauthenticated(detail: str) -> Problem:
    """Make the problem of credentials that are missing or not good."""
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})

"""Lets a request through or refuses it, once its caller is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from api.dependencies import Context, context_of
from api.limits.buckets import Allowance, Decision, LimiterUnavailable
from api.limits.classes import TERMS, RouteClass, class_of
from api.problems import Problem
from api.security.addresses import client_address, subscriber, within

if TYPE_CHECKING:
    from api.security.principal import Principal

_AUTH_POLICY = "sign-in"
_ANONYMOUS_POLICY = "anonymous"


async def admit(connection: HTTPConnection, who: Principal | None, *, unchecked: bool = False) -> None:
    """Count a request against its caller's limit.

    What the limit says stands in ``connection.state.limit`` for the reply.

    Parameters
    ----------
    connection : HTTPConnection
    who : Principal, optional
        None if the caller is not known: then his address is what counts.
    unchecked : bool
        Whether the route looks at no credentials.

    Raises
    ------
    Problem
        ``too-many-requests``; or, where nobody can count and guessing must stay slow, ``store-unavailable``.
    """
    route_class = _class(connection, unchecked)
    if route_class is RouteClass.FREE:
        return
    context = context_of(connection)
    address = client_address(connection)
    if within(address, context.settings.limits_exempt):
        context.metrics.limited(route_class, "exempt")
        return
    caller, allowance = _bucket(context, route_class, address, who)
    await _take(connection, context, route_class, caller, allowance)


async def _take(
    connection: HTTPConnection, context: Context, route_class: RouteClass, caller: str, allowance: Allowance
) -> None:
    terms = TERMS[route_class]
    try:
        decision = await context.buckets.take(caller, allowance, terms.cost)
    except LimiterUnavailable:
        context.metrics.limited(route_class, "closed" if terms.closed else "open")
        if terms.closed:
            raise Problem(
                "store-unavailable",
                "requests cannot be counted now, and this must not be done uncounted; try again shortly",
                headers={"Retry-After": "2"},
            ) from None
        return
    connection.state.limit = decision
    context.metrics.limited(route_class, "admitted" if decision.admitted else "refused")
    if not decision.admitted:
        raise _too_many(decision)


def _too_many(decision: Decision) -> Problem:
    allowance = decision.allowance
    return Problem(
        "too-many-requests",
        f"more than {allowance.per_minute} requests a minute, or {allowance.burst} at once; "
        f"go on in {decision.retry_s} s",
        headers=decision.headers(),
    )


def _bucket(context: Context, route_class: RouteClass, address: str, who: Principal | None) -> tuple[str, Allowance]:
    settings = context.settings
    place = subscriber(address)
    if route_class is RouteClass.AUTH:
        allowance = Allowance(_AUTH_POLICY, settings.auth_requests_per_minute, settings.auth_burst)
        return f"auth:{place}", allowance
    if who is None or who.user_id is None:
        allowance = Allowance(_ANONYMOUS_POLICY, settings.anonymous_requests_per_minute, settings.anonymous_burst)
        return f"address:{place}", allowance
    rights = who.entitlements
    caller = f"user:{who.user_id}" if who.key_id is None else f"key:{who.key_id}"
    return caller, Allowance(rights.plan, rights.requests_per_minute, rights.burst)


def _class(connection: HTTPConnection, unchecked: bool) -> RouteClass:
    scope = connection.scope
    path = getattr(scope.get("route"), "path", None) or scope["path"]
    return class_of(scope.get("method", "GET"), path, unchecked=unchecked)

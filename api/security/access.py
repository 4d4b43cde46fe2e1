"""Who may call a route. Every route declares it; an application with a route that does not is not made."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Depends, params
from starlette.requests import HTTPConnection

from api.dependencies import context_of
from api.limits.admission import admit
from api.problems import Problem
from api.security.principal import Means, Principal, Role, Scope, principal_of, unauthenticated

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class AccessKind(StrEnum):
    """Kinds of access."""

    UNCHECKED = "unchecked"
    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    INTERACTIVE = "interactive"
    ADMINISTRATOR = "administrator"
    SIGNED = "signed"


class Access:
    """The rule of a route; as a dependency it lets a caller through or refuses him.

    Parameters
    ----------
    kind : AccessKind
    scope : Scope, optional
        What an API key needs.
    """

    def __init__(self, kind: AccessKind, scope: Scope | None = None) -> None:
        self.kind = kind
        self.scope = scope

    async def __call__(self, connection: HTTPConnection) -> None:
        """Check the caller.

        Raises
        ------
        Problem
            ``unauthenticated`` or ``forbidden``.
        """
        if self.kind in (AccessKind.UNCHECKED, AccessKind.SIGNED):
            await admit(connection, None, unchecked=self.kind is AccessKind.UNCHECKED)
            return
        try:
            who = await principal_of(connection)
        except Problem as problem:
            if problem.kind.status == 401:
                # Trying keys and tokens is slowed down like any other guessing.
                await admit(connection, None)
            raise
        await admit(connection, who)
        if self.scope is not None and self.scope not in who.scopes:
            raise _missing_scope(self.scope) if who.user_id else unauthenticated("sign in, or send an API key")
        if self.kind is AccessKind.PUBLIC:
            return
        if who.user_id is None:
            raise unauthenticated("sign in, or send an API key")
        if who.impersonator_id is not None and connection.scope.get("method", "GET") not in _SAFE:
            raise Problem("forbidden", "somebody else's account can be looked at, not changed")
        if self.kind is AccessKind.SIGNED_IN:
            return
        if who.means is Means.API_KEY:
            raise Problem("forbidden", "this needs a person's own sign-in; an API key cannot do it")
        if self.kind is AccessKind.ADMINISTRATOR:
            _check_administrator(who, second_factor=context_of(connection).settings.admin_second_factor)

    def __str__(self) -> str:
        return self.kind if self.scope is None else f"{self.kind} {self.scope}"


def _check_administrator(who: Principal, *, second_factor: bool) -> None:
    if who.role is not Role.ADMIN or who.impersonator_id is not None:
        raise Problem("forbidden", "this is for administrators")
    if second_factor and not who.second_factor:
        raise Problem("forbidden", "administrators need a second factor: set one up, then sign in with it")


def _missing_scope(scope: Scope) -> Problem:
    return Problem("forbidden", f"the API key has no scope {scope}; make one that has it")


def unchecked() -> params.Depends:
    """Let anybody call it and do not even look at credentials: health, sign-in, descriptions."""
    return Depends(Access(AccessKind.UNCHECKED))


def public(scope: Scope | None = None) -> params.Depends:
    """Let anybody call it; what he sees follows from his plan, the free one's if he is not signed in.

    Parameters
    ----------
    scope : Scope, optional
        What an API key needs for it.
    """
    return Depends(Access(AccessKind.PUBLIC, scope))


def signed_in(scope: Scope) -> params.Depends:
    """Let a signed-in person call it, or an API key with the scope."""
    return Depends(Access(AccessKind.SIGNED_IN, scope))


def interactive() -> params.Depends:
    """Let a person call it who is signed in himself; never an API key."""
    return Depends(Access(AccessKind.INTERACTIVE))


def administrator() -> params.Depends:
    """Let a signed-in administrator call it."""
    return Depends(Access(AccessKind.ADMINISTRATOR))


def signed() -> params.Depends:
    """Let anybody call it whose message carries a signature; the route itself checks that."""
    return Depends(Access(AccessKind.SIGNED))


def access_of(dependencies: Iterable[Any]) -> Access | None:
    """Find the rule among a route's dependencies; None if there is none.

    Raises
    ------
    ValueError
        If there is more than one.
    """
    found = [one.dependency for one in dependencies if isinstance(getattr(one, "dependency", None), Access)]
    if len(found) > 1:
        raise ValueError(f"a route declares {len(found)} rules of access; it needs exactly one")
    return found[0] if found else None


class UncheckedRoute(RuntimeError):
    """A route does not say who may call it."""


def check_declared(router: APIRouter) -> None:
    """Make sure that every route of a router says who may call it.

    Raises
    ------
    UncheckedRoute
        If one does not.
    """
    for route in router.routes:
        if access_of(getattr(route, "dependencies", ())) is None:
            raise UncheckedRoute(
                f"{getattr(route, 'path', route)} does not say who may call it; add one of api.security.access to its "
                "dependencies"
            )

"""Classes of routes: what a request counts for, and what happens to it while nobody can count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class RouteClass(StrEnum):
    """Kinds of routes, by how dear they are and what they guard."""

    FREE = "free"
    """Health, metrics, descriptions: never limited."""
    AUTH = "auth"
    """Whoever calls is not known yet and may be guessing."""
    READ = "read"
    WRITE = "write"
    STREAM = "stream"
    EXPORT = "export"


@dataclass(frozen=True)
class Terms:
    """Of a class.

    Attributes
    ----------
    cost : int
        Requests that one of them counts for.
    closed : bool
        Whether it is refused while Redis is gone; else it is let through.
    """

    cost: int
    closed: bool = False


TERMS = {
    RouteClass.AUTH: Terms(1, closed=True),
    RouteClass.READ: Terms(1),
    RouteClass.WRITE: Terms(2),
    RouteClass.STREAM: Terms(5),
    RouteClass.EXPORT: Terms(20),
}

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_AUTH = "/v1/auth/"
# Nothing can be guessed there, and leaving has to be possible at all times.
_SIGN_OUT = "/v1/auth/logout"


@lru_cache(maxsize=1_024)
def class_of(method: str, path: str, *, unchecked: bool) -> RouteClass:
    """Find the class of a route by the template of its path and whether it looks at credentials.

    >>> class_of("POST", "/v1/auth/login", unchecked=True)
    <RouteClass.AUTH: 'auth'>
    >>> class_of("GET", "/healthz", unchecked=True)
    <RouteClass.FREE: 'free'>
    """
    if unchecked and path.startswith(_AUTH) and method not in _SAFE and path != _SIGN_OUT:
        return RouteClass.AUTH
    if unchecked and method in _SAFE:
        return RouteClass.FREE
    words = path.split("/")
    if "stream" in words:
        return RouteClass.STREAM
    if "export" in words:
        return RouteClass.EXPORT
    return RouteClass.READ if method in _SAFE else RouteClass.WRITE

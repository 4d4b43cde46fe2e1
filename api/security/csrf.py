"""Against requests that other sites make a browser send: a token bound to the session, and the page's origin."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from api.problems import Problem
from api.security.vault import Vault

HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token(vault: Vault, session_id: str) -> str:
    """Make the token a page of this session has to send with every write."""
    digest = hmac.digest(vault.derive("csrf"), session_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_csrf(connection: HTTPConnection, vault: Vault, session_id: str, public_url: str) -> None:
    """Refuse what a foreign page had a browser send with our cookie.

    Raises
    ------
    Problem
        If a write lacks the session's token, or comes from another origin; a WebSocket, if it comes from another origin.
    """
    if connection.scope["type"] == "websocket":
        if not _same_origin(connection, public_url, required=True):
            raise _refused("the page that opens the stream is of another origin")
        return
    if connection.scope["method"] in _SAFE:
        return
    if not _same_origin(connection, public_url, required=False):
        raise _refused("the request comes from a page of another origin")
    given = connection.headers.get(HEADER, "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, csrf_token(vault, session_id).encode()):
        raise _refused(f"send the session's token in the header {HEADER}; GET /v1/auth/csrf gives it")


def check_origin(connection: HTTPConnection, public_url: str) -> None:
    """Refuse a sign-in that a page of another origin starts: the person would act in somebody else's account.

    Raises
    ------
    Problem
        If the request comes from another origin.
    """
    if not _same_origin(connection, public_url, required=False):
        raise _refused("the request comes from a page of another origin")


def _same_origin(connection: HTTPConnection, public_url: str, *, required: bool) -> bool:
    origin = connection.headers.get("origin")
    if origin is None:
        return not required
    ours = urlsplit(public_url)
    allowed = {f"{ours.scheme}://{ours.netloc}"}
    host = connection.headers.get("host")
    if host is not None:
        allowed |= {f"http://{host}", f"https://{host}"}
    return origin in allowed


def _refused(detail: str) -> Problem:
    return Problem("csrf", detail)

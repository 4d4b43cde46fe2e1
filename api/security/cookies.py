"""Cookies of a browser's session. Where the platform is reached by https they are bound to it by their names."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from stores.settings import Settings

REFRESH_PATH = "/v1/auth"
_ACCESS = "cap_access"
_REFRESH = "cap_refresh"
_CSRF = "cap_csrf"


def is_secure(settings: Settings) -> bool:
    """Whether people reach the platform by https."""
    return urlsplit(settings.public_url).scheme == "https"


def access_name(settings: Settings) -> str:
    """Name of the cookie with the access token."""
    return f"__Host-{_ACCESS}" if is_secure(settings) else _ACCESS


def refresh_name(settings: Settings) -> str:
    """Name of the cookie with the refresh token; the browser sends it to sign-in routes only."""
    return f"__Secure-{_REFRESH}" if is_secure(settings) else _REFRESH


def csrf_name(settings: Settings) -> str:
    """Name of the cookie a page reads its token against foreign pages from."""
    return f"__Host-{_CSRF}" if is_secure(settings) else _CSRF


def presented_refresh(connection: HTTPConnection, settings: Settings) -> str | None:
    """Refresh token of a browser; None if it sent none."""
    return connection.cookies.get(refresh_name(settings)) or None


def set_cookies(
    response: Response, settings: Settings, *, access: str, refresh: str, csrf: str, now: datetime, until: datetime
) -> None:
    """Hand a session to a browser, until ``until``; no script can read its tokens."""
    secure, age = is_secure(settings), max(int((until - now).total_seconds()), 0)
    # The access cookie stays as long: a page whose access token has expired gets 401, and refreshes.
    for name, value, path, readable in (
        (access_name(settings), access, "/", False),
        (refresh_name(settings), refresh, REFRESH_PATH, False),
        (csrf_name(settings), csrf, "/", True),
    ):
        response.set_cookie(
            name, value, max_age=age, path=path, secure=secure, httponly=not readable, samesite="strict"
        )


def clear_cookies(response: Response, settings: Settings) -> None:
    """Take a session from a browser."""
    secure = is_secure(settings)
    for name, path, readable in (
        (access_name(settings), "/", False),
        (refresh_name(settings), REFRESH_PATH, False),
        (csrf_name(settings), "/", True),
    ):
        response.delete_cookie(name, path=path, secure=secure, httponly=not readable, samesite="strict")

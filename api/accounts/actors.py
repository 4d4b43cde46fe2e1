"""Who acts in a sign-in route: often somebody who is not known yet."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from api.audit import Actor
from api.security.addresses import client_address


def somebody(connection: HTTPConnection, means: str) -> Actor:
    """Make the actor of a request by what he shows: a password, a mailed token, a refresh token."""
    request_id: str = getattr(connection.state, "request_id", "")
    return Actor(None, means, None, client_address(connection), request_id)

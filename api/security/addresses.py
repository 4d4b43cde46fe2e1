"""Where a request comes from."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def client_address(connection: HTTPConnection) -> str:
    """Address of the client, as the connection tells it."""
    return connection.client.host if connection.client is not None else ""

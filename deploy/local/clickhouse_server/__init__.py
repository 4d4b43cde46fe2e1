"""The real ClickHouse engine in one process, behind ClickHouse's HTTP interface.

``python -m deploy.local.clickhouse_server --home DIR --port PORT`` serves; this module is what a supervisor needs to
find a running server: `read_state` (process and port), `read_credentials` and `Credentials.url`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from deploy.local.clickhouse_server.credentials import Credentials, User, ensure_credentials, read_credentials

__all__ = ["Credentials", "ServerState", "User", "ensure_credentials", "read_credentials", "read_state", "server_url"]


@dataclass(frozen=True)
class ServerState:
    """A server that is ready for requests, or was when its process died."""

    pid: int
    port: int
    version: str


def read_state(home: Path) -> ServerState | None:
    """Read ``server.json``; None before the server is ready and after it has stopped in good order."""
    try:
        stored = json.loads((home / "server.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return ServerState(stored["pid"], stored["port"], stored["version"])


def server_url(home: Path, user: User = User.CAP, database: str = "") -> str:
    """URL of the server that runs on a folder, with the user's password in it.

    Raises
    ------
    RuntimeError
        If none is ready.
    """
    state = read_state(home)
    if state is None:
        raise RuntimeError(f"No ClickHouse server is running on {home}; start the embedded stores with 'cap up'")
    return read_credentials(home).url(user, state.port, database)

"""The real ClickHouse engine in one process, behind ClickHouse's HTTP interface.

``python -m deploy.local.clickhouse_server --home DIR --port PORT`` serves; this module is what a supervisor needs to
find a running server: `read_state` (process and port), `read_credentials`, `server_url` and `Credentials.url`.

How it works
    Every request gets an engine connection of its own (0.1 ms), so nothing of one request is left for the next; a
    session keeps its connection. A result is written by the engine into a pipe (``INTO OUTFILE``) and sent on from
    there: any format, one document, and a slow reader holds the engine back. Rows to insert are set down in a nameless
    file, which the engine reads (``FROM INFILE``) once they are complete.

Users
    ``cap`` reads and writes. ``analyst`` reads: his connections are locked with ``readonly = 1``, so the engine refuses
    writes, DDL and changes of settings; what that mode leaves open is refused by `analyst_guard`. Settings his client
    sends along: those that only shape a result are applied; limits may be tightened; those of the transport and of
    writing are dropped, because clients send them unasked; all others go to the engine, which refuses them.
    The lists are in `access`.

Where it differs from a server
    The engine numbers its queries itself. The id a client gave is in its answer, works in ``KILL QUERY WHERE
    query_id = '...'``, and stands in a comment in front of the statement in ``system.processes`` and
    ``system.query_log``. There is one engine user, ``default``, behind both names. ``X-ClickHouse-Summary`` has no count
    of result rows for reading statements, and progress headers are not sent.
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

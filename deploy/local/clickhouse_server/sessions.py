"""Sessions: connections that live from one request to the next, with what was SET and created in them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deploy.local.clickhouse_server.engine import Connection
from deploy.local.clickhouse_server.errors import Code, QueryError
from deploy.local.clickhouse_server.query_request import SessionRequest


class _Session:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.busy = True
        self.expires = 0.0


class Sessions:
    """All open sessions. One request at a time each; an idle one is closed after its timeout.

    Parameters
    ----------
    open_connection : callable
    """

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open_connection = open_connection
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def use(self, wanted: SessionRequest) -> Iterator[Connection]:
        """Hold a session for one request.

        Raises
        ------
        QueryError
            If it is busy, or must exist and does not.
        """
        with self._lock:
            session = self._sessions.get(wanted.id)
            if session is None and wanted.must_exist:
                raise QueryError.of(Code.SESSION_NOT_FOUND, f"Session {wanted.id} not found")
            if session is None:
                session = self._sessions[wanted.id] = _Session(self._open_connection())
            elif session.busy:
                raise QueryError.of(Code.SESSION_IS_LOCKED, f"Session {wanted.id} is locked by a concurrent client")
            session.busy = True
        try:
            yield session.connection
        finally:
            with self._lock:
                session.busy = False
                session.expires = time.monotonic() + wanted.timeout
                if wanted.closes:
                    self._close(wanted.id)

    def close_expired(self) -> None:
        """Close the sessions whose time is over."""
        now = time.monotonic()
        with self._lock:
            over = [name for name, session in self._sessions.items() if not session.busy and session.expires < now]
            for name in over:
                self._close(name)

    def close_all(self) -> None:
        """Close every session."""
        with self._lock:
            for name in list(self._sessions):
                self._close(name)

    def _close(self, name: str) -> None:
        self._sessions.pop(name).connection.close()

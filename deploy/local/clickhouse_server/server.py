"""The process: one engine, one listening socket, one thread a connection; drains when told to stop."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

from deploy.local.clickhouse_server.access import AnalystLimits
from deploy.local.clickhouse_server.analyst_guard import AnalystGuard
from deploy.local.clickhouse_server.credentials import User, ensure_credentials
from deploy.local.clickhouse_server.engine import Engine, EngineLimits, FolderInUse
from deploy.local.clickhouse_server.errors import QueryError
from deploy.local.clickhouse_server.execution import Runner
from deploy.local.clickhouse_server.handler import Service, handle
from deploy.local.clickhouse_server.http1 import BadRequest, Connection, Disconnected
from deploy.local.clickhouse_server.preparation import Preparer
from deploy.local.clickhouse_server.sessions import Sessions

_HOST = "127.0.0.1"
_PORTS_TO_TRY = 100
_MAX_CONNECTIONS = 512
_DRAIN_SECONDS = 20.0
_SILENCE_SECONDS = 600.0
"""A connection on which nothing moves for so long is closed: idle, or a reader that has stopped reading."""


class Server:
    """Serves one data folder on loopback.

    Parameters
    ----------
    home : Path
        Holds the data, the passwords, and ``server.json`` while it runs.
    port : int
        First port to try; 0 for any.

    Raises
    ------
    FolderInUse
        If another process serves the folder.
    """

    def __init__(self, home: Path, port: int) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = home.resolve()
        self._home = home
        self._lock_file = _lock(home)
        self._credentials = ensure_credentials(home)
        limits = EngineLimits()
        self._engine = Engine(home / "data", limits)
        self._sessions = {user: Sessions(self._engine.connect) for user in User}
        self._service = Service(
            engine=self._engine,
            runner=Runner(self._engine, sum(limits.slots.values())),
            credentials=self._credentials,
            preparer=Preparer(self._engine, self._sessions, AnalystLimits()),
            guard=AnalystGuard(self._engine),
            spool_folder=home / "spool",
        )
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._connections: set[Connection] = set()
        self._connections_lock = threading.Lock()
        # A relative path in a statement finds nothing: the working directory is an empty one.
        empty = home / "empty"
        empty.mkdir(exist_ok=True)
        os.chdir(empty)

    def serve(self) -> None:
        """Serve until `stop`; then let running statements end, and close the engine."""
        self._write_state()
        threading.Thread(target=self._close_expired_sessions, daemon=True, name="sessions").start()
        try:
            while not self._stopping.is_set():
                try:
                    sock, _ = self._listener.accept()
                except OSError as error:
                    if error.errno in (errno.EMFILE, errno.ENFILE):
                        time.sleep(0.1)  # wait for connections to end
                        continue
                    break
                self._adopt(sock)
        finally:
            self._drain()

    def stop(self) -> None:
        """Stop accepting. Safe to call from a signal handler."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _adopt(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_SILENCE_SECONDS)
        connection = Connection(sock)
        with self._connections_lock:
            crowded = len(self._connections) >= _MAX_CONNECTIONS
            if not crowded:
                self._connections.add(connection)
        if crowded:
            with suppress(OSError):
                sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            sock.close()
            return
        threading.Thread(target=self._serve_connection, args=(connection,), daemon=True, name="client").start()

    def _serve_connection(self, connection: Connection) -> None:
        try:
            while not self._stopping.is_set():
                request = connection.next_request()
                if request is None:
                    break
                if self._stopping.is_set():
                    request.keep_alive = False
                handle(self._service, connection, request)
                if not connection.finish(request):
                    break
        except Disconnected:
            pass
        except BadRequest as error:
            body = f"Bad request: {error}\n".encode()
            with suppress(Disconnected):
                connection.send(
                    b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
                )
        finally:
            with self._connections_lock:
                self._connections.discard(connection)
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.socket.close()

    def _close_expired_sessions(self) -> None:
        while not self._stopping.wait(1.0):
            for sessions in self._sessions.values():
                sessions.close_expired()

    def _write_state(self) -> None:
        state = {"pid": os.getpid(), "port": self.port, "version": self._engine.version}
        staged = self._home / "server.json.new"
        staged.write_text(json.dumps(state))
        staged.replace(self._home / "server.json")

    def _drain(self) -> None:
        self._listener.close()
        (self._home / "server.json").unlink(missing_ok=True)
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline:
            with self._connections_lock:
                waiting = list(self._connections)
            if not waiting:
                break
            for connection in waiting:
                if connection.idle:
                    with suppress(OSError):
                        connection.socket.shutdown(socket.SHUT_RDWR)
            time.sleep(0.02)
        with suppress(QueryError):
            self._engine.kill("")
        with self._connections_lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.socket.shutdown(socket.SHUT_RDWR)
        self._service.runner.close()
        for sessions in self._sessions.values():
            sessions.close_all()
        self._engine.close()
        self._lock_file.close()


def _lock(home: Path) -> IO[Any]:
    file = (home / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise FolderInUse(
            f"{home} is in use by another ClickHouse server; stop that one or give another --home"
        ) from None
    return file


def _listen(port: int) -> socket.socket:
    """Bind the port, or the next free one."""
    candidates = [0] if port == 0 else [*range(port, min(port + _PORTS_TO_TRY, 65536)), 0]
    for candidate in candidates:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, candidate))
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        listener.listen(256)
        return listener
    raise OSError(errno.EADDRINUSE, f"no free port on {_HOST}")


def run(home: Path, port: int) -> int:
    """Serve a folder until SIGTERM or SIGINT. Returns the exit code."""
    try:
        server = Server(home, port)
    except FolderInUse as error:
        print(error, file=sys.stderr)  # noqa: T201  # the one sentence the user needs
        return 1

    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    print(f"ClickHouse listens on http://127.0.0.1:{server.port}", flush=True)  # noqa: T201
    server.serve()
    return 0

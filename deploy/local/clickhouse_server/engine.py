"""The engine of this process: one folder, any number of connections, and who may use how many at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.clickhouse_server.credentials import User
from deploy.local.clickhouse_server.errors import from_engine

_MEBIBYTE = 1 << 20


class FolderInUse(RuntimeError):
    """Another process has the data folder open."""


class ClientGone(Exception):
    """The client closed its connection before it had its answer."""


@dataclass(frozen=True)
class EngineLimits:
    """What the engine may take of the machine.

    Parameters
    ----------
    server_memory : int
        Bytes over all queries.
    query_memory : int
        Bytes of one query; grouping and sorting spill to disk from a third of it.
    slots : dict of User to int
        Queries at once, by user. A user waits only for his own, so the analyst never keeps the platform waiting.
    """

    server_memory: int = 2048 * _MEBIBYTE
    query_memory: int = 1536 * _MEBIBYTE
    slots: dict[User, int] = field(default_factory=lambda: {User.CAP: 8, User.ANALYST: 4})

    def startup_arguments(self) -> dict[str, str]:
        """Server settings. Pools and caches are sized for a laptop rather than for a server of its own."""
        return {
            "max_server_memory_usage": str(self.server_memory),
            "background_pool_size": "2",
            "background_schedule_pool_size": "2",
            "background_common_pool_size": "2",
            "background_fetches_pool_size": "1",
            "background_move_pool_size": "1",
            "background_distributed_schedule_pool_size": "1",
            "background_message_broker_schedule_pool_size": "1",
            "mark_cache_size": str(64 * _MEBIBYTE),
            "primary_index_cache_size": str(64 * _MEBIBYTE),
            "query_condition_cache_size": str(16 * _MEBIBYTE),
        }

    def session_settings(self) -> dict[str, str]:
        """Settings every connection begins with; the first two undo what the embedded engine sets for shells."""
        return {
            "implicit_select": "0",
            "allow_introspection_functions": "0",
            "max_memory_usage": str(self.query_memory),
            "max_bytes_before_external_group_by": str(self.query_memory // 3),
            "max_bytes_before_external_sort": str(self.query_memory // 3),
        }


_LOGS = """<clickhouse>
  <query_log>
    <database>system</database>
    <table>query_log</table>
    <engine>ENGINE = MergeTree PARTITION BY event_date ORDER BY (event_date, event_time)
      TTL event_date + INTERVAL 7 DAY DELETE SETTINGS ttl_only_drop_parts = 1</engine>
    <flush_interval_milliseconds>10000</flush_interval_milliseconds>
  </query_log>
</clickhouse>
"""
"""Keeps a week of ``system.query_log``, where ``log_comment`` says which run and asset a statement came from."""


class Connection:
    """One session in the engine. Runs one statement at a time.

    Attributes
    ----------
    touched : bool
        Whether its settings or its database may differ from those it was opened with.
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self.touched = False

    def run(
        self, sql: str | bytes, output_format: str = "TabSeparated", parameters: Mapping[str, str] | None = None
    ) -> Any:
        """Run a statement to its end and return the engine's result object.

        Raises
        ------
        RuntimeError
            With the engine's message.
        """
        return self._native.query(_as_engine_text(sql), output_format, params=dict(parameters or {}))

    def execute(self, sql: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """Run a statement of the server itself and return its rows, tab-separated.

        Raises
        ------
        QueryError
        """
        try:
            return self.run(sql, parameters=parameters).bytes()
        except RuntimeError as error:
            raise from_engine(error) from None

    def classify(self, sql: str) -> tuple[str, int]:
        """Class of a statement by the engine's own parser, and how many statements there are (0: does not parse)."""
        verdict = self._native.classify_query(_as_engine_text(sql))
        return verdict["query_class"].name, verdict["statement_count"]

    def close(self) -> None:
        """End the session; its temporary tables go with it."""
        self._native.close()


def _as_engine_text(sql: str | bytes) -> str | bytes:
    """Bytes that are no UTF-8 travel through Python as surrogates; the engine gets them back as they came."""
    return sql if isinstance(sql, bytes) or sql.isascii() else sql.encode("utf-8", "surrogateescape")


class Engine:
    """The opened data folder.

    Parameters
    ----------
    folder : Path
        Data folder; made if it does not exist.
    limits : EngineLimits

    Raises
    ------
    FolderInUse
        If another process has it open.
    """

    def __init__(self, folder: Path, limits: EngineLimits) -> None:
        # The engine's clock zone; what it stores is UTC everywhere.
        os.environ["TZ"] = "UTC"
        from chdb import _chdb

        native: Any = _chdb  # its stub knows only the functions for Python UDFs
        # Signals belong to the server, which drains before it exits; the engine would dump a stack and die.
        native.reset_signal_handlers()
        native.set_signal_handlers_enabled(0)
        folder = folder.resolve()
        if any(mark in str(folder) for mark in "?&%#"):
            raise ValueError(f"{folder}: the engine cannot open a folder with one of ?&%# in its path; choose another")
        folder.mkdir(parents=True, exist_ok=True)
        logs = folder.parent / "engine.xml"
        logs.write_text(_LOGS)
        self._native = native
        self._folder = str(folder)
        arguments = "&".join(
            f"{name}={value}" for name, value in {"config-file": logs, **limits.startup_arguments()}.items()
        )
        try:
            self._root = Connection(native.connect(f"{self._folder}?{arguments}"))
        except RuntimeError as error:
            raise FolderInUse(
                f"{folder} cannot be opened; if another ClickHouse server uses it, stop that one first ({error})"
            ) from None
        self.session_settings = limits.session_settings()
        settings = "&".join(f"{name}={value}" for name, value in self.session_settings.items())
        self._session_source = f"{self._folder}?{settings}"
        self.version = self._root.execute("SELECT version()").decode().strip()
        self.timezone = self._root.execute("SELECT timezone()").decode().strip()
        rows = self._root.execute("SELECT name, content_type FROM system.formats WHERE is_output").decode()
        self.content_types = dict(line.split("\t", 1) for line in rows.splitlines())
        self._slots = {user: FairSlots(count) for user, count in limits.slots.items()}
        self._root_lock = threading.Lock()

    def connect(self) -> Connection:
        """Open a fresh session: nothing of an earlier request is in it. Takes about 0.1 ms."""
        return Connection(self._native.connect(self._session_source))

    def slot(self, user: User, gone: Callable[[], bool]) -> AbstractContextManager[None]:
        """Context in which the user holds one of his slots; waits in line for it."""
        return self._slots[user].held(gone)

    def kill(self, marker: str) -> None:
        """Stop the query whose text begins with the marker, if it still runs."""
        with self._root_lock:
            self._root.execute(
                f"KILL QUERY WHERE startsWith(query, '{marker}') AND query_id != queryID() ASYNC"  # the marker is ours
            )

    def close(self) -> None:
        """Close the folder; the engine flushes and stops when the last connection is closed."""
        self._root.close()


class FairSlots:
    """A semaphore that serves in the order of arrival."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def held(self, gone: Callable[[], bool]) -> Iterator[None]:
        """Hold a slot.

        Parameters
        ----------
        gone : callable
            Asked while waiting whether the client still wants it.

        Raises
        ------
        ClientGone
        """
        self._take(gone)
        try:
            yield
        finally:
            self._give()

    def _take(self, gone: Callable[[], bool]) -> None:
        turn = threading.Event()
        with self._lock:
            if self._free and not self._line:
                self._free -= 1
                return
            self._line.append(turn)
        while not turn.wait(0.25):
            if gone():
                with self._lock:
                    if not turn.is_set():
                        self._line.remove(turn)
                        raise ClientGone
        # The slot was handed over by the one who left it, so it never went back to the pool.

    def _give(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1

"""Running one statement: its settings, its rows in, its rows out, and its end when the client leaves."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import select
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.local.clickhouse_server.engine import ClientGone, Connection, Engine
from deploy.local.clickhouse_server.errors import Code, QueryError, from_engine
from deploy.local.clickhouse_server.statement import InsertHead, first_word, parse_output_clause

_PIPE_SIZE = 1 << 20
_PATIENCE_MS = 250
_STREAMED = frozenset({"SELECT", "WITH", "FROM"})
_serial = itertools.count(1)


@dataclass(frozen=True)
class Progress:
    """What a statement has read and written."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_ns: int = 0


class Output(Protocol):
    """Where the rows of a statement go."""

    def format_is(self, name: str) -> None:
        """Learn the format of the rows, before the first of them."""
        ...

    def write(self, data: bytes) -> None:
        """Take a piece of the formatted rows."""
        ...


@dataclass(frozen=True)
class Job:
    """A statement ready to run.

    Parameters
    ----------
    text : str
        The statement, without the data of an INSERT.
    head : InsertHead or None
        Set when the rows come from ``data_path``.
    client_gone : callable
        Asked while the engine works.
    """

    text: str
    default_format: str
    values: Mapping[str, str]
    query_id: str
    client_gone: Callable[[], bool]
    head: InsertHead | None = None
    data_path: str = ""
    read_only: bool = False


class Runner:
    """Runs jobs on engine connections."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="query")

    def close(self) -> None:
        """Wait for the last statement."""
        self._workers.shutdown()

    def run(self, connection: Connection, job: Job, output: Output) -> Progress:
        """Run a statement and hand its rows to ``output``.

        Raises
        ------
        QueryError
            If the statement is refused or fails.
        ClientGone
            If the client left; a reading statement has been stopped by then, a writing one has run to its end.
        """
        marker = f"/*{marker_id(job.query_id)} #{next(_serial)}*/"
        try:
            return self._dispatch(connection, job, output, marker)
        except RuntimeError as error:
            raise from_engine(error, len(marker) + 1) from None

    def _dispatch(self, connection: Connection, job: Job, output: Output, marker: str) -> Progress:
        if job.head is not None:
            _refuse_writing(job, "MUTATING")
            sql = f"{marker} {job.head.from_file(job.data_path)}"
            return self._run_whole(connection, sql, job, output, marker, cancel=False)
        kind, count = connection.classify(job.text)
        if count > 1:
            raise QueryError.of(Code.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        _refuse_writing(job, kind)
        word = first_word(job.text)
        if word == "INSERT":
            return self._run_whole(connection, f"{marker} {job.text}", job, output, marker, cancel=False)
        connection.touched = connection.touched or word in ("SET", "USE")
        clause = parse_output_clause(job.text)
        if clause.has_outfile:
            raise QueryError.of(Code.INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed")
        output.format_is(clause.format or job.default_format)
        body, tail = job.text[: clause.body_end], job.text[clause.body_end : clause.end]
        if kind == "READ_ONLY" and word in _STREAMED:
            return self._run_streamed(connection, f"{marker} {body}", tail, job, output, marker)
        sql = f"{marker} {body}{tail}"
        return self._run_whole(connection, sql, job, output, marker, cancel=kind == "READ_ONLY")

    def _run_whole(
        self, connection: Connection, sql: str, job: Job, output: Output, marker: str, *, cancel: bool
    ) -> Progress:
        done, ended = os.pipe()
        future = self._workers.submit(_then_close, connection.run, ended, sql, job.default_format, job.values)
        try:
            while not _readable(done, _PATIENCE_MS):
                if cancel and job.client_gone():
                    self._stop(future, marker)
                    raise ClientGone
        finally:
            os.close(done)
        result = future.result()
        output.write(result.bytes())
        return _progress(result)

    def _run_streamed(
        self, connection: Connection, body: str, tail: str, job: Job, output: Output, marker: str
    ) -> Progress:
        source, target = os.pipe()
        with suppress(OSError, AttributeError):  # a system without the call, or a smaller limit: only slower
            fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        sql = f"{body}\nINTO OUTFILE '/dev/fd/{target}' TRUNCATE {tail}"
        future = self._workers.submit(_then_close, connection.run, target, sql, job.default_format, job.values)
        try:
            while True:
                if not _readable(source, _PATIENCE_MS):
                    if job.client_gone():
                        raise ClientGone
                    continue
                piece = os.read(source, _PIPE_SIZE)
                if not piece:
                    break
                output.write(piece)
        except BaseException:
            os.close(source)
            self._stop(future, marker)
            raise
        os.close(source)
        return _progress(future.result())

    def _stop(self, future: Future[Any], marker: str) -> None:
        """Stop a statement nobody waits for, so that its slot is free again."""
        while not future.done():
            with suppress(QueryError):
                self._engine.kill(marker)
            with suppress(Exception):  # how it ends concerns nobody
                future.exception(timeout=0.5)


def _refuse_writing(job: Job, kind: str) -> None:
    """A GET writes nothing. The engine holds to that by itself, except in a session, which must stay writable."""
    if job.read_only and kind in ("MUTATING", "MUTATING_GLOBAL"):
        raise QueryError.of(Code.READONLY, "Cannot execute query in readonly mode; use POST to write")


def marker_id(query_id: str) -> str:
    """Form of a query id that can stand in a comment."""
    return re.sub(r"[^\w.-]", "", query_id)[:64]


def _then_close(
    run: Callable[..., Any], descriptor: int, sql: str, output_format: str, values: Mapping[str, str]
) -> Any:
    try:
        return run(sql, output_format, values)
    finally:
        os.close(descriptor)


def _readable(descriptor: int, milliseconds: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poller.poll(milliseconds))


def _progress(result: Any) -> Progress:
    return Progress(
        read_rows=max(result.storage_rows_read(), 0),
        read_bytes=max(result.storage_bytes_read(), 0),
        written_rows=max(result.rows_written(), 0),
        written_bytes=max(result.bytes_written(), 0),
        elapsed_ns=int(result.elapsed() * 1e9),
    )

"""Access to the stores in bounded time: a store that hangs takes up its own threads only, never those of another."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, LiteralString, TypeVar

import anyio.to_thread
import structlog

from api.metrics import Metrics
from api.observability import tracing
from api.problems import Problem, StoreUnavailable
from api.statements import Statements
from api.store_faults import StoreName, clickhouse_not_now, postgres_not_now, redis_not_now
from stores.settings import MissingStore, Settings

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine
    from sqlmodel import Session

    from stores.warehouse import Warehouse

C = TypeVar("C")
T = TypeVar("T")
_log = structlog.get_logger("api")

_RETRY_AFTER_S = 1.0


class Lane(Generic[C]):
    """The way to one store: a lazily made client, a few threads, a deadline.

    Parameters
    ----------
    name : StoreName
    connect : callable
        Makes the client; may raise whatever ``not_now`` knows.
    not_now : callable
        Gives the reason, in words, if an error means that the store cannot answer now; None if it is a fault.
    close : callable
    metrics : Metrics
    width : int
        Reads that may run at once; others wait, within the deadline.
    deadline_s : float
        Seconds until a read is given up.
    """

    def __init__(
        self,
        name: StoreName,
        connect: Callable[[], C],
        not_now: Callable[[Exception], str | None],
        close: Callable[[C], None],
        metrics: Metrics,
        *,
        width: int = 16,
        deadline_s: float = 10,
    ) -> None:
        self.name = name
        self._connect = connect
        self._not_now = not_now
        self._close = close
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._threads = ThreadPoolExecutor(width, thread_name_prefix=name)
        self._client: C | None = None
        self._opening = threading.Lock()
        self._failed_at = float("-inf")
        self._failure = ""

    async def read(self, work: Callable[[C], T], *, deadline_s: float | None = None) -> T:
        """Run ``work`` with the client in a thread of the lane.

        Raises
        ------
        StoreUnavailable
            If the store cannot answer now or the deadline passes.
        """
        started = time.perf_counter()
        in_flight = self._metrics.reads_in_flight.labels(self.name)
        in_flight.inc()
        try:
            limit = self._deadline_s if deadline_s is None else deadline_s
            with tracing.span(f"read {self.name}", **{"db.system.name": self.name.value}):
                # A read that is given up goes on in its thread, which is free again when the store has answered.
                known = contextvars.copy_context()
                async with asyncio.timeout(limit):
                    result = await asyncio.get_running_loop().run_in_executor(
                        self._threads, lambda: known.run(self._work, work)
                    )
        except TimeoutError:
            self._metrics.store_read(self.name, "timeout", time.perf_counter() - started)
            raise StoreUnavailable(self.name, "did not answer in time") from None
        except StoreUnavailable:
            self._metrics.store_read(self.name, "unavailable", time.perf_counter() - started)
            raise
        finally:
            in_flight.dec()
        self._metrics.store_read(self.name, "ok", time.perf_counter() - started)
        return result

    def now(self, work: Callable[[C], T]) -> T:
        """Run ``work`` in the calling thread: for what runs in a thread of its own already.

        Raises
        ------
        StoreUnavailable
            If the store cannot answer now.
        """
        return self._work(work)

    def close(self) -> None:
        """Close the client, if one was made."""
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            self._close(client)

    def _work(self, work: Callable[[C], T]) -> T:
        try:
            return work(self._open())
        except Problem:
            raise
        except Exception as error:
            reason = self._reason(error)
            if reason is None:
                raise
            _log.warning("store_failed", store=self.name, error=type(error).__name__, reason=str(error)[:300])
            raise StoreUnavailable(self.name, reason) from error

    def _reason(self, error: Exception) -> str | None:
        return "is not configured" if isinstance(error, MissingStore) else self._not_now(error)

    def _open(self) -> C:
        client = self._client
        if client is not None:
            return client
        with self._opening:
            if self._client is None:
                # Many requests at once must not wait for one connection attempt after the other.
                if time.monotonic() - self._failed_at < _RETRY_AFTER_S:
                    raise StoreUnavailable(self.name, self._failure)
                try:
                    self._client = self._connect()
                except Exception as error:
                    self._failed_at = time.monotonic()
                    self._failure = self._reason(error) or "could not be connected to"
                    raise
            return self._client


@dataclass(frozen=True)
class Health:
    """Answer of a store to a readiness check."""

    name: StoreName
    status: str
    latency_ms: float | None
    detail: str | None


@dataclass(frozen=True)
class Schema:
    """Revision of the serving schema, against the one this program was made for."""

    status: str
    revision: str | None
    needed: str


class Stores:
    """All stores of the API. Nothing is connected until it is first needed."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.warehouse: Lane[Warehouse] = Lane(
            StoreName.CLICKHOUSE, self._warehouse, clickhouse_not_now, lambda client: client.close(), metrics
        )
        self.database: Lane[Engine] = Lane(
            StoreName.POSTGRES, self._engine, postgres_not_now, lambda engine: engine.dispose(), metrics, deadline_s=6
        )
        self.cache: Lane[Redis] = Lane(
            StoreName.REDIS, self._redis, redis_not_now, lambda client: client.close(), metrics, deadline_s=3
        )
        self.statements = Statements(settings, metrics, deadline_s=6)

    @staticmethod
    def prepare() -> None:
        """Load the client libraries, so that no request's deadline has to pay for it. Connects nothing."""
        for name in ("clickhouse_connect", "psycopg", "redis", "sqlalchemy.dialects.postgresql.psycopg"):
            import_module(name)

    def close(self) -> None:
        """Close the connections of the threads."""
        for lane in (self.warehouse, self.database, self.cache):
            lane.close()

    async def in_session(self, work: Callable[[Session], T], *, deadline_s: float | None = None) -> T:
        """Run ``work`` in a transaction of the serving database; ``deadline_s`` is for what may take longer."""
        from stores import database

        def transact(engine: Engine) -> T:
            with database.session(engine) as session:
                return work(session)

        return await self.database.read(transact, deadline_s=deadline_s)

    async def reading(self, work: Callable[[Session], T]) -> T:
        """Run ``work``, which only reads, or writes one thing on its own, without a transaction around it.

        A connection that turns out to be dead is replaced, and ``work`` run once more.
        """
        from sqlalchemy.exc import DBAPIError

        from stores import database

        def read(engine: Engine) -> T:
            try:
                with database.reading(engine) as session:
                    return work(session)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            with database.reading(engine) as session:
                return work(session)

        return await self.database.read(read)

    async def one(self, statement: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Read one row with a short statement that nearly every request needs, without a thread for it.

        Raises
        ------
        StoreUnavailable
            If the database cannot answer now.
        """
        return await self.statements.one(statement, parameters)

    async def check(self, name: StoreName) -> Health:
        """Ask a store whether it answers."""
        started = time.perf_counter()
        try:
            match name:
                case StoreName.CLICKHOUSE:
                    await self.warehouse.read(lambda client: client.scalar("SELECT 1"), deadline_s=3)
                case StoreName.POSTGRES:
                    await self.database.read(_select_one, deadline_s=3)
                case StoreName.REDIS:
                    await self.cache.read(_ping, deadline_s=3)
        except StoreUnavailable as error:
            return Health(name, "down", None, error.reason)
        return Health(name, "ok", round((time.perf_counter() - started) * 1_000, 3), None)

    async def schema(self) -> Schema:
        """Ask the serving database which tables it has."""
        try:
            return await self.database.read(_schema, deadline_s=3)
        except StoreUnavailable:
            return Schema("unknown", None, await anyio.to_thread.run_sync(_needed))

    def _warehouse(self) -> Warehouse:
        from stores.warehouse import Warehouse

        return Warehouse.connect(
            self.settings,
            analyst=self.settings.clickhouse_analyst_url is not None,
            origin="api",
            connect_timeout_s=2,
            read_timeout_s=10,
        )

    def _engine(self) -> Engine:
        from stores import database

        return database.engine(
            self.settings,
            # One for each thread of the lane, kept: opening them under load is what takes time.
            pool_size=16,
            max_overflow=0,
            pool_timeout_s=3,
            connect_timeout_s=2,
            statement_timeout_ms=5_000,
        )

    def _redis(self) -> Redis:
        from stores import cache

        return cache.connect(self.settings)


def _needed() -> str:
    from stores import database

    return database.revisions()[0]


def _schema(engine: Engine) -> Schema:
    from stores import database

    with engine.connect() as connection:
        revision = database.revision_of(connection)
    known = database.revisions()
    # One that is not known was made by a newer program, whose tables an older one can use.
    status = "behind" if revision is None or revision in known[1:] else "ok" if revision == known[0] else "ahead"
    return Schema(status, revision, known[0])


def _select_one(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")


def _ping(client: Redis) -> None:
    from stores import cache

    cache.ping(client)

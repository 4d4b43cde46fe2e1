"""Short statements that nearly every request needs, run on the event loop: a thread for each would cost more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, LiteralString

import structlog

from api.metrics import Metrics
from api.observability import tracing
from api.problems import StoreUnavailable
from api.store_faults import UNREACHABLE, StoreName, postgres_not_now
from stores.settings import MissingStore, Settings

if TYPE_CHECKING:
    from stores.async_database import AsyncDatabase

_RETRY_AFTER_S = 1.0
_log = structlog.get_logger("api")


class Statements:
    """Reads of single rows from the serving database, each in bounded time.

    Parameters
    ----------
    settings : Settings
    metrics : Metrics
    deadline_s : float
        Seconds until a read is given up.
    """

    def __init__(self, settings: Settings, metrics: Metrics, *, deadline_s: float) -> None:
        self._settings = settings
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._in_flight = metrics.reads_in_flight.labels(StoreName.POSTGRES)
        self._database: AsyncDatabase | None = None
        self._failed_at = float("-inf")
        self._failure = ""

    async def one(self, statement: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Read the first row; None if there is none.

        Raises
        ------
        StoreUnavailable
            If the database cannot answer now or the deadline passes.
        """
        started, result = time.perf_counter(), "unavailable"
        self._in_flight.inc()
        try:
            with tracing.span("read postgres", **{"db.system.name": StoreName.POSTGRES.value}):
                row = await self._within_deadline(statement, parameters)
            result = "ok"
        except TimeoutError:
            result = "timeout"
            raise StoreUnavailable(StoreName.POSTGRES, "did not answer in time") from None
        finally:
            self._in_flight.dec()
            self._metrics.store_read(StoreName.POSTGRES, result, time.perf_counter() - started)
        return row

    async def close(self) -> None:
        """Close the connections."""
        database, self._database = self._database, None
        if database is not None:
            await database.close()

    async def _within_deadline(self, statement: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        # Not cancelled in its midst: a server that hangs would hold up whoever waits for it to notice.
        task = asyncio.ensure_future(self._run(statement, parameters))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._deadline_s)
        finally:
            if not task.done():
                task.add_done_callback(_forget)
        if not done:
            raise TimeoutError
        return task.result()

    async def _run(self, statement: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        if time.monotonic() - self._failed_at < _RETRY_AFTER_S:
            raise StoreUnavailable(StoreName.POSTGRES, self._failure)
        if self._database is None:
            from stores.async_database import AsyncDatabase

            self._database = AsyncDatabase(self._settings)
        try:
            return await self._database.fetch_one(statement, parameters)
        except Exception as error:
            reason = "is not configured" if isinstance(error, MissingStore) else postgres_not_now(error)
            if reason is None:
                raise
            if reason == UNREACHABLE:
                # Many requests at once must not wait for one connection attempt after the other.
                self._failed_at, self._failure = time.monotonic(), reason
            _log.warning("store_failed", store=StoreName.POSTGRES, error=type(error).__name__, reason=str(error)[:300])
            raise StoreUnavailable(StoreName.POSTGRES, reason) from error


def _forget(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()

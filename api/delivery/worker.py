"""The worker: sends what the outbox holds and does the periodic duties. Any number of them run side by side."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import structlog

from api import logs
from api.clock import Clock, system_clock
from api.connections import Stores
from api.delivery import registry
from api.delivery.duties import Scheduler
from api.delivery.probe import serve_probe
from api.delivery.pump import Pump
from api.dependencies import Context
from api.directory import MarketDirectory
from api.metrics import Metrics
from api.observability import libraries, tracing
from api.outbox import CHANNEL, Topic
from stores.settings import Settings

_log = structlog.get_logger("worker")
_DRAIN_S = 10.0
_LISTEN_AGAIN_S = 1.0
_NOTICED_WITHIN_S = 30.0


class Worker:
    """One worker.

    Parameters
    ----------
    settings : Settings
    clock : callable
    """

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        metrics = Metrics()
        self.context = Context(settings, Stores(settings, metrics), MarketDirectory(), metrics, clock)
        self._pumps: dict[Topic, Pump] = {}
        self._scheduler: Scheduler | None = None

    async def run(self, stopping: asyncio.Event, *, drain_s: float = _DRAIN_S) -> None:
        """Work until told to stop, then finish what is under way."""
        self.context.stores.prepare()
        self._pumps = {topic: Pump(self.context, one) for topic, one in registry.channels(self.context).items()}
        scheduler = self._scheduler = Scheduler(self.context, registry.duties())
        listener = asyncio.create_task(self._listen(scheduler))
        try:
            await asyncio.gather(
                *(pump.run(stopping, drain_s) for pump in self._pumps.values()), scheduler.run(stopping)
            )
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
            self.context.stores.close()

    async def _listen(self, scheduler: Scheduler) -> None:
        """Be woken by what is written; without it everything is found by polling, only later."""
        import psycopg
        from psycopg import sql

        channels = sorted({CHANNEL, *scheduler.wakes})
        while True:
            try:
                url = self.context.settings.require("postgres_url")
                connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=3)
                async with connection:
                    for channel in channels:
                        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    self.wake()
                    while True:
                        async for notice in connection.notifies(timeout=_NOTICED_WITHIN_S):
                            self._wake(scheduler, notice.channel, notice.payload)
                        # A server that is gone without a word is noticed by asking it.
                        await connection.execute("SELECT 1")
            except (psycopg.Error, OSError) as error:
                _log.warning("listener_lost", error=type(error).__name__)
                await asyncio.sleep(_LISTEN_AGAIN_S)

    def _wake(self, scheduler: Scheduler, channel: str, payload: str) -> None:
        scheduler.wake(channel)
        if channel == CHANNEL:
            for topic, pump in self._pumps.items():
                if payload in (topic.value, ""):
                    pump.wake()

    def wake(self) -> None:
        """Look for work at once: notifications may have been missed, or the time moved."""
        if self._scheduler is not None:
            self._scheduler.wake_all()
        for pump in self._pumps.values():
            pump.wake()


async def _until_signalled(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    worker = Worker(settings)
    probe = asyncio.create_task(serve_probe(worker.context, settings.worker_host, settings.worker_port, stopping))
    try:
        await worker.run(stopping)
    finally:
        stopping.set()
        await asyncio.gather(probe, return_exceptions=True)


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    logs.configure(settings)
    libraries.adopt(settings)
    tracing.start(logs.redactor_of(settings))
    asyncio.run(_until_signalled(settings))

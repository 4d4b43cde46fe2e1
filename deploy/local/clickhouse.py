"""The warehouse's server: our own ClickHouse-HTTP server around the embedded engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from deploy.local.clickhouse_server import User, read_state, server_url
from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service, stop_stray


class ClickHouse(Service):
    """The warehouse."""

    NAME: str = "clickhouse"
    TITLE: str = "ClickHouse"
    STOP_SECONDS: float = 30.0

    def __init__(self, home: Home, port: int) -> None:
        super().__init__(home, port)
        self._folder = home.path / "clickhouse"

    def command(self) -> Sequence[str]:
        """The server, which writes its users and, when it answers, its port into its folder."""
        module = [sys.executable, "-m", "deploy.local.clickhouse_server"]
        return [*module, "--home", str(self._folder), "--port", str(self.port)]

    def prepare(self) -> None:
        """Stop a server that holds the engine's lock; forget the port of the one before."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        state = read_state(self._folder)
        if state is not None:
            stop_stray(self, state.pid, self._folder)
        (self._folder / "server.json").unlink(missing_ok=True)

    def ready(self) -> bool:
        """Whether the server answers on the port it wrote down."""
        state = read_state(self._folder)
        if state is None:
            return False
        self.port = state.port
        return answers(f"http://{LOOPBACK}:{state.port}/ping")

    @property
    def url(self) -> str:
        """``http://user:password@host:port``, read and write."""
        return server_url(self._folder, User.CAP)

    @property
    def analyst_url(self) -> str:
        """The same as the read-only analyst."""
        return server_url(self._folder, User.ANALYST)

"""The warehouse's server: our own ClickHouse-HTTP server around the embedded engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

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
        self._record = self._folder / "server.json"

    def command(self) -> Sequence[str]:
        """The server, which writes its users and, when it answers, its port into its folder."""
        module = [sys.executable, "-m", "deploy.local.clickhouse_server"]
        return [*module, "--home", str(self._folder), "--port", str(self.port)]

    def prepare(self) -> None:
        """Stop a server that holds the engine's lock; forget the port of the one before."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            pid = int(json.loads(self._record.read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            pid = 0
        if pid:
            stray = self._folder / ".stray.pid"
            stray.write_text(str(pid))
            stop_stray(self, stray, self._folder)
        self._record.unlink(missing_ok=True)

    def ready(self) -> bool:
        """Whether the server answers on the port it wrote down."""
        try:
            self.port = int(json.loads(self._record.read_text())["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return answers(f"http://{LOOPBACK}:{self.port}/ping")

    def _password(self, user: str) -> str:
        return str(json.loads((self._folder / "users.json").read_text())[user])

    @property
    def url(self) -> str:
        """``http://user:password@host:port``, read and write."""
        return f"http://cap:{self._password('cap')}@{LOOPBACK}:{self.port}"

    @property
    def analyst_url(self) -> str:
        """The same as the read-only analyst."""
        return f"http://analyst:{self._password('analyst')}@{LOOPBACK}:{self.port}"

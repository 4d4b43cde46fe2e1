"""The HTTP API as a service of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service

_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognized, not bound


class Api(Service):
    """One uvicorn process.

    Parameters
    ----------
    home : Home
    port : int
    host : str
        Address to listen on.
    """

    NAME: str = "api"
    TITLE: str = "The API"

    def __init__(self, home: Home, port: int, host: str = LOOPBACK) -> None:
        super().__init__(home, port)
        self._host = host

    def command(self) -> Sequence[str]:
        """Serve ``api.main:app``; open streams are cut 5 s after a stop was asked for."""
        module = [sys.executable, "-m", "uvicorn", "api.main:app"]
        address = ["--host", self._host, "--port", str(self.port)]
        serving = ["--ws", "websockets-sansio", "--timeout-graceful-shutdown", "5", "--no-access-log"]
        # The server would believe any local client's X-Forwarded-For; api.security.addresses judges it instead.
        return [*module, *address, *serving, "--no-proxy-headers"]

    def ready(self) -> bool:
        """Whether it is alive."""
        return answers(f"{self.url}/healthz")

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{LOOPBACK if self._host in _ANYWHERE else self._host}:{self.port}"

"""The HTTP API as a service of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service

_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognized, not bound


class Api(Service):
    """One process.

    Parameters
    ----------
    home : Home
    port : int
    host : str
        Address to listen on.
    public : bool
        Whether people reach it where it listens; False if the settings name another address.
    """

    NAME: str = "api"
    TITLE: str = "The API"
    STOP_SECONDS: float = 20.0

    def __init__(self, home: Home, port: int, host: str = LOOPBACK, *, public: bool = True) -> None:
        super().__init__(home, port)
        self._host = host
        self._public = public

    def command(self) -> Sequence[str]:
        """Run ``cap api``; its settings are in the environment."""
        return [sys.executable, "-m", "deploy.cli.main", "api", "--host", self._host, "--port", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        """No other replica could take over, so nobody has to be given time to find one."""
        own = {"CAP_DRAIN_S": "0"}
        return {**own, "CAP_PUBLIC_URL": self.url} if self._public else own

    def ready(self) -> bool:
        """Whether it is alive."""
        return answers(f"{self.url}/healthz")

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{LOOPBACK if self._host in _ANYWHERE else self._host}:{self.port}"

"""The delivery worker as a service of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service


class Worker(Service):
    """One worker.

    Parameters
    ----------
    home : Home
    port : int
        Where it answers how it is.
    public : Service, optional
        The API whose address its mails name; none if the settings say where people reach it.
    """

    NAME: str = "worker"
    TITLE: str = "The delivery worker"
    STOP_SECONDS: float = 20.0

    def __init__(self, home: Home, port: int, public: Service | None = None) -> None:
        super().__init__(home, port)
        self._public = public

    def command(self) -> Sequence[str]:
        """Run ``cap worker``; its settings are in the environment."""
        return [sys.executable, "-m", "deploy.cli.main", "worker"]

    def environment(self) -> Mapping[str, str]:
        """Say where it is to answer, and where the API is that links lead to."""
        own = {"CAP_WORKER_HOST": LOOPBACK, "CAP_WORKER_PORT": str(self.port)}
        return own if self._public is None else {**own, "CAP_PUBLIC_URL": self._public.url}

    def ready(self) -> bool:
        """Whether it is alive."""
        return answers(f"{self.url}/healthz")

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{LOOPBACK}:{self.port}"

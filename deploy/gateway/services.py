"""nginx and the replicas behind it, as services of a supervisor."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.gateway.rendering import Gateway, render
from deploy.local.api import Api
from deploy.local.errors import LocalStackError
from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.service import Service, pid_in, stop_stray


class NoNginx(LocalStackError):
    """There is no nginx on this machine."""


def nginx_program() -> str:
    """Find nginx.

    Raises
    ------
    NoNginx
        If it is not installed.
    """
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoNginx("nginx is not installed; on Debian and Ubuntu: apt-get install nginx-light")
    return found


class Replica(Api):
    """One process of the API behind the gateway."""

    def __init__(self, home: Home, number: int, drain_s: float) -> None:
        super().__init__(home, 0)
        self.NAME = f"api-{number}"
        self.TITLE = f"Replica {number} of the API"
        self.STOP_SECONDS = drain_s + 25
        self._drain_s = drain_s

    def environment(self) -> Mapping[str, str]:
        """Believe what the gateway says of clients, and leave it time to go elsewhere."""
        return {"CAP_TRUSTED_PROXIES": "127.0.0.1/32", "CAP_DRAIN_S": str(self._drain_s)}

    @property
    def address(self) -> str:
        """``host:port``."""
        return self.url.removeprefix("http://")


class Nginx(Service):
    """The gateway.

    Parameters
    ----------
    home : Home
    gateway : Gateway
    """

    NAME: str = "gateway"
    TITLE: str = "The gateway"
    STOP_SIGNAL: int = signal.SIGQUIT
    """Finishes what is under way first."""

    def __init__(self, home: Home, gateway: Gateway) -> None:
        # The port is the one that was asked for: people and certificates know it.
        super().__init__(home, None)
        self.gateway = gateway
        self.STOP_SECONDS = gateway.shutdown_s + 5

    def command(self) -> Sequence[str]:
        """Run nginx in the foreground."""
        return [nginx_program(), "-c", str(self.gateway.configuration), "-p", str(self._folder), "-g", "daemon off;"]

    def prepare(self) -> None:
        """Write its configuration."""
        stop_stray(self, pid_in(self._folder / "nginx.pid"), self._folder)
        render(self.gateway)

    def ready(self) -> bool:
        """Whether it, and a replica behind it, answers."""
        return answers(f"{self.url}/healthz", trust=self.gateway.certificate)

    @property
    def url(self) -> str:
        """``https://host:port``."""
        host = "127.0.0.1" if self.gateway.host in ("0.0.0.0", "::", "") else self.gateway.host  # noqa: S104 - recognized
        return f"https://{f'[{host}]' if ':' in host else host}:{self.gateway.port}"

    @property
    def _folder(self) -> Path:
        return self.gateway.folder

"""Dagster as services of the local stack: a code server for each code location, the UI, the daemon.

The UI and the daemon would each load every code location in a process of their own. Served once and shared, they cost
half the memory and half of the start on a small machine. All of them give way to the stores, the API and a run.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.local.errors import LocalStackError
from deploy.local.home import Home
from deploy.local.http_probe import answers
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service, SpawnOptions, giving_way

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 180.0


class _DagsterService(Service):
    START_SECONDS: float = _START_SECONDS

    def spawn_options(self) -> SpawnOptions:
        """Run where ``workspace.yaml`` and ``pyproject.toml`` are."""
        return {"cwd": str(ROOT)}


@dataclass(frozen=True)
class CodeLocation:
    """A module whose definitions Dagster serves."""

    name: str
    module: str
    attribute: str


def code_locations(workspace: Path = ROOT / "workspace.yaml") -> list[CodeLocation]:
    """Code locations of a workspace file.

    Raises
    ------
    LocalStackError
        If the file is missing or names a location in another way than as a Python module.
    """
    try:
        entries: list[dict[str, Any]] = yaml.safe_load(workspace.read_text())["load_from"]
        modules = [entry["python_module"] for entry in entries]
        return [CodeLocation(m["location_name"], m["module_name"], m.get("attribute", "defs")) for m in modules]
    except (OSError, KeyError, TypeError) as error:
        raise LocalStackError(f"{workspace} cannot be read as a list of Python modules ({error!r})") from error


class CodeServer(_DagsterService):
    """Serves one code location; runs are its child processes."""

    TITLE: str = "A Dagster code server"
    STOP_SECONDS: float = 10.0

    def __init__(self, home: Home, location: CodeLocation) -> None:
        super().__init__(home, 0)
        self.location = location
        self.NAME = f"dagster_{location.name}"
        self.TITLE = f"Dagster's code location {location.name}"

    def command(self) -> Sequence[str]:
        """Serve the module over gRPC on loopback."""
        where = ["--host", LOOPBACK, "--port", str(self.port)]
        what = ["--module-name", self.location.module, "--attribute", self.location.attribute]
        options = ["--location-name", self.location.name, "--max-workers", "8"]
        return giving_way(["dagster", "api", "grpc", *where, *what, *options])

    def ready(self) -> bool:
        """Whether it listens, which it does once its definitions are loaded."""
        try:
            with socket.create_connection((LOOPBACK, self.port or 0), timeout=3):
                return True
        except OSError:
            return False

    @property
    def url(self) -> str:
        """Address of the gRPC server."""
        return f"grpc://{LOOPBACK}:{self.port}"


def write_workspace(home: Home, servers: Sequence[CodeServer]) -> Path:
    """Write a workspace of running code servers.

    Returns
    -------
    pathlib.Path
        The file, for the UI and the daemon.
    """
    path = home.dagster / "workspace.yaml"
    entries = [
        {"grpc_server": {"host": LOOPBACK, "port": server.port, "location_name": server.location.name}}
        for server in servers
    ]
    path.write_text(yaml.safe_dump({"load_from": entries}))
    return path


class DagsterUi(_DagsterService):
    """Dagster's web interface."""

    NAME: str = "dagster"
    TITLE: str = "Dagster's UI"

    def __init__(self, home: Home, port: int, workspace: Path) -> None:
        super().__init__(home, port)
        self._workspace = workspace

    def command(self) -> Sequence[str]:
        """The web server on loopback."""
        where = ["--host", LOOPBACK, "--port", str(self.port)]
        return giving_way(["dagster_webserver", *where, "--workspace", str(self._workspace), "--log-level", "warning"])

    def ready(self) -> bool:
        """Whether it answers."""
        return answers(f"{self.url}/server_info")

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{LOOPBACK}:{self.port}"


class DagsterDaemon(_DagsterService):
    """Ticks sensors and schedules, watches runs."""

    NAME: str = "dagster_daemon"
    TITLE: str = "Dagster's daemon"
    STOP_SIGNAL: int = 2

    def __init__(self, home: Home, workspace: Path) -> None:
        super().__init__(home, None)
        self._workspace = workspace

    def command(self) -> Sequence[str]:
        """The daemon."""
        return giving_way(["dagster._daemon", "run", "--workspace", str(self._workspace), "--log-level", "warning"])

    def ready(self) -> bool:
        """Nothing to ask: it runs or it does not."""
        return True

    @property
    def url(self) -> str:
        """None: it does not listen."""
        return ""

"""A service small enough to start in a moment, for tests of the supervisor."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.home import Home
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service

_SERVE = """
import os, socket, subprocess, sys
port, folder, child = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "child"
os.chdir(folder)
if child:
    worker = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    open("worker.pid", "w").write(str(worker.pid))
server = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = server.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""


class Echo(Service):
    """Says its process id to whoever connects; may have a worker process that would outlive it."""

    NAME = "echo"
    TITLE = "Echo"
    START_SECONDS = 20.0

    def __init__(self, home: Home, port: int = 0, *, name: str = "echo", worker: bool = False, program: str = _SERVE):
        super().__init__(home, port)
        self.NAME = name
        self.folder = home.path / name
        self._worker = worker
        self._program = program

    def command(self) -> Sequence[str]:
        """Run the program above."""
        arguments = [str(self.port), str(self.folder), "child" if self._worker else "alone"]
        return [sys.executable, "-S", "-c", self._program, *arguments]

    def prepare(self) -> None:
        """Make its folder."""
        self.folder.mkdir(exist_ok=True)

    def ready(self) -> bool:
        """Whether it answers."""
        return self.answer() is not None

    def answer(self) -> int | None:
        """Process id it says."""
        try:
            with socket.create_connection((LOOPBACK, self.port or 0), timeout=2) as connection:
                said = connection.recv(20)
        except OSError:
            return None
        return int(said) if said else None

    @property
    def worker_pid(self) -> int:
        """Process id of its worker."""
        return int((self.folder / "worker.pid").read_text())

    @property
    def url(self) -> str:
        """Where it is."""
        return f"tcp://{LOOPBACK}:{self.port}"


def eventually(what: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something is true; fail if it does not become so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def made_home(path: Path) -> Home:
    """Make a home folder."""
    home = Home(path)
    home.create()
    return home

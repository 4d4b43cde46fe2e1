"""What the supervisor needs to know of a service."""

from __future__ import annotations

import shutil
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import psutil

from deploy.local.home import Home
from deploy.local.processes import ProcessIdentity, end, stop, working_in


class SpawnOptions(TypedDict, total=False):
    """Arguments of ``subprocess.Popen`` that a service may set."""

    cwd: str
    user: int
    group: int
    extra_groups: list[int]


class Service(ABC):
    """A long-running program, most often with a port on loopback.

    Parameters
    ----------
    home : Home
    port : int, optional
        Preferred port; 0 for any, None for a program that does not listen. The supervisor replaces it by the next free
        one.
    """

    NAME: str
    """Key in records, log file names and ``cap status``."""
    TITLE: str
    """Name in sentences."""
    STOP_SIGNAL: int = signal.SIGTERM
    START_SECONDS: float = 60.0
    STOP_SECONDS: float = 15.0

    def __init__(self, home: Home, port: int | None) -> None:
        self.home = home
        self.port = port

    @property
    def log(self) -> Path:
        """File its output goes to."""
        return self.home.logs / f"{self.NAME}.log"

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Program and arguments; never a secret among them, everyone on the machine can read those."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers. Called while it starts and for its health; does not raise."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, credentials included."""

    def prepare(self) -> None:  # noqa: B027 - optional: some services need nothing
        """Make what it needs before it starts, each time it starts."""

    def environment(self) -> Mapping[str, str]:
        """Variables to add to the supervisor's own."""
        return {}

    def spawn_options(self) -> SpawnOptions:
        """Where and as whom it runs."""
        return {}


def giving_way(command: Sequence[str]) -> list[str]:
    """Command that runs a Python module and leaves the cores to whoever else wants them."""
    nice = shutil.which("nice")
    return [*([nice, "-n", "10"] if nice else []), sys.executable, "-m", *command]


def pid_in(pid_file: Path) -> int | None:
    """Process id on the first line of a file; None if there is none."""
    try:
        return int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def stop_stray(service: Service, pid: int | None, folder: Path, program: str | None = None) -> None:
    """Stop a server that still runs on a data folder although no record names it.

    Two servers on one folder would destroy its data. The process id may have been recycled: only a process of the same
    program that works in the folder, or names it among its arguments, is the one meant.

    Parameters
    ----------
    service : Service
        Whose server it is.
    pid : int, optional
        Process id that the server wrote down.
    folder : pathlib.Path
        Its data folder.
    program : str, optional
        Name of its program, as the kernel knows it; None for an interpreted one, which must name the folder among its
        arguments.
    """
    named = ProcessIdentity.of(pid) if pid is not None else None
    if named is not None and _is_server(named.pid, folder, program):
        stop(named, stop_signal=service.STOP_SIGNAL, timeout=service.STOP_SECONDS)
    if program is not None:
        # The leader may be gone and its workers not; nobody can give those anything to finish.
        end(working_in(folder, program))


def _is_server(pid: int, folder: Path, program: str | None) -> bool:
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if program is None:
            return str(folder) in process.cmdline()
        return process.name() == program and (Path(process.cwd()) == folder or str(folder) in process.cmdline())
    return False

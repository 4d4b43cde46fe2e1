"""Processes that outlive the one that started them: told apart by start time, found again by a marker, stopped as a session.

A process id alone says nothing: the kernel hands it out again. Every process is therefore named by its id and its start
time, and every process the stack starts carries a marker in its environment that its descendants inherit, so that
orphans are found even when the record of them was lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARKER = "CAP_INSTANCE"
"""Environment variable that every started process carries; its value is the instance id of the home folder."""

POLL_SECONDS = 0.05
_PROC = Path("/proc")
_LINUX = sys.platform.startswith("linux")
_STAT_STATE, _STAT_SESSION, _STAT_STARTED = 0, 3, 19  # positions after the command name, which may hold spaces


def boot_id() -> str:
    """Identity of the machine's present boot: start times are comparable within one only."""
    if _LINUX:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return str(int(psutil.boot_time()))


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _started(pid: int) -> float | None:
    """Start time of a running process; None if there is none or it is only waiting to be reaped."""
    if _LINUX:
        # Clock ticks since boot, not psutil's epoch seconds: those move when the wall clock is set.
        fields = _stat(pid)
        return None if fields is None or fields[_STAT_STATE] in "ZX" else float(fields[_STAT_STARTED])
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that a recycled process id cannot be mistaken for.

    Parameters
    ----------
    pid : int
    started : float
        Start time; clock ticks since boot on Linux.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Identity of a running process, or None if there is none with this id."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal, if the process still runs."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


def _pids() -> Iterator[int]:
    if _LINUX:
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    else:
        yield from psutil.pids()


def _environment_has(pid: int, name: str, value: str) -> bool:
    if _LINUX:
        try:
            return f"{name}={value}".encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
    try:
        return psutil.Process(pid).environ().get(name) == value
    except (psutil.Error, OSError):
        return False


def marked(instance: str) -> list[ProcessIdentity]:
    """Processes that carry the marker of an instance, this one and its ancestors excluded."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = (ProcessIdentity.of(pid) for pid in _pids() if pid not in own and _environment_has(pid, MARKER, instance))
    return [identity for identity in found if identity is not None]


def family(leader: ProcessIdentity) -> list[ProcessIdentity]:
    """Descendants of a running process and the members of the session it leads.

    Collected before the leader is stopped: afterwards its children belong to init.
    """
    if not leader.alive:
        return []
    pids: set[int] = set()
    with suppress(psutil.Error):
        pids |= {child.pid for child in psutil.Process(leader.pid).children(recursive=True)}
    pids |= session_members(leader.pid)
    pids -= {leader.pid, os.getpid()}
    return [identity for identity in map(ProcessIdentity.of, pids) if identity is not None]


def session_members(session: int) -> set[int]:
    """Process ids in a session (the kernel keeps a session's id reserved while it has members)."""
    members: set[int] = set()
    for pid in _pids():
        if _LINUX:
            fields = _stat(pid)
            if fields is not None and int(fields[_STAT_SESSION]) == session:
                members.add(pid)
        else:
            with suppress(OSError):
                if os.getsid(pid) == session:
                    members.add(pid)
    return members


def working_in(folder: Path, program: str) -> list[ProcessIdentity]:
    """Processes of a program whose working folder is this one: servers that work in their data folder, their workers.

    The program counts too: a person's shell may stand in the same folder.
    """
    found: list[ProcessIdentity] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() == program and Path(process.cwd()) == folder:
                identity = ProcessIdentity.of(process.pid)
                found += [identity] if identity is not None else []
    return found


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether one's own child has ended; what it leaves in its session is killed with it.

    The child is looked at before it is reaped: until then its process id, which is the session's too, is not handed out
    again, so the session is surely its own.
    """
    if process.returncode is not None:
        return True
    if hasattr(os, "waitid"):
        try:
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
        except ChildProcessError:
            return process.poll() is not None
        for pid in session_members(process.pid) - {process.pid}:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return process.poll() is not None


def gone(processes: Iterable[ProcessIdentity], timeout: float) -> bool:
    """Wait until none of the processes runs any more; False if some still does after the timeout in seconds."""
    waiting = list(processes)
    deadline = time.monotonic() + timeout
    while waiting := [process for process in waiting if process.alive]:
        _reap(waiting)
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _reap(processes: Iterable[ProcessIdentity]) -> None:
    for process in processes:
        # Only one's own children can be reaped; a stray's zombie is its parent's affair and counts as gone.
        with suppress(ChildProcessError, ProcessLookupError):
            os.waitpid(process.pid, os.WNOHANG)


def stop(leader: ProcessIdentity, *, stop_signal: int = signal.SIGTERM, timeout: float = 10.0) -> bool:
    """Stop a process with everything it started; see `stop_together`."""
    return stop_together({leader: stop_signal}, timeout=timeout)


def stop_together(leaders: Mapping[ProcessIdentity, int], *, timeout: float = 10.0) -> bool:
    """Stop processes side by side, with everything they started.

    Without threads: this also runs while the interpreter shuts down, when none can be started any more.

    Parameters
    ----------
    leaders : mapping of ProcessIdentity to int
        The signal that asks each to finish.
    timeout : float
        Seconds until those that did not, and what they left behind, are killed.

    Returns
    -------
    bool
        Whether all finished by themselves in time.
    """
    others = [member for leader in leaders for member in family(leader) if member not in leaders]
    for leader, number in leaders.items():
        leader.signal(number)
    finished = gone(leaders, timeout)
    for leader in leaders:
        leader.signal(signal.SIGKILL)
    end(others, timeout=min(timeout, 3.0))
    gone(leaders, 5.0)
    return finished


def end(processes: Iterable[ProcessIdentity], *, timeout: float = 3.0) -> None:
    """End processes that have nothing to finish: SIGTERM, and SIGKILL for those that do not go in time."""
    left = list(processes)
    for process in left:
        process.signal(signal.SIGTERM)
    if not gone(left, timeout):
        for process in left:
            process.signal(signal.SIGKILL)
        gone(left, 5.0)

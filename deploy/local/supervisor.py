"""Starts services, waits until they answer, restarts what crashes, and stops every process it started and only those."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.errors import ServiceFailed
from deploy.local.home import Home, InstanceRecord, ProcessRecord
from deploy.local.ports import is_free, next_free
from deploy.local.processes import (
    MARKER,
    POLL_SECONDS,
    ProcessIdentity,
    boot_id,
    end,
    has_exited,
    marked,
    stop,
    stop_together,
)
from deploy.local.service import Service

MAX_LOG_BYTES = 20_000_000
KEPT_LOGS = 3
_MONITOR_SECONDS = 0.25
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_PORT_TRIES = 5


@dataclass
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    identity: ProcessIdentity
    started_at: float
    awaited: bool = True
    """Whether whoever started it still waits for it, and will report what goes wrong."""
    ready: bool = False
    backoff: float = _FIRST_BACKOFF_SECONDS
    restart_at: float | None = None


class Supervisor:
    """Runs services until it is stopped.

    Parameters
    ----------
    home : Home
        Where logs and records go. Its lock must be held.
    command : str
        What the instance is, for other processes to read: ``up`` or ``run``.
    on_event : callable, optional
        Told in one sentence when a service crashed or came back.
    """

    def __init__(self, home: Home, command: str, on_event: Callable[[str], None] | None = None) -> None:
        self._home = home
        self._on_event = on_event
        self._running: dict[str, _Running] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        self._closed = False
        self._launches: list[list[str]] = []
        self._environment: dict[str, str] = {}
        identity = ProcessIdentity.of(os.getpid())
        self._record = InstanceRecord(command=command, boot=boot_id(), supervisor=identity)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def recover(self) -> int:
        """Stop what an instance that was killed left running; call before the first start.

        Returns
        -------
        int
            How many processes it stopped.
        """
        left = {record.identity: record.stop_signal for record in self._home.record().orphans}
        # The record may be older than the last start, and a killed leader leaves children: the marker finds them all.
        for identity in marked(self._home.instance):
            left.setdefault(identity, int(signal.SIGTERM))
        stop_together(left, timeout=30.0)
        self._write_record()
        return len(left)

    def start(self, services: Sequence[Service], environment: Mapping[str, str] | None = None) -> None:
        """Start services side by side and wait until each answers.

        Parameters
        ----------
        services : sequence of Service
        environment : mapping, optional
            Variables for these services and those started after them.

        Raises
        ------
        ServiceFailed
            If one does not start or answer in time.
        """
        self.launch(services, environment)
        self.wait_ready(services)

    def launch(self, services: Sequence[Service], environment: Mapping[str, str] | None = None) -> None:
        """Start services without waiting for them."""
        self._environment.update(environment or {})
        if not services:
            return
        taken: set[int] = set()
        for service in services:
            if service.port is not None:
                service.port = next_free(service.port, taken=frozenset(taken))
                taken.add(service.port)
        self._launches.append([service.NAME for service in services])
        self._side_by_side(self._spawn, services)
        if self._monitor is None:
            self._monitor = threading.Thread(target=self._watch, name="supervisor", daemon=True)
            self._monitor.start()

    def wait_ready(self, services: Sequence[Service]) -> None:
        """Wait until services answer.

        Raises
        ------
        ServiceFailed
            If one does not in time.
        """
        if services:
            self._side_by_side(self._wait_ready, services)
        self._write_record()

    def _side_by_side(self, function: Callable[[Service], None], services: Sequence[Service]) -> None:
        with ThreadPoolExecutor(len(services)) as pool:
            try:
                list(pool.map(function, services))
            except Exception:
                raise
            except BaseException:
                # Interrupted: the threads must not go on waiting for what is about to be stopped.
                self._stopping.set()
                raise

    def publish(self, urls: Mapping[str, str], *, ready: bool = False) -> None:
        """Write down the URLs for other processes of the owner, and whether all has come up."""
        with self._lock:
            self._record = replace(self._record, urls={**self._record.urls, **urls}, ready=ready)
            self._write_record()

    def _spawn(self, service: Service) -> None:
        if self._stopping.is_set():
            return
        service.prepare()
        _rotate(service.log, limit=MAX_LOG_BYTES)
        descriptor = os.open(service.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            stamp = datetime.now(UTC).isoformat(timespec="seconds")
            log.write(f"--- started {stamp}\n".encode())
            log.flush()
            process = subprocess.Popen(  # noqa: S603 - services give their own programs
                service.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops in order.
                start_new_session=True,
                env={
                    **os.environ,
                    **self._environment,
                    **service.environment(),
                    MARKER: self._home.instance,
                    "PYTHONUNBUFFERED": "1",
                },
                **service.spawn_options(),
            )
        identity = ProcessIdentity.of(process.pid) or ProcessIdentity(process.pid, -1.0)
        with self._lock:
            known = self._running.get(service.NAME)
            running = _Running(service, process, identity, time.monotonic())
            if known is not None:
                running.backoff, running.awaited = known.backoff, known.awaited
            self._running[service.NAME] = running
        self._write_record()
        if self._stopping.is_set():
            stop(identity, stop_signal=service.STOP_SIGNAL, timeout=service.STOP_SECONDS)

    def _wait_ready(self, service: Service) -> None:
        deadline = time.monotonic() + service.START_SECONDS
        tries = _PORT_TRIES
        while time.monotonic() < deadline and not self._stopping.is_set():
            running = self._running[service.NAME]
            # First whether it still runs: a server that lost its port would be mistaken for the one that took it.
            if not has_exited(running.process):
                if service.ready() and not has_exited(running.process):
                    running.ready = True
                    running.awaited = False
                    return
            elif service.port is not None and not is_free(service.port) and tries:
                tries -= 1
                service.port = next_free(service.port + 1)
                self._spawn(service)
            else:
                break
            time.sleep(POLL_SECONDS)
        if self._stopping.is_set():
            raise ServiceFailed(f"{service.TITLE} was stopped while it started")
        why = _last_line(service.log) if has_exited(self._running[service.NAME].process) else "no answer in time"
        raise ServiceFailed(f"{service.TITLE} did not start ({why}); its log is {service.log}")

    def _watch(self) -> None:
        checked_logs = time.monotonic()
        while not self._stopping.wait(_MONITOR_SECONDS):
            now = time.monotonic()
            for running in list(self._running.values()):
                self._look_after(running, now)
            if now - checked_logs > _STEADY_SECONDS:
                checked_logs = now
                for running in list(self._running.values()):
                    _rotate(running.service.log, limit=MAX_LOG_BYTES, in_use=True)

    def _look_after(self, running: _Running, now: float) -> None:
        service = running.service
        if running.awaited:
            return
        if not has_exited(running.process):
            if not running.ready and running.restart_at is None and service.ready():
                running.ready = True
                self._tell(f"{service.TITLE} is back")
            if now - running.started_at > _STEADY_SECONDS:
                running.backoff = _FIRST_BACKOFF_SECONDS
            return
        if running.restart_at is None:
            running.restart_at = now + running.backoff
            self._tell(f"{service.TITLE} stopped unexpectedly (status {running.process.returncode}); starting it again")
        elif now >= running.restart_at:
            running.backoff = min(running.backoff * 2, _LONGEST_BACKOFF_SECONDS)
            running.restart_at = None
            try:
                self._spawn(service)
            except Exception as error:
                running.restart_at = now + running.backoff
                self._tell(f"{service.TITLE} could not be started again: {error}")

    def _tell(self, message: str) -> None:
        with suppress(OSError), (self._home.logs / "supervisor.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {message}\n")
        if self._on_event is not None:
            self._on_event(message)

    def stop(self) -> None:
        """Stop every service, those launched last first, those launched together side by side. Safe to call twice."""
        self._stopping.set()
        if self._monitor is not None and self._monitor is not threading.current_thread():
            self._monitor.join(timeout=30.0)
        for launched in reversed(self._launches):
            running = [self._running[name] for name in launched if name in self._running]
            if not running:
                continue
            signals = {one.identity: int(one.service.STOP_SIGNAL) for one in running}
            stop_together(signals, timeout=max(one.service.STOP_SECONDS for one in running))
            for one in running:
                with suppress(subprocess.TimeoutExpired):
                    one.process.wait(timeout=5.0)
        end(marked(self._home.instance))
        with self._lock:
            self._running.clear()
            self._home.clear_record()
            self._closed = True

    def _write_record(self) -> None:
        with self._lock:
            if self._closed:
                return
            processes = tuple(
                ProcessRecord(
                    name=running.service.NAME,
                    pid=running.identity.pid,
                    started=running.identity.started,
                    port=running.service.port,
                    stop_signal=int(running.service.STOP_SIGNAL),
                )
                for running in self._running.values()
            )
            self._record = replace(self._record, processes=processes)
            self._home.write_record(self._record)


def _rotate(path: Path, *, limit: int, in_use: bool = False) -> None:
    """Move a log that grew past the limit aside.

    One in use is copied and cut: its writer holds it open, for appending, and goes on at the new end.
    """
    try:
        if path.stat().st_size < limit:
            return
        for number in range(KEPT_LOGS - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        if in_use:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)
        else:
            path.replace(path.with_name(f"{path.name}.1"))
    except OSError:
        return


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 4000))
            lines = [line.strip() for line in stream.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "it wrote nothing"
    return lines[-1] if lines and not lines[-1].startswith("---") else "it wrote nothing"

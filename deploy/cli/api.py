"""``cap api``: serve all of the API or some of its services, in one process or several."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import typer
from pydantic import SecretStr

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.options import read_settings
from deploy.local.home import Home
from deploy.local.stack import environment_of, settings_with_urls
from stores.settings import Settings

ALL = "all"
_BACKLOG = 2_048
_POLL_S = 0.1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_STEADY_S = 60.0


def serve(home: Path | None, services: Sequence[str], host: str | None, port: int | None, workers: int) -> None:
    """Serve until told to stop.

    Raises
    ------
    WrongUse
        If there is no such service.
    CommandFailed
        If the port is taken.
    stores.settings.MissingStore
        If there is no database or no secret key.
    """
    settings = with_stores(read_settings(home))
    settings = settings.model_copy(update={"services": _chosen(services)})
    if host is not None:
        settings = settings.model_copy(update={"api_host": host})
    if port is not None:
        settings = settings.model_copy(update={"api_port": port})
    settings.require("postgres_url")
    settings.require("secret_key")
    listener = _listen(settings.api_host, settings.api_port)
    names = ", ".join(settings.services) or ALL
    where = "{}:{}".format(*listener.getsockname()[:2])
    typer.echo(f"Serving {names} on http://{where} with {workers} process{'es' if workers > 1 else ''}.", err=True)
    if workers > 1:
        _Workers(settings, listener, workers).run()
        return
    from api.server import run

    run(settings, listener)


def _chosen(services: Sequence[str]) -> tuple[str, ...]:
    from api.main import Service

    known = {service.value for service in Service}
    for name in services:
        if name not in known and name != ALL:
            raise WrongUse(f"--service: there is no {name!r}; there are: {', '.join([*sorted(known), ALL])}")
    return () if ALL in services else tuple(dict.fromkeys(services))


def with_stores(settings: Settings) -> Settings:
    """Settings with the URLs and the secret key of the instance that runs on the home folder, if one does."""
    folder = Home(settings.home)
    record = folder.record()
    if record.running:
        settings = settings_with_urls(settings, record.urls)
        if settings.secret_key is None:
            settings = settings.model_copy(update={"secret_key": SecretStr(folder.secret("secret_key"))})
    return settings


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CommandFailed(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host and --port"
        ) from None
    listener.listen(_BACKLOG)
    return listener


class _Workers:
    """Processes that serve on one socket; one that ends is replaced."""

    def __init__(self, settings: Settings, listener: socket.socket, number: int) -> None:
        self._listener = listener
        self._number = number
        # Once told to stop, a process has so long to drain, to finish what is under way, and to close its stores.
        self._stop_s = settings.drain_s + settings.stop_s + 10
        self._environment = {
            **os.environ,
            **environment_of(settings),
            "CAP_SERVICES": ",".join(settings.services),
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = False

    def run(self) -> None:
        """Keep them running until told to stop, and stop them."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        with tempfile.TemporaryDirectory(prefix="cap-metrics-") as counts:
            self._environment["PROMETHEUS_MULTIPROC_DIR"] = counts
            try:
                self._processes = [self._spawn() for _ in range(self._number)]
                self._watch(counts)
            finally:
                self._end()
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping = True

    def _spawn(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "api.server", str(descriptor)],
            env=self._environment,
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            # Ctrl-C in a terminal reaches the whole group; they are told once, by this process.
            process_group=0,
        )

    def _watch(self, counts: str) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        pause, started = _FIRST_PAUSE_S, time.monotonic()
        while not self._stopping:
            time.sleep(_POLL_S)
            for index, process in enumerate(self._processes):
                if process.poll() is None or self._stopping:
                    continue
                mark_process_dead(process.pid, counts)
                if time.monotonic() - started > _STEADY_S:
                    pause = _FIRST_PAUSE_S
                typer.echo(f"cap: a process of the API ended ({process.returncode}); another takes its place", err=True)
                time.sleep(pause)
                pause, started = min(pause * 2, _LONGEST_PAUSE_S), time.monotonic()
                self._processes[index] = self._spawn()

    def _end(self) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
        # Theirs are enough; what came in by this one when they have closed theirs, nobody would take.
        self._listener.close()
        deadline = time.monotonic() + self._stop_s
        for process in self._processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

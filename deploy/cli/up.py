"""``cap up``: the whole platform on this machine, until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from deploy.cli.errors import CommandFailed
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import Options, read_settings, remember
from deploy.cli.pipeline_process import ANSWERED, FINISHED, PREPARED
from deploy.cli.status import masked
from deploy.local.api import Api
from deploy.local.backtester import Backtester
from deploy.local.dagster_services import CodeServer, DagsterDaemon, DagsterUi, code_locations, write_workspace
from deploy.local.errors import ServiceFailed
from deploy.local.home import Home
from deploy.local.processes import MARKER, ProcessIdentity, stop
from deploy.local.stack import LocalStack, environment_of, stored_urls
from deploy.local.worker import Worker
from stores.settings import Settings

_DETACHED_START_SECONDS = 900.0
_STOP_RUN_SECONDS = 20.0


def say(text: str) -> None:
    """Print a line at once."""
    typer.echo(text)


def run_platform(options: Options, home: Path | None, *, debug: bool) -> None:
    """Start everything, run the graph once, supervise until interrupted.

    Raises
    ------
    CommandFailed
        If the run could not begin; what was started is stopped again.
    """
    base = read_settings(home)
    settings = options.over(base, Home(base.home).read_config())
    # Who asked for the exchange by name wants it or nothing.
    asked = options.source is not None or "source" in base.model_fields_set
    try:
        with raise_on_signals():
            stack = LocalStack(settings, command="up", on_event=say)
            try:
                _serve(stack, or_simulate=not asked, debug=debug)
            finally:
                if stack.started:
                    say("Stopping ...")
                    stack.stop()
                    say("Stopped.")
    except KeyboardInterrupt:
        return


def _serve(stack: LocalStack, *, or_simulate: bool, debug: bool) -> None:
    began = time.monotonic()
    settings = stack.start()
    if stack.recovered:
        say(f"Stopped {stack.recovered} processes that an instance killed before had left; going on with its data.")
    stack.home.write_config(remember(settings))
    for name, url in stored_urls(settings).items():
        say(f"{name:<19} {masked(url)}")
    platform = _Platform(stack, settings)
    with _pipeline(stack, settings, or_simulate=or_simulate, debug=debug) as run:
        for event in run.events():
            platform.react(event)
    if run.code != 0:
        log = stack.home.logs / "run.log"
        if not platform.answered:
            raise CommandFailed(f"the run of the graph could not begin; what the libraries said is in {log}")
        # What is stored can be served, the UI shows what failed, and the next new bars are the next try.
        say(f"The run of the graph failed; the platform goes on with what is stored. The details are in {log}")
    platform.announce(began)
    threading.Event().wait()


class _Platform:
    """The API, the worker and Dagster, each started as soon as what it needs is there."""

    def __init__(self, stack: LocalStack, settings: Settings) -> None:
        self._stack = stack
        self._settings = settings
        self._api: Api | None = None
        self._worker: Worker | None = None
        self._dagster: threading.Thread | None = None
        self._dagster_url = ""

    @property
    def answered(self) -> bool:
        """Whether the source has answered, so that the run had something to begin with."""
        return self._dagster is not None

    def react(self, event: Mapping[str, Any]) -> None:
        """Take a step when the run has."""
        if event["event"] == PREPARED:
            environment = self._stack.environment()
            public = "public_url" not in self._settings.model_fields_set
            self._api = Api(self._stack.home, self._settings.api_port, self._settings.api_host, public=public)
            self._worker = Worker(self._stack.home, self._settings.worker_port, self._api if public else None)
            backtester = Backtester(self._stack.home, None)
            self._stack.supervisor.launch([self._api, self._worker, backtester], environment)
        elif event["event"] == ANSWERED:
            # Its sensors ask the source of these settings: the one that answered.
            settings = self._settings.model_copy(update={"source": str(event["source"])})
            self._dagster = threading.Thread(target=self._start_dagster, args=(settings,), daemon=True)
            self._dagster.start()
        elif event["event"] == FINISHED and event["failed_checks"]:
            say(
                f"Checks of the data failed: {', '.join(event['failed_checks'])}; the Dagster UI shows what they found."
            )

    def _start_dagster(self, settings: Settings) -> None:
        supervisor, home = self._stack.supervisor, self._stack.home
        try:
            servers = [CodeServer(home, location) for location in code_locations()]
            supervisor.start(servers, environment_of(settings))
            workspace = write_workspace(home, servers)
            ui = DagsterUi(home, self._stack.ports.dagster, workspace)
            daemon = DagsterDaemon(home, workspace)
            supervisor.start([ui, daemon])
            self._dagster_url = ui.url
            supervisor.publish({"dagster": ui.url})
        except ServiceFailed as error:
            if not supervisor.stopping:
                say(f"cap: {error}")

    def announce(self, began: float) -> None:
        """Wait for what is still on its way and print where it is."""
        if self._api is not None and self._worker is not None:
            self._stack.supervisor.wait_ready([self._api, self._worker])
            self._stack.supervisor.publish({"api": self._api.url, "worker": self._worker.url})
            from api.dashboard import DEFAULT_FOLDER

            folder = self._settings.ui_dir or DEFAULT_FOLDER
            if (folder / "index.html").is_file():
                self._stack.supervisor.publish({"ui": self._api.url})
                say(f"Dashboard           {self._api.url}/")
            say(f"API                 {self._api.url}/v1/signals")
        if self._dagster is not None:
            if self._dagster.is_alive():
                say("The Dagster UI is about to come up ...")
            self._dagster.join()
            if self._dagster_url:
                say(f"Dagster UI          {self._dagster_url}")
        self._stack.supervisor.publish({}, ready=True)
        say(f"Up after {time.monotonic() - began:.0f} s. Ctrl-C stops it; 'cap status' shows where everything is.")


class _Run:
    """The run's process and what it tells."""

    def __init__(self, process: subprocess.Popen[bytes], events: int) -> None:
        self._process = process
        self._events = events

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what it tells until it ends."""
        with os.fdopen(self._events) as stream:
            for line in stream:
                yield json.loads(line)
        self._process.wait()

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it, with what it started, if it still runs."""
        identity = ProcessIdentity.of(self._process.pid)
        if identity is not None and self.code is None:
            stop(identity, stop_signal=signal.SIGINT, timeout=_STOP_RUN_SECONDS)


@contextmanager
def _pipeline(stack: LocalStack, settings: Settings, *, or_simulate: bool, debug: bool) -> Iterator[_Run]:
    reader, writer = os.pipe()
    flags = [*(["--or-simulate"] if or_simulate else []), *(["--debug"] if debug else [])]
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "deploy.cli.pipeline_process", "--events", str(writer), *flags],
        pass_fds=[writer],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **environment_of(settings), MARKER: stack.home.instance},
    )
    os.close(writer)
    run = _Run(process, reader)
    try:
        yield run
    finally:
        run.stop()


def run_detached(options: Options, home: Path | None, *, debug: bool) -> None:
    """Start the platform in the background and come back when it is up.

    Raises
    ------
    CommandFailed
        If it does not come up.
    """
    base = read_settings(home)
    folder = Home(base.home)
    folder.create()
    log = folder.logs / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "deploy.cli.main", "up", *_arguments(options), *(["--debug"] if debug else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "CAP_HOME": str(folder.path), "PYTHONUNBUFFERED": "1"},
        )
    with raise_on_signals(), log.open(errors="replace") as printed:
        try:
            _follow(process, folder, printed)
        except BaseException:
            identity = ProcessIdentity.of(process.pid)
            if identity is not None:
                stop(identity, stop_signal=signal.SIGTERM, timeout=60.0)
            raise
    say("It goes on in the background; 'cap down' stops it.")


def _follow(process: subprocess.Popen[bytes], home: Home, printed: Any) -> None:
    deadline = time.monotonic() + _DETACHED_START_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        record = home.record()
        text = printed.read()
        if text:
            typer.echo(text, nl=False)
        if code is not None:
            raise CommandFailed(f"the platform did not come up; all it said is in {home.logs / 'up.log'}")
        if record.ready and record.supervisor is not None and record.supervisor.pid == process.pid:
            return
        time.sleep(0.1)
    raise CommandFailed(f"the platform did not come up in time; see {home.logs / 'up.log'}")


def _arguments(options: Options) -> list[str]:
    pairs = [("--source", options.source)]
    pairs += [("--market", market) for market in options.markets or ()]
    pairs += [("--timeframe", timeframe) for timeframe in options.timeframes or ()]
    pairs += [(f"--{name}", day.isoformat()) for name in ("since", "until") if (day := getattr(options, name))]
    pairs.append(("--strategies", str(options.strategies) if options.strategies else None))
    return [part for name, value in pairs if value is not None for part in (name, value)]

"""``cap up`` as its user sees it: a simulated market from nothing to signals, Ctrl-C, kill -9, and again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.dashboard import DEFAULT_FOLDER
from deploy.cli.status import NAMES
from deploy.local.home import Home, HomeLock
from deploy.local.processes import ProcessIdentity, marked, working_in
from tests.deploy.small_services import eventually

_SINCE = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
_MARKET = ["--source", "sim", "--market", "binance:BTCUSDT", "--timeframe", "1h", "--since", _SINCE]


def cap(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", *arguments, "--home", str(home)],
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=300,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CAP_", "DAGSTER_"))}


@dataclass
class Instance:
    """A running ``cap up`` and what it prints."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def up(self) -> bool:
        assert self.process.poll() is None, self.printed
        return "Ctrl-C stops it" in self.printed


def start(home: Path, *arguments: str) -> Instance:
    output = home.with_name(f"{home.name}.out")
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli.main", "up", *arguments, "--home", str(home)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    return Instance(home, process, output)


def nothing_left(home: Path) -> bool:
    folder = Home(home)
    return (
        marked(folder.instance) == []
        and working_in(home / "postgres" / "data", "postgres") == []
        and not HomeLock.held(folder)
        and not (home / "processes.json").exists()
    )


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = start(tmp_path_factory.mktemp("up") / "home", *_MARKET)
    try:
        eventually(instance.up, 300)
        yield instance
    finally:
        # Whatever a failing test left, orphans of killed ones too.
        cap(instance.home, "down")


def _status(home: Path) -> dict[str, Any]:
    done = cap(home, "status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _get(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
        return json.loads(reply.read())


def test_it_prints_where_everything_is_and_that_the_market_is_simulated(platform: Instance) -> None:
    printed = platform.printed
    for pattern in (
        r"API +http://127\.0\.0\.1:\d+/v1/signals",
        r"Dagster UI +http://127\.0\.0\.1:\d+",
        r"Markets: sim:BTCUSDT",
    ):
        assert re.search(pattern, printed), printed
    assert "SIMULATED MARKET" in printed
    assert "Newest signals, simulated" in printed or "No signal has been published yet" in printed
    assert ":***@" in printed
    for url in Home(platform.home).record().urls.values():
        if "@" in url:
            assert url.split("@")[0].rsplit(":", 1)[1] not in printed


def test_status_names_everything_with_usable_urls(platform: Instance) -> None:
    status = _status(platform.home)
    assert tuple(status) == NAMES
    for name in ("clickhouse", "postgres", "redis", "api", "worker", "dagster"):
        assert status[name]["healthy"] is True, name
    assert status["kafka"] == {"url": None, "healthy": False}
    if (DEFAULT_FOLDER / "index.html").is_file():
        assert status["ui"] == {"url": status["api"]["url"], "healthy": True}
        assert f"Dashboard           {status['ui']['url']}/" in platform.printed
    else:
        assert status["ui"] == {"url": None, "healthy": False}
    import clickhouse_connect
    import psycopg

    with clickhouse_connect.get_client(
        dsn=status["clickhouse"]["analyst_url"], autogenerate_session_id=False
    ) as client:
        assert client.query("SELECT count() > 400 FROM market.candles WHERE exchange = 'sim'").result_rows == [(1,)]
    with psycopg.connect(status["postgres"]["url"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("cap",)
    shown = cap(platform.home, "status").stdout
    assert "***" in shown
    assert status["redis"]["url"] not in shown


def test_the_api_and_dagster_serve_the_run(platform: Instance) -> None:
    status = _status(platform.home)
    markets = _get(f"{status['api']['url']}/v1/markets")
    assert any("sim:BTCUSDT" in json.dumps(market) for market in markets["items"])
    query = (
        "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus "
        "locationOrLoadError { __typename ... on PythonError { message } } } } } "
        "runsOrError { ... on Runs { results { status } } } }"
    )
    answer = _get(f"{status['dagster']['url']}/graphql", {"query": query})["data"]
    locations = {
        entry["name"]: entry["locationOrLoadError"]["__typename"]
        for entry in answer["workspaceOrError"]["locationEntries"]
    }
    assert locations == {"platform": "RepositoryLocation", "marts": "RepositoryLocation"}
    assert "SUCCESS" in {run["status"] for run in answer["runsOrError"]["results"]}


def test_a_second_up_on_the_same_home_says_so(platform: Instance) -> None:
    before = Home(platform.home).record()
    assert len(before.processes) == 11
    done = cap(platform.home, "up", *_MARKET)
    assert done.returncode == 1
    assert re.fullmatch(r"cap: 'cap up' \(process \d+\) already uses .*; stop it with 'cap down'.*\n", done.stderr)
    assert done.stdout == ""
    assert platform.process.poll() is None
    assert Home(platform.home).record() == before
    assert all(process.identity.alive for process in before.processes)


def test_a_run_beside_it_uses_its_stores(platform: Instance) -> None:
    before = Home(platform.home).record()
    done = cap(platform.home, "run", *_MARKET)
    assert done.returncode == 0, done.stderr
    assert "Bars: 0 new" in done.stdout or "SIMULATED" in done.stdout
    after = Home(platform.home).record()
    assert after.urls == before.urls
    assert {process.name: process.pid for process in after.processes} == {
        process.name: process.pid for process in before.processes
    }


def test_no_password_in_its_logs(platform: Instance) -> None:
    passwords = {
        url.split("@")[0].rsplit(":", 1)[1] for url in Home(platform.home).record().urls.values() if "@" in url
    }
    for path in (platform.home / "logs").iterdir():
        text = path.read_text(errors="replace")
        assert not any(password in text for password in passwords), path.name
    assert not any(
        password in path.read_text() for path in (platform.home / "dagster").glob("*.yaml") for password in passwords
    )


def test_ctrl_c_stops_all_of_it_and_only_that(platform: Instance) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as stranger:
        platform.process.send_signal(signal.SIGINT)
        assert platform.process.wait(60) == 0, platform.printed
        assert platform.printed.rstrip().endswith("Stopped.")
        assert nothing_left(platform.home)
        assert stranger.poll() is None
        stranger.kill()


def test_after_kill_9_it_goes_on_with_the_same_data_and_markets(platform: Instance) -> None:
    assert platform.process.poll() is not None, "the test before has stopped it"
    first = start(platform.home)
    try:
        eventually(lambda: "Preparing" in first.printed, 300)  # and the run has begun
    finally:
        first.process.kill()
        first.process.wait()
    orphans = [record.identity for record in Home(platform.home).record().orphans]
    assert orphans
    detached = cap(platform.home, "up", "--detach")
    assert detached.returncode == 0, detached.stdout + detached.stderr
    assert "that an instance killed before had left" in detached.stdout
    assert "Markets: sim:BTCUSDT from" in detached.stdout, "without options it continues with the last ones"
    assert not any(orphan.alive for orphan in orphans)
    assert _status(platform.home)["dagster"]["healthy"] is True
    stopped = cap(platform.home, "down")
    assert (stopped.returncode, stopped.stdout) == (0, f"Stopped 'cap up' on {platform.home}.\n")
    assert nothing_left(platform.home)


def test_interrupted_while_it_starts_it_leaves_nothing(tmp_path: Path) -> None:
    instance = start(tmp_path / "home", *_MARKET)
    eventually(lambda: "redis" in instance.printed, 60)
    children = marked(Home(instance.home).instance)
    assert children
    instance.process.send_signal(signal.SIGINT)
    assert instance.process.wait(60) == 0
    assert nothing_left(instance.home)
    assert not any(child.alive for child in children)
    assert ProcessIdentity.of(instance.process.pid) is None

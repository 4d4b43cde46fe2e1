"""Ten kills at random moments, of the run and of its stores; then one run to the end gives the undisturbed tables."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local.home import Home
from tests.end_to_end.cap_runs import cap_run, command, differences, environment, stored

_ASKED = ("--source", "sim", "--market", "binance:ETHUSDT", "--timeframe", "5m", "--timeframe", "1h")
_DAYS = ("--since", "2024-02-01", "--until", "2024-03-31")
_VICTIMS = ("run", "clickhouse", "postgres")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """Home of a run that nothing happened to, and how long it took."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    began = time.monotonic()
    done = cap_run(home, *_ASKED, *_DAYS)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, time.monotonic() - began


def _kill(home: Path, victim: str, run: subprocess.Popen[bytes]) -> bool:
    """Kill the victim's whole process group; says whether it was there."""
    if victim == "run":
        run.kill()
        return True
    try:
        processes = Home(home).record().processes
    except (OSError, ValueError):
        return False
    for process in processes:
        if process.name == victim and process.identity.alive:
            os.killpg(os.getpgid(process.pid), signal.SIGKILL)
            return True
    return False


def _run_until_killed(home: Path, victim: str, after: float) -> bool:
    """Start a run and kill the victim once ``after`` seconds have gone by; says whether the kill met something."""
    with subprocess.Popen(
        command(home, *_ASKED, *_DAYS), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            run.wait(timeout=after)
        except subprocess.TimeoutExpired:
            met = _kill(home, victim, run)
            try:
                run.wait(timeout=300)
            except subprocess.TimeoutExpired:
                run.kill()
                raise
            return met
        return False


def test_ten_kills(tmp_path: Path, undisturbed: tuple[Path, float]) -> None:
    whole, took = undisturbed
    home = tmp_path / "home"
    chance = random.Random(20240229)
    met = 0
    for number in range(10):
        victim = _VICTIMS[number % len(_VICTIMS)]
        met += _run_until_killed(home, victim, chance.uniform(0.15, 0.85) * took)
    assert met >= 5, "the kills came too early or too late to meet anything"
    done = cap_run(home, *_ASKED, *_DAYS)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = stored(whole)
    assert not expected["market.zone_events"].is_empty()
    assert differences(expected, stored(home)) == []


def test_the_comparison_sees_one_lost_row(undisturbed: tuple[Path, float]) -> None:
    """Positive control of the comparison above."""
    whole, _ = undisturbed
    tables = stored(whole)
    short = {**tables, "market.indicators": tables["market.indicators"].slice(1)}
    assert len(differences(tables, short)) == 1

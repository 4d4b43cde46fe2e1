"""Backtests that people ask for, run by the real runner on stored bars; killed, told to stop, given up."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from deploy.backtests import runner as running
from deploy.backtests.runner import Runner
from deploy.local.stack import LocalStack
from engines.backtest.config import BacktestConfig, Sizing
from stores import database, warehouse
from tests.api.people import make_user
from tests.backtester import MARKET, process, store_hours
from tests.stack_fixtures import empty

PATIENCE_S = 120
CROSS = {"strategy": "moving_average_cross", "market": MARKET, "timeframe": "1h"}


@pytest.fixture(scope="module")
def stored(stack: LocalStack) -> LocalStack:
    """Three months of simulated hours, stored."""
    empty(stack)
    warehouse.migrate(stack.settings)
    database.migrate(stack.settings)
    store_hours(stack.settings)
    return stack


@pytest.fixture
def rows(stored: LocalStack) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The database of the queue, empty."""
    with psycopg.connect(stored.settings.require("postgres_url"), autocommit=True, row_factory=dict_row) as connection:
        connection.execute("DELETE FROM serving.backtests")
        yield connection


@pytest.fixture
def environment(stored: LocalStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Where a runner finds the stores."""
    variables = {**stored.environment(), "CAP_HOME": str(tmp_path / "home")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def asked(
    rows: psycopg.Connection[dict[str, Any]],
    stored: LocalStack,
    kind: str = "run",
    known_before: datetime | None = None,
    **changes: Any,
) -> str:
    request = {
        "start": None,
        "end": None,
        "parameters": {},
        "config": {},
        "vary": {},
        "walk_forward": None,
        "robust": False,
        **CROSS,
        **changes,
    }
    if request["strategy"] == CROSS["strategy"]:
        # It names no stop, so nothing can be sized by one.
        request["config"] = {"sizing": "equity_fraction", "size": 0.5, **request["config"]}
    made = str(uuid.uuid4())
    rows.execute(
        "INSERT INTO serving.backtests (backtest_id, user_id, kind, request, known_before, created_at) "
        "VALUES (%s, %s, %s, %s, %s, now())",
        (made, make_user(stored.settings).user_id, kind, Jsonb(request), known_before or datetime.now(UTC)),
    )
    return made


def row_of(rows: psycopg.Connection[dict[str, Any]], backtest_id: str) -> dict[str, Any]:
    found = rows.execute("SELECT * FROM serving.backtests WHERE backtest_id = %s", (backtest_id,)).fetchone()
    assert found is not None
    return found


def document(rows: psycopg.Connection[dict[str, Any]], backtest_id: str, name: str) -> bytes:
    found = rows.execute(
        "SELECT body FROM serving.backtest_documents WHERE backtest_id = %s AND name = %s", (backtest_id, name)
    ).fetchone()
    assert found is not None, name
    return bytes(found["body"])


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def one_runner(stored: LocalStack) -> Iterator[Runner]:
    made = Runner(stored.settings)
    try:
        yield made
    finally:
        made.close()


def run_all(stored: LocalStack, rows: psycopg.Connection[dict[str, Any]]) -> None:
    """Let a runner in this thread run what waits."""
    stopping = threading.Event()
    waiting = "SELECT count(*) AS left FROM serving.backtests WHERE ended_at IS NULL"

    def watch() -> None:
        with psycopg.connect(stored.settings.require("postgres_url"), autocommit=True) as own:
            while own.execute(waiting).fetchone() != (0,):
                time.sleep(0.05)
        stopping.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    with one_runner(stored) as made:
        made.run(stopping)
    thread.join()


@pytest.mark.usefixtures("environment")
def test_a_run_a_sweep_and_a_walk_forward_are_run_and_kept(
    stored: LocalStack, rows: psycopg.Connection[dict[str, Any]]
) -> None:
    grid = {"fast": [10, 20], "slow": [50, 100, 150]}
    run = asked(rows, stored, parameters={"fast": 12, "slow": 40}, config={"fees.taker_bp": 5}, robust=True)
    sweep = asked(rows, stored, "sweep", vary=grid)
    walk = asked(
        rows, stored, "walk_forward", vary=grid, walk_forward={"train_days": 40, "test_days": 15, "anchored": False}
    )
    run_all(stored, rows)

    done = row_of(rows, run)
    assert (done["status"], done["failure"]) == ("done", None)
    result = json.loads(document(rows, run, "result"))
    assert result["config"]["fees"]["taker_bp"] == 5
    assert (result["parameters"]["fast"], result["parameters"]["slow"]) == (12, 40)
    assert done["summary"]["metrics"] == result["metrics"]
    assert done["summary"]["verdict"]["sentence"]
    assert done["summary"]["notes"], "that the market is simulated is said"
    assert document(rows, run, "report").startswith(b"<!DOCTYPE html>")
    curve = json.loads(document(rows, run, "curve"))
    count = len(curve["ts"])
    assert count <= 2_000
    assert len(curve["equity"]) == len(curve["drawdown"]) == len(curve["buy_and_hold"]) == count
    assert curve["equity"][-1] == pytest.approx(10_000 * (1 + result["metrics"]["total_return"]))
    assert min(curve["drawdown"]) == pytest.approx(-abs(result["metrics"]["max_drawdown"]), rel=1e-6)
    assert max(curve["drawdown"]) <= 0

    swept = json.loads(document(rows, sweep, "sweep"))
    assert swept["parameters"] == ["fast", "slow"]
    assert {(one["fast"], one["slow"]) for one in swept["sets"]} == {(f, s) for f in (10, 20) for s in (50, 100, 150)}
    assert all("sharpe" in one and "deflated_sharpe" in one for one in swept["sets"])
    assert row_of(rows, sweep)["summary"]["sets"] == 6
    ended = row_of(rows, walk)
    assert (ended["status"], ended["failure"]) == ("done", None)
    assert ended["summary"]["verdict"]["out_of_sample"] is True
    windows = json.loads(document(rows, walk, "result"))["walk_forward"]["windows"]
    assert len(windows) >= 3
    for window in windows:
        assert window["train_begin"] < window["train_end"] <= window["test_begin"] < window["test_end"]
        assert (window["fast"], window["slow"]) in {(f, s) for f in (10, 20) for s in (50, 100, 150)}
        assert {"train_sharpe", "test_sharpe"} <= set(window)
    assert "walk_forward" not in result
    catalogue = {one["name"]: one["body"] for one in rows.execute("SELECT * FROM serving.backtest_catalogue")}
    names = {one["name"] for one in catalogue["strategies"]}
    assert {"moving_average_cross", "smc_pullback"} <= names
    assert {one["name"] for one in catalogue["strategies"] if not one["stops"]} == {"moving_average_cross"}
    fields = {one["name"]: one for one in catalogue["configuration"]}
    assert fields["fees.taker_bp"]["default"] == BacktestConfig().fees.taker_bp
    assert set(fields["sizing"]["choices"]) == {str(one) for one in Sizing}
    assert "sharpe" in {one["name"] for one in catalogue["metrics"]}


@pytest.mark.usefixtures("environment")
def test_nothing_that_became_known_later_is_in_it(stored: LocalStack, rows: psycopg.Connection[dict[str, Any]]) -> None:
    # In the middle of a bar: the one that was not closed by then is not in it either.
    edge = datetime(2024, 2, 10, 12, 30, tzinfo=UTC)
    bounded = asked(rows, stored, known_before=edge)
    nothing = asked(rows, stored, known_before=datetime(2024, 1, 1, 0, 30, tzinfo=UTC))
    run_all(stored, rows)
    result = json.loads(document(rows, bounded, "result"))
    assert datetime.fromisoformat(result["last"]) == datetime(2024, 2, 10, 11, tzinfo=UTC)
    refused = row_of(rows, nothing)
    assert refused["status"] == "failed"
    assert "that your plan shows" in refused["failure"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"strategy": "nothing_like_it"}, "no strategy named 'nothing_like_it'"),
        ({"parameters": {"fast": 50, "slow": 10}}, "fast"),
        ({"parameters": {"wrong": 1}}, "wrong"),
        ({"config": {"cash": -1}}, "cash"),
        ({"market": "sim:NOTHING"}, "sim:NOTHING"),
        ({"start": "2030-01-01"}, "2030-01-01"),
        ({"strategy": "smc_pullback", "timeframe": "2h"}, "2h"),
    ],
)
def test_what_cannot_be_run_says_why(
    stored: LocalStack, rows: psycopg.Connection[dict[str, Any]], changes: dict[str, Any], why: str
) -> None:
    wrong = asked(rows, stored, **changes)
    run_all(stored, rows)
    failed = row_of(rows, wrong)
    assert failed["status"] == "failed"
    assert why in failed["failure"]
    assert "Traceback" not in failed["failure"]


@pytest.mark.usefixtures("environment")
def test_a_fault_of_ours_is_told_without_its_details_and_the_next_one_is_run(
    stored: LocalStack, rows: psycopg.Connection[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = asked(rows, stored), asked(rows, stored)
    make = running.make_study

    def once(*arguments: Any) -> Any:
        monkeypatch.setattr(running, "make_study", make)
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(running, "make_study", once)
    run_all(stored, rows)
    failed = row_of(rows, first)
    assert failed["status"] == "failed"
    assert first in failed["failure"]
    assert "secret detail" not in failed["failure"]
    assert row_of(rows, second)["status"] == "done"


@pytest.mark.usefixtures("environment")
def test_one_that_is_given_up_stops(
    stored: LocalStack, rows: psycopg.Connection[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = asked(rows, stored, "sweep", vary={"fast": list(range(5, 25)), "slow": list(range(50, 100))})
    begun = running._sweep

    def give_up_first(*arguments: Any) -> Any:
        with psycopg.connect(stored.settings.require("postgres_url"), autocommit=True) as own:
            own.execute(
                "UPDATE serving.backtests SET status = 'cancelled', ended_at = now() WHERE backtest_id = %s",
                (unwanted,),
            )
        return begun(*arguments)

    monkeypatch.setattr(running, "_sweep", give_up_first)
    run_all(stored, rows)
    row = row_of(rows, unwanted)
    assert row["status"] == "cancelled"
    assert row["summary"] is None
    assert rows.execute("SELECT count(*) AS n FROM serving.backtest_documents").fetchone() == {"n": 0}


def test_killed_and_told_to_stop_it_loses_nothing(
    stored: LocalStack, rows: psycopg.Connection[dict[str, Any]], environment: dict[str, str], tmp_path: Path
) -> None:
    grid = {"fast": list(range(5, 45)), "slow": list(range(50, 100))}
    long = asked(rows, stored, "sweep", vary=grid)

    def running_sets() -> bool:
        row = row_of(rows, long)
        return row["status"] == "running" and row["stage"] == "Parameter sets"

    log = tmp_path / "log"
    with process(environment, log) as first:
        until(running_sets)
        first.send_signal(signal.SIGKILL)
        first.wait(30)
    assert row_of(rows, long)["status"] == "running", "nobody can say that it was killed"
    # As if its time had passed.
    rows.execute("UPDATE serving.backtests SET claimed_until = now() - interval '1 second', stage = NULL")
    with process(environment, log) as second:
        until(running_sets)
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    back = row_of(rows, long)
    assert (back["status"], back["attempts"]) == ("queued", 1), (
        "the one that was killed counts, the polite end does not"
    )
    with process(environment, log):
        until(lambda: row_of(rows, long)["status"] == "done")
    assert len(json.loads(document(rows, long, "sweep"))["sets"]) == 2_000
    assert row_of(rows, long)["ended_at"] - row_of(rows, long)["created_at"] < timedelta(minutes=10)

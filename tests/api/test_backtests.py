"""Backtests are asked for within one's plan, followed by their owner alone, and given up or deleted by him."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from api.entitlements import FREE
from deploy.backtests.documents import Document, Findings
from deploy.backtests.queue import BacktestQueue, Claim
from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.api.people import Person, give_plan, make_user
from tests.api.streaming import Hands

WANTED = {"strategy": "smc_pullback", "market": "binance:BTCUSDT", "timeframe": "15m"}
CATALOGUE = {
    "strategies": [
        {
            "name": "smc_pullback",
            "version": 1,
            "own": False,
            "reasons": [],
            "parameters": [{"name": "stop_atr", "default": 0.2, "kind": "number"}],
        }
    ],
    "configuration": [{"name": "cash", "default": 10_000.0, "kind": "number"}],
    "metrics": [{"name": "sharpe", "title": "Sharpe ratio", "unit": "ratio"}],
}


@pytest.fixture(scope="module")
def clock() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def asked(world: LocalStack, clock: Hands) -> Iterator[Served]:
    with serve(world.settings, clock=clock) as running:
        yield running


@pytest.fixture
def person(asked: Served, clock: Hands) -> Person:
    return make_user(asked.settings, now=clock.now)


@pytest.fixture
def queue(asked: Served) -> Iterator[BacktestQueue]:
    """The queue as a runner sees it, empty."""
    with psycopg.connect(asked.settings.require("postgres_url"), autocommit=True) as connection:
        connection.execute("DELETE FROM serving.backtests")
        connection.execute("DELETE FROM serving.backtest_catalogue")
    engine = database.engine(asked.settings, pool_size=2)
    yield BacktestQueue(engine, "one")
    engine.dispose()


def ask(served: Served, person: Person, **changes: Any) -> Any:
    return served.client.post("/v1/backtests", json={**WANTED, **changes}, headers=person.headers)


def made(served: Served, person: Person, **changes: Any) -> dict[str, Any]:
    reply = ask(served, person, **changes)
    assert reply.status_code == 202, reply.text
    assert reply.headers["location"] == f"/v1/backtests/{reply.json()['backtest_id']}"
    return reply.json()


def shown(served: Served, person: Person, backtest_id: str, path: str = "") -> Any:
    return served.client.get(f"/v1/backtests/{backtest_id}{path}", headers=person.headers)


def taken(queue: BacktestQueue) -> Claim:
    claim = queue.claim()
    assert claim is not None
    return claim


def test_one_that_is_asked_for_is_run_and_read(asked: Served, person: Person, queue: BacktestQueue) -> None:
    one = made(asked, person, parameters={"stop_atr": 0.3}, vary={})
    assert (one["status"], one["kind"], one["documents"]) == ("queued", "run", [])
    claim = taken(queue)
    assert (claim.backtest_id, claim.request["parameters"]) == (one["backtest_id"], {"stop_atr": 0.3})
    assert queue.claim() is None, "nobody else has it"
    assert queue.progress(claim, "Random entries", 3, 10)
    now = shown(asked, person, one["backtest_id"]).json()
    assert (now["status"], now["stage"], now["done"], now["total"]) == ("running", "Random entries", 3, 10)
    documents = (
        Document("report", "text/html; charset=utf-8", b"<html>found</html>"),
        Document("curve", "application/json", json.dumps({"ts": [1], "equity": [2.0]}).encode()),
    )
    assert shown(asked, person, one["backtest_id"], "/curve").status_code == 404
    assert queue.finish(claim, Findings({"metrics": {"sharpe": 1.5}}, documents))
    done = shown(asked, person, one["backtest_id"]).json()
    assert (done["status"], done["documents"]) == ("done", ["curve", "report"])
    assert done["summary"] == {"metrics": {"sharpe": 1.5}}
    assert done["ended_at"] >= done["started_at"]
    assert shown(asked, person, one["backtest_id"], "/curve").json() == {"ts": [1], "equity": [2.0]}
    missing = shown(asked, person, one["backtest_id"], "/sweep")
    assert missing.status_code == 404
    assert "has no sweep" in missing.json()["detail"]


def test_the_report_runs_apart_from_everything_of_ours(asked: Served, person: Person, queue: BacktestQueue) -> None:
    one = made(asked, person)
    queue.finish(taken(queue), Findings({}, (Document("report", "text/html; charset=utf-8", b"<html></html>"),)))
    reply = shown(asked, person, one["backtest_id"], "/report")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "nothing_like_it"}, "strategy"),
        ({"parameters": {"stop_art": 1}}, "parameters"),
        ({"config": {"stop_atr": 1}}, "config"),
        ({"vary": {"stop_art": [1, 2]}}, "vary"),
        ({"market": "BTC"}, "market"),
        ({"timeframe": "7m"}, "timeframe"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "body"),
        ({"walk_forward": {"train_days": 10, "test_days": 5}}, "body"),
        ({"vary": {"stop_atr": list(range(150)), "cash": list(range(1, 101))}}, "body"),
        ({"parameters": {"stop_atr": 1e300}}, "parameters"),
        ({"known_before": "2030-01-01"}, "known_before"),
        ({"parameters": {"stop_atr": {"a": 1}}}, "parameters"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(
    asked: Served, person: Person, queue: BacktestQueue, changes: dict[str, Any], field: str
) -> None:
    queue.tell(CATALOGUE)
    reply = ask(asked, person, **changes)
    assert reply.status_code == 422, reply.text
    assert reply.json()["errors"][0]["field"].startswith(field), reply.text
    assert queue.claim() is None


def test_a_plan_bounds_how_many_which_markets_and_how_late(
    asked: Served, person: Person, queue: BacktestQueue, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(FREE.backtests):
        made(asked, person)
    refused = ask(asked, person)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/plan-limit")
    choices = asked.client.get("/v1/backtests/choices", headers=person.headers).json()
    assert choices["left_today"] == 0
    # The plan's delay: what it does not show yet is not in a backtest either.
    assert taken(queue).known_before == clock.now - FREE.signal_delay
    give_plan(asked.settings, person.user_id, "pro", now=clock.now)
    assert made(asked, person)["status"] == "queued"
    last = [taken(queue) for _ in range(3)][-1]
    assert last.known_before == clock.now


def test_deleting_one_makes_no_room_for_another_today(
    asked: Served, person: Person, queue: BacktestQueue, clock: Hands
) -> None:
    ids = [made(asked, person)["backtest_id"] for _ in range(FREE.backtests)]
    for one in ids:
        assert asked.client.delete(f"/v1/backtests/{one}", headers=person.headers).status_code == 204
        assert shown(asked, person, one).status_code == 404
    assert asked.client.get("/v1/backtests", headers=person.headers).json()["items"] == []
    assert queue.claim() is None, "what was deleted is not run"
    assert ask(asked, person).status_code == 403


def test_nobody_else_sees_it(asked: Served, person: Person, queue: BacktestQueue, clock: Hands) -> None:
    one = made(asked, person)["backtest_id"]
    queue.finish(taken(queue), Findings({}, (Document("result", "application/json", b"{}"),)))
    other = make_user(asked.settings, now=clock.now)
    nothing = str(uuid.uuid4())
    for path in ("", "/result", "/report", "/curve", "/sweep"):
        theirs, none = (shown(asked, other, which, path) for which in (one, nothing))
        assert theirs.status_code == none.status_code == 404
        assert theirs.json()["detail"].replace(one, "") == none.json()["detail"].replace(nothing, "")
    for method, path in (("POST", f"/v1/backtests/{one}/cancel"), ("DELETE", f"/v1/backtests/{one}")):
        assert asked.client.request(method, path, headers=other.headers).status_code == 404
    assert asked.client.get("/v1/backtests", headers=other.headers).json()["items"] == []
    assert shown(asked, person, one, "/result").status_code == 200


def test_one_given_up_is_neither_run_nor_stored(asked: Served, person: Person, queue: BacktestQueue) -> None:
    waiting, running = made(asked, person)["backtest_id"], made(asked, person)["backtest_id"]
    cancel = asked.client.post(f"/v1/backtests/{waiting}/cancel", headers=person.headers)
    assert cancel.json()["status"] == "cancelled"
    claim = taken(queue)
    assert claim.backtest_id == running
    asked.client.post(f"/v1/backtests/{running}/cancel", headers=person.headers)
    assert not queue.alive(claim)
    assert not queue.progress(claim, "Backtest", 0, None)
    assert not queue.finish(claim, Findings({}, (Document("result", "application/json", b"{}"),)))
    after = shown(asked, person, running).json()
    assert (after["status"], after["documents"]) == ("cancelled", [])
    again = asked.client.post(f"/v1/backtests/{running}/cancel", headers=person.headers).json()
    assert again["ended_at"] == after["ended_at"], "what has ended stays as it is"


def test_a_dead_runner_s_backtest_goes_to_the_next_and_a_deadly_one_is_given_up(
    asked: Served, person: Person, queue: BacktestQueue
) -> None:
    one = made(asked, person)["backtest_id"]
    engine = database.engine(asked.settings, pool_size=1)
    second = BacktestQueue(engine, "two")

    def silence() -> None:
        with psycopg.connect(asked.settings.require("postgres_url"), autocommit=True) as connection:
            connection.execute("UPDATE serving.backtests SET claimed_until = now() - interval '1 second'")

    first = taken(queue)
    assert second.claim() is None
    silence()
    taken_over = second.claim()
    assert taken_over is not None
    assert taken_over.backtest_id == one
    # The first one was only slow: what it says now counts for nothing.
    assert not queue.progress(first, "Backtest", 0, None)
    assert not queue.finish(first, Findings({}))
    silence()
    assert queue.claim() is None
    given_up = shown(asked, person, one).json()
    assert given_up["status"] == "failed"
    assert "ended the program" in given_up["failure"]
    engine.dispose()


def test_a_runner_that_is_told_to_stop_puts_it_back(asked: Served, person: Person, queue: BacktestQueue) -> None:
    one = made(asked, person)["backtest_id"]
    for _ in range(5):
        assert queue.release(taken(queue))
    assert shown(asked, person, one).json()["status"] == "queued"


def test_they_are_listed_newest_first_in_pages(
    asked: Served, person: Person, queue: BacktestQueue, clock: Hands
) -> None:
    ids: list[str] = []
    for _ in range(FREE.backtests):
        ids.append(made(asked, person)["backtest_id"])
        clock.forward(timedelta(seconds=1))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = asked.client.get("/v1/backtests", params=parameters, headers=person.headers).json()
        seen += [item["backtest_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    assert datetime.fromisoformat(page["items"][0]["created_at"])


def test_the_same_key_asks_once(asked: Served, person: Person, queue: BacktestQueue) -> None:
    headers = {**person.headers, "Idempotency-Key": uuid.uuid4().hex}
    replies = [asked.client.post("/v1/backtests", json=WANTED, headers=headers) for _ in range(3)]
    assert len({reply.json()["backtest_id"] for reply in replies}) == 1
    assert taken(queue)
    assert queue.claim() is None

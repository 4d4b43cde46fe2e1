"""One shape for every error, and none that says too much."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.connections import Stores
from api.problems import TYPES, Problem, documented
from tests.api.conftest import Served

REQUIRED = {"type", "title", "status", "detail", "instance", "request_id"}


def problem(reply: httpx.Response, name: str) -> dict[str, Any]:
    body = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert set(body) >= REQUIRED
    assert (reply.status_code, body["status"]) == (TYPES[name].status, TYPES[name].status)
    assert (body["type"], body["title"]) == (TYPES[name].uri, TYPES[name].title)
    assert body["request_id"] == reply.headers["x-request-id"]
    return body


def test_a_path_that_does_not_exist(served: Served) -> None:
    assert problem(served.client.get("/v1/nothing"), "not-found")["instance"] == "/v1/nothing"
    problem(served.client.get("/v1/candles/"), "not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY"])
def test_a_method_that_is_not_taken(served: Served, method: str) -> None:
    reply = served.client.request(method, "/v1/markets")
    assert reply.headers["allow"] == "GET"
    if method != "HEAD":
        problem(reply, "method-not-allowed")


def test_every_wrong_parameter_is_named(served: Served) -> None:
    reply = served.client.get("/v1/candles", params={"market": "x", "timeframe": "15m", "limit": -1, "start": "now"})
    body = problem(reply, "invalid-parameters")
    assert {error["field"] for error in body["errors"]} == {"market", "limit", "start"}
    assert all(error["message"] for error in body["errors"])


def test_a_fault_of_ours_shows_nothing_of_itself(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Stores, "reading", fail)
    reply = served.client.get("/v1/signals", headers={"X-Request-ID": "find-me"})
    assert problem(reply, "internal-error")["request_id"] == "find-me"
    assert "secret detail" not in reply.text
    assert "Traceback" not in reply.text


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_type_of_a_problem_leads_to_its_meaning(served: Served, name: str) -> None:
    reply = served.client.get(TYPES[name].uri)
    assert reply.status_code == 200
    assert reply.json() == {
        "type": TYPES[name].uri,
        "title": TYPES[name].title,
        "status": TYPES[name].status,
        "meaning": TYPES[name].meaning,
    }


def test_an_unknown_type_of_problem(served: Served) -> None:
    assert "unknown-market" in problem(served.client.get("/problems/none"), "not-found")["detail"]


def test_a_problem_must_be_of_a_known_type() -> None:
    with pytest.raises(KeyError):
        Problem("something", "else")


def test_problems_of_one_status_are_documented_together() -> None:
    made = documented("not-found", "unknown-market", "internal-error")
    assert sorted(made) == [404, 500]
    assert TYPES["not-found"].meaning in made[404]["description"]
    assert TYPES["unknown-market"].meaning in made[404]["description"]

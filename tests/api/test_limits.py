"""Rate limits: exact over processes, separate by caller, said in headers, and with Redis gone as documented."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import redis
from fastapi import APIRouter

from api.entitlements import FREE
from api.limits.buckets import Allowance, Buckets
from api.limits.classes import RouteClass, class_of
from api.security.access import public, unchecked
from deploy.local.stack import LocalStack
from stores.settings import Settings
from tests.api.conftest import Served, serve
from tests.api.people import make_user
from tests.api.test_api_stores_down import closed_port, pointed

BURST = 5
# Slow enough that nothing grows back while a test runs.
SLOW = {
    "limits_exempt": (),
    "anonymous_requests_per_minute": 1,
    "anonymous_burst": BURST,
    "auth_requests_per_minute": 1,
    "auth_burst": 2,
}

extra = APIRouter()


@extra.post("/v1/auth/knock", dependencies=[unchecked()])
async def knock() -> dict[str, str]:
    return {}


@extra.get("/v1/things", dependencies=[public()])
async def things() -> dict[str, str]:
    return {}


@extra.get("/v1/things/export", dependencies=[public()])
async def export() -> dict[str, str]:
    return {}


@contextmanager
def limited(settings: Settings, **values: object) -> Iterator[Served]:
    with redis.Redis.from_url(settings.require("redis_url")) as cache:
        for key in cache.scan_iter("cap:limit:*"):
            cache.delete(key)
    with serve(settings.model_copy(update={**SLOW, **values}), [extra]) as running:
        yield running


@pytest.fixture
def counted(world: LocalStack) -> Iterator[Served]:
    with limited(world.settings) as running:
        yield running


def statuses(served: Served, path: str, times: int, method: str = "GET", **more: object) -> list[int]:
    return [served.client.request(method, path, **more).status_code for _ in range(times)]  # type: ignore[arg-type]


def metric(served: Served, route_class: str, result: str) -> float:
    line = re.search(
        rf'cap_limit_decisions_total{{result="{result}",route_class="{route_class}"}} (\S+)'
        rf'|cap_limit_decisions_total{{route_class="{route_class}",result="{result}"}} (\S+)',
        served.client.get("/metrics").text,
    )
    return float(line[1] or line[2]) if line else 0.0


def test_a_burst_is_let_through_and_the_next_is_told_when(counted: Served) -> None:
    replies = [counted.client.get("/v1/things") for _ in range(BURST + 1)]
    assert [one.status_code for one in replies] == [200] * BURST + [429]
    assert [one.headers["ratelimit"].split(";")[1] for one in replies] == ["r=4", "r=3", "r=2", "r=1", "r=0", "r=0"]
    assert {one.headers["ratelimit-policy"] for one in replies} == {'"anonymous";q=5;w=300'}
    assert re.fullmatch(r'"anonymous";r=0;t=(299|300)', replies[-1].headers["ratelimit"])
    refused = replies[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/too-many-requests"
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert all("retry-after" not in one.headers for one in replies[:-1])
    assert metric(counted, "read", "admitted") == BURST
    assert metric(counted, "read", "refused") == 1


def test_health_and_descriptions_are_never_limited(counted: Served) -> None:
    statuses(counted, "/v1/things", BURST + 1)
    for path in ("/healthz", "/metrics", "/openapi.json", "/problems/too-many-requests"):
        reply = counted.client.get(path)
        assert (reply.status_code, "ratelimit" in reply.headers) == (200, False)


def test_each_caller_has_a_limit_of_his_own(counted: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(FREE, plan="tiny", requests_per_minute=1, burst=2)
    monkeypatch.setattr("api.security.principal.of_plan", lambda _: small)
    first, second = make_user(counted.settings), make_user(counted.settings)
    assert statuses(counted, "/v1/things", 3, headers=first.headers) == [200, 200, 429]
    assert statuses(counted, "/v1/things", 3, headers=second.headers) == [200, 200, 429]
    assert statuses(counted, "/v1/things", 1) == [200]
    reply = counted.client.get("/v1/things", headers=first.headers)
    assert reply.headers["ratelimit-policy"] == '"tiny";q=2;w=120'


def test_forged_addresses_are_one_address(counted: Served) -> None:
    given = [
        counted.client.get("/v1/things", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(BURST + 1)
    ]
    assert given == [200] * BURST + [429]


def test_behind_a_proxy_of_ours_each_client_counts(world: LocalStack) -> None:
    with limited(world.settings, trusted_proxies=("127.0.0.1/32",)) as served:
        for client in ("203.0.113.1", "203.0.113.2"):
            seen = statuses(served, "/v1/things", BURST + 1, headers={"X-Forwarded-For": f"1.2.3.4, {client}"})
            assert seen == [200] * BURST + [429]


def test_bad_credentials_use_up_the_limit_of_the_address(counted: Served) -> None:
    wrong = {"Authorization": "Bearer cap_wrong"}
    assert statuses(counted, "/v1/things", BURST + 1, headers=wrong) == [401] * BURST + [429]


def test_dear_routes_count_for_more(world: LocalStack) -> None:
    with limited(world.settings, anonymous_burst=45) as served:
        assert statuses(served, "/v1/things/export", 3) == [200, 200, 429]
        # A refused request costs nothing: what is left is left.
        assert statuses(served, "/v1/things", 6) == [200] * 5 + [429]


def test_sign_in_is_stricter_and_apart(counted: Served) -> None:
    assert statuses(counted, "/v1/auth/knock", 3, "POST") == [200, 200, 429]
    assert statuses(counted, "/v1/things", 1) == [200]


def test_trusted_local_use_is_not_counted(world: LocalStack) -> None:
    with limited(world.settings, limits_exempt=("127.0.0.0/8",)) as served:
        replies = [served.client.get("/v1/things") for _ in range(BURST + 3)]
        assert all(one.status_code == 200 and "ratelimit" not in one.headers for one in replies)
        assert metric(served, "read", "exempt") == BURST + 3


def test_without_redis_reads_go_on_and_sign_in_does_not(world: LocalStack) -> None:
    gone = pointed(world.settings, "redis", closed_port()).model_copy(update=SLOW)
    with serve(gone, [extra]) as served:
        assert statuses(served, "/v1/things", BURST + 3) == [200] * (BURST + 3)
        refused = served.client.post("/v1/auth/knock")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/store-unavailable")
        assert refused.headers["retry-after"]
        assert metric(served, "read", "open") == BURST + 3
        assert metric(served, "auth", "closed") == 1


def test_a_clock_set_back_locks_nobody_out(world: LocalStack) -> None:
    settings = world.settings
    with redis.Redis.from_url(settings.require("redis_url")) as cache:
        seconds, _ = cache.time()  # type: ignore[misc]
        cache.set("cap:limit:late", str((seconds + 86_400) * 1_000_000), px=600_000)

    async def ask() -> tuple[bool, int]:
        buckets = Buckets(settings)
        try:
            decision = await buckets.take("late", Allowance("x", 60, 10))
        finally:
            await buckets.close()
        return decision.admitted, decision.retry_s

    assert asyncio.run(ask()) == (False, 1)


def test_what_is_dearer_than_a_burst_is_let_through_after_a_pause(world: LocalStack) -> None:
    async def ask() -> list[bool]:
        buckets = Buckets(world.settings)
        try:
            return [(await buckets.take("dear", Allowance("x", 1, 5), 20)).admitted for _ in range(2)]
        finally:
            await buckets.close()

    assert asyncio.run(ask()) == [True, False]


@pytest.mark.parametrize(
    ("method", "path", "unchecked_route", "expected"),
    [
        ("POST", "/v1/auth/login", True, RouteClass.AUTH),
        ("POST", "/v1/auth/logout", True, RouteClass.WRITE),
        ("POST", "/v1/auth/password-change", False, RouteClass.WRITE),
        ("GET", "/v1/signals/stream", False, RouteClass.STREAM),
        ("GET", "/v1/signals/export", False, RouteClass.EXPORT),
        ("GET", "/v1/signals", False, RouteClass.READ),
        ("GET", "/openapi.json", True, RouteClass.FREE),
        ("POST", "/v1/billing/webhook", False, RouteClass.WRITE),
    ],
)
def test_classes(method: str, path: str, unchecked_route: bool, expected: RouteClass) -> None:
    assert class_of(method, path, unchecked=unchecked_route) is expected


def test_the_reply_says_nothing_to_a_client_that_asked_nothing(counted: Served) -> None:
    reply = httpx.get(f"http://127.0.0.1:{counted.port}/nowhere")
    assert (reply.status_code, "ratelimit" in reply.headers) == (404, False)

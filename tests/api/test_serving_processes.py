"""``cap api``: several processes count together, one that dies is replaced, and one that stops fails no request."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import httpx
import psutil
import psycopg
import redis

from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import serve
from tests.api.processes import answers, cap_api, until

SLOWLY = {"CAP_ANONYMOUS_REQUESTS_PER_MINUTE": "1", "CAP_ANONYMOUS_BURST": "100", "CAP_LIMITS_EXEMPT": ""}
FREELY = {"CAP_LIMITS_EXEMPT": "127.0.0.0/8"}


async def _ask(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


async def _at_once(port: int, path: str, times: int) -> list[int]:
    return await asyncio.gather(*(_ask(port, path) for _ in range(times)))


def _forget_limits(stack: LocalStack) -> None:
    with redis.Redis.from_url(stack.settings.require("redis_url")) as cache:
        for key in cache.scan_iter("cap:limit:*"):
            cache.delete(key)


def _children(pid: int) -> list[psutil.Process]:
    alive = [one for one in psutil.Process(pid).children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "api.server" in one.cmdline()]


def test_two_processes_admit_exactly_the_burst_and_count_together(world: LocalStack, tmp_path: Path) -> None:
    _forget_limits(world)
    with cap_api(world, tmp_path, "--workers", "2", CAP_DRAIN_S="0", **SLOWLY) as api:
        until(lambda: len(_children(api.process.pid)) == 2)
        seen = Counter(asyncio.run(_at_once(api.port, "/v1/performance?limit=1", 1_000)))
        assert seen == {200: 100, 429: 900}
        # Both have taken part, and whichever is asked tells of both.
        text = httpx.get(f"{api.url}/metrics").text
        assert re.search(r'cap_limit_decisions_total{result="admitted",route_class="read"} 100\.0', text)
        assert re.search(r'cap_limit_decisions_total{result="refused",route_class="read"} 900\.0', text)
        victim = _children(api.process.pid)[0]
        victim.kill()
        until(lambda: len([one for one in _children(api.process.pid) if one.pid != victim.pid]) == 2)
        assert answers(f"{api.url}/healthz")
        assert api.stop() == 0


def test_a_stop_says_so_first_and_finishes_what_is_under_way(world: LocalStack, tmp_path: Path) -> None:
    with (
        cap_api(world, tmp_path, CAP_DRAIN_S="3", **FREELY) as api,
        psycopg.connect(world.settings.require("postgres_url")) as blocker,
        httpx.Client(base_url=api.url, timeout=30) as client,
    ):
        assert client.get("/readyz").json()["status"] == "ok"
        blocker.execute("LOCK TABLE serving.published_signals IN ACCESS EXCLUSIVE MODE")
        slow: list[httpx.Response] = []
        waiting = threading.Thread(target=lambda: slow.append(httpx.get(f"{api.url}/v1/signals", timeout=30)))
        waiting.start()
        until(lambda: "cap_http_requests_in_flight 2.0" in client.get("/metrics").text)
        api.process.send_signal(signal.SIGTERM)
        until(lambda: answers(f"{api.url}/readyz", 503))
        ready = httpx.get(f"{api.url}/readyz")
        assert ready.json()["status"] == "draining"
        reply = httpx.get(f"{api.url}/v1/markets")
        assert (reply.status_code, reply.headers["connection"]) == (200, "close")
        blocker.rollback()
        waiting.join(30)
        assert [one.status_code for one in slow] == [200]
        assert api.process.wait(30) == 0


def test_a_stop_in_time_even_if_something_hangs(world: LocalStack, tmp_path: Path) -> None:
    with (
        cap_api(world, tmp_path, CAP_DRAIN_S="0", CAP_STOP_S="1", **FREELY) as api,
        psycopg.connect(world.settings.require("postgres_url")) as blocker,
    ):
        blocker.execute("LOCK TABLE serving.published_signals IN ACCESS EXCLUSIVE MODE")
        with httpx.Client(timeout=30) as client, client.stream("GET", f"{api.url}/healthz"):
            hung = threading.Thread(target=lambda: answers(f"{api.url}/v1/signals"))
            hung.start()
            until(lambda: "cap_http_requests_in_flight 2.0" in httpx.get(f"{api.url}/metrics").text)
            assert api.stop(30) == 0
        hung.join(30)


def test_one_service_alone(world: LocalStack, tmp_path: Path) -> None:
    with cap_api(world, tmp_path, "--service", "market-data", CAP_DRAIN_S="0", **FREELY) as api:
        assert answers(f"{api.url}/v1/markets")
        assert answers(f"{api.url}/v1/signals", 404)
        paths = httpx.get(f"{api.url}/openapi.json").json()["paths"]
        assert "/v1/candles" in paths
        assert "/v1/signals" not in paths
        # The port is taken; it says so in one sentence.
        again = _cap(world, "api", "--port", str(api.port))
        assert (again.returncode, len(again.stderr.strip().splitlines())) == (1, 1)
        assert f"cannot listen on 127.0.0.1:{api.port}" in again.stderr


def test_a_service_that_does_not_exist(world: LocalStack) -> None:
    done = _cap(world, "api", "--service", "weather")
    assert done.returncode == 2
    assert "there is no 'weather'" in done.stderr


def _cap(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", *arguments],
        env={**os.environ, **stack.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_readiness_tells_of_tables_that_are_missing(world: LocalStack) -> None:
    head, before = database.revisions()[:2]
    with serve(world.settings) as served:
        found = served.client.get("/readyz")
        assert (found.status_code, found.json()["migrations"]) == (
            200,
            {"status": "ok", "revision": head, "needed": head},
        )
        engine = database.engine(world.settings, pool_size=1)
        try:
            for revision, status, expected in ((before, "behind", 503), ("9999_newer", "ahead", 200)):
                with engine.begin() as connection:
                    connection.exec_driver_sql(f"UPDATE serving.alembic_version SET version_num = '{revision}'")
                found = served.client.get("/readyz")
                assert (found.status_code, found.json()["migrations"]["status"]) == (expected, status)
        finally:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE serving.alembic_version SET version_num = '{head}'")
            engine.dispose()

"""A store that is gone, or hangs: an answer in bounded time, and everything that can do without it goes on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.stack import LocalStack
from stores.settings import Settings
from tests.api.conftest import Served, serve
from tests.api.world import SIGNALS
from tests.stack_fixtures import bare_settings

CLICKHOUSE_PATHS = (
    "/v1/markets",
    *(f"/v1/{name}?market=binance:BTCUSDT&timeframe=15m" for name in ("candles", "indicators", "structure", "zones")),
)
POSTGRES_PATHS = ("/v1/signals", "/v1/performance", "/v1/performance/curve", f"/v1/signals/{SIGNALS[0]['signal_id']}")
WITHOUT_STORES = ("/healthz", "/metrics", "/openapi.json", "/problems/store-unavailable")

# Far above the deadlines inside, far below waiting for ever: what is tested is that there is an end.
PATIENCE_S = 40


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def accept() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)
    for connection in kept:
        connection.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def pointed(settings: Settings, store: str, port: int) -> Settings:
    """The same settings with one store at another port."""
    urls = {
        "clickhouse": {
            "clickhouse_url": SecretStr(f"http://cap:canary-password@127.0.0.1:{port}"),
            "clickhouse_analyst_url": None,
        },
        "postgres": {"postgres_url": SecretStr(f"postgresql://cap:canary-password@127.0.0.1:{port}/cap")},
        "redis": {"redis_url": SecretStr(f"redis://:canary-password@127.0.0.1:{port}/0")},
    }
    return settings.model_copy(update=urls[store])


def unavailable(reply: httpx.Response, store: str) -> None:
    assert reply.status_code == 503, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["retry-after"]
    body = reply.json()
    assert body["type"] == "/problems/store-unavailable"
    assert store in body["detail"]
    assert "canary-password" not in reply.text


def stores_of(reply: httpx.Response) -> dict[str, Any]:
    return {one["name"]: one["status"] for one in reply.json()["stores"]}


def test_with_everything_there_all_is_well(served: Served) -> None:
    for path in (*CLICKHOUSE_PATHS, *POSTGRES_PATHS, *WITHOUT_STORES):
        assert served.client.get(path).status_code == 200
    ready = served.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert stores_of(ready) == {"clickhouse": "ok", "postgres": "ok", "redis": "ok"}
    assert all(one["latency_ms"] > 0 for one in ready.json()["stores"])


@pytest.mark.parametrize(
    ("store", "broken", "status"),
    [
        ("clickhouse", CLICKHOUSE_PATHS, "down"),
        ("postgres", POSTGRES_PATHS, "down"),
        ("redis", (), "degraded"),
    ],
)
def test_a_store_that_is_gone(world: LocalStack, store: str, broken: tuple[str, ...], status: str) -> None:
    with serve(pointed(world.settings, store, closed_port())) as served:
        for path in (*CLICKHOUSE_PATHS, *POSTGRES_PATHS, *WITHOUT_STORES):
            reply = served.client.get(path, timeout=PATIENCE_S)
            if path in broken:
                unavailable(reply, store)
            else:
                assert reply.status_code == 200, reply.text
        ready = served.client.get("/readyz", timeout=PATIENCE_S)
        assert (ready.status_code, ready.json()["status"]) == (200 if status == "degraded" else 503, status)
        assert stores_of(ready) == {"clickhouse": "ok", "postgres": "ok", "redis": "ok"} | {store: "down"}


def test_readiness_can_leave_the_warehouse_out(world: LocalStack) -> None:
    with serve(pointed(world.settings, "clickhouse", closed_port())) as served:
        ready = served.client.get("/readyz", params={"require": "postgres"})
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert served.client.get("/readyz", params={"require": ["postgres", "clickhouse"]}).status_code == 503


def test_a_signal_is_shown_without_its_background_while_the_warehouse_is_gone(world: LocalStack) -> None:
    with serve(pointed(world.settings, "clickhouse", closed_port())) as served:
        body = served.client.get(f"/v1/signals/{SIGNALS[0]['signal_id']}").json()
    assert (body["background"], body["zone"], body["risk"]) == ("unavailable", None, None)
    assert body["zone_id"] == SIGNALS[0]["zone_id"]
    assert len(body["outcomes"]) == 2


@pytest.mark.parametrize(("store", "paths"), [("clickhouse", CLICKHOUSE_PATHS), ("postgres", POSTGRES_PATHS)])
def test_a_store_that_hangs_takes_nobody_along(world: LocalStack, store: str, paths: tuple[str, ...]) -> None:
    """More requests than there are threads wait for it; the other store's answers do not wait with them."""
    other, others = ("postgres", POSTGRES_PATHS[:2]) if store == "clickhouse" else ("clickhouse", CLICKHOUSE_PATHS)
    replies: list[httpx.Response] = []

    def ask(served: Served, path: str) -> None:
        replies.append(httpx.get(f"http://127.0.0.1:{served.port}{path}", timeout=PATIENCE_S))

    with silent_server() as port, serve(pointed(world.settings, store, port)) as served:
        threads = [threading.Thread(target=ask, args=(served, paths[n % len(paths)])) for n in range(60)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        waiting = 0.0
        while waiting < 50 and time.monotonic() < deadline and len(replies) < 5:
            text = served.client.get("/metrics").text
            (line,) = (one for one in text.splitlines() if one.startswith("cap_http_requests_in_flight "))
            waiting = float(line.split()[1])
        assert len(replies) < 60, "nothing hung, so nothing was tested"
        for path in others:
            assert served.client.get(path, timeout=PATIENCE_S).status_code == 200, other
        for thread in threads:
            thread.join(timeout=PATIENCE_S)
        assert len(replies) == 60
        for reply in replies:
            unavailable(reply, store)


def test_it_finds_a_store_that_comes_back(world: LocalStack) -> None:
    """A relay in front of the store is taken away and put back on the same port."""
    port = closed_port()
    target = world.settings.require("postgres_url")
    host, _, rest = target.partition("@")
    real_port = int(rest.partition(":")[2].partition("/")[0])
    through = SecretStr(f"{host}@127.0.0.1:{port}/{rest.partition('/')[2]}")
    with serve(world.settings.model_copy(update={"postgres_url": through})) as served:
        for _ in range(2):
            unavailable(served.client.get("/v1/signals"), "postgres")
            with _relay(port, real_port):
                deadline = time.monotonic() + PATIENCE_S
                while (reply := served.client.get("/v1/signals")).status_code != 200 and time.monotonic() < deadline:
                    pass
                assert reply.status_code == 200


@contextmanager
def _relay(port: int, target: int) -> Iterator[None]:
    sockets: list[socket.socket] = []

    def copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                near = listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", target))
            sockets.extend((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    for one in sockets:
        one.close()


def test_stores_that_were_never_configured(world: LocalStack) -> None:
    with serve(bare_settings()) as served:
        for path in CLICKHOUSE_PATHS:
            unavailable(served.client.get(path), "clickhouse is not configured")
        for path in POSTGRES_PATHS:
            unavailable(served.client.get(path), "postgres is not configured")
        ready = served.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "down")


def test_a_database_without_our_schema_is_unavailable_and_no_fault(world: LocalStack) -> None:
    url = world.settings.require("postgres_url").rsplit("/", 1)[0]
    with serve(world.settings.model_copy(update={"postgres_url": SecretStr(f"{url}/template1")})) as served:
        for path in POSTGRES_PATHS:
            unavailable(served.client.get(path), "postgres")


def test_the_warehouse_is_read_as_the_analyst_where_there_is_one(world: LocalStack) -> None:
    """With the platform's own account out of reach, everything that reads goes on."""
    with serve(world.settings.model_copy(update={"clickhouse_url": SecretStr("http://127.0.0.1:9")})) as served:
        for path in CLICKHOUSE_PATHS:
            assert served.client.get(path).status_code == 200

"""Streams under faults: cut connections, readers who do not read, storms, a Redis that dies and forgets everything."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import redis
from redis.exceptions import RedisError

from api.streams.feed import Source
from api.streams.relay import STREAM, last_relayed
from deploy.local.stack import LocalStack, Ports
from stores import database, warehouse
from stores.settings import Settings
from stores.tables import Plan
from tests.api.conftest import Served, serve
from tests.api.people import Person, give_plan, make_user
from tests.api.streaming import (
    PATIENCE_S,
    EventReader,
    WebSocketReader,
    cursors,
    fresh,
    publish,
    working,
)
from tests.stack_fixtures import bare_settings

LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)
CUTS = 1_000
STORM = 1_000


@pytest.fixture(scope="module")
def relayed(world: LocalStack) -> Iterator[LocalStack]:
    with working(world.settings):
        yield world


@pytest.fixture(scope="module")
def one(relayed: LocalStack) -> Iterator[Served]:
    with serve(relayed.settings) as running:
        yield running


@pytest.fixture(scope="module")
def other(relayed: LocalStack) -> Iterator[Served]:
    with serve(relayed.settings) as running:
        yield running


@pytest.fixture(scope="module")
def crowd(relayed: LocalStack) -> Person:
    """Somebody who may open as many streams as a test needs."""
    return make_crowd(relayed.settings)


def make_crowd(settings: Settings) -> Person:
    numbers = dict.fromkeys(("alerts", "webhooks", "api_keys", "requests_per_minute", "burst"), 100_000)
    engine = database.engine(settings, pool_size=1)
    with database.session(engine) as session:
        plan = {"plan_id": "crowd", "name": "Crowd", "price_minor": 0, "currency": "EUR", "position": 99}
        session.add(Plan(**plan, **numbers, signal_delay_s=0, streams=100_000))
    engine.dispose()
    person = make_user(settings)
    give_plan(settings, person.user_id, "crowd")
    return person


def head(settings: Settings) -> int:
    engine = database.engine(settings, pool_size=1)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT max(sequence) FROM serving.signal_events").scalar_one()
    engine.dispose()
    return found or 0


def test_a_thousand_cuts_lose_nothing_and_double_nothing(one: Served, other: Served, crowd: Person) -> None:
    """Ten readers are cut at random while events come, by both ways and from two replicas, and go on from their cursors."""
    chance = random.Random(5)
    begin = head(one.settings)
    stop, hungry = threading.Event(), threading.Event()
    reached = [begin] * 10

    def publishing() -> None:
        published = begin
        for number in count():
            # Never far ahead of them, so that they are mostly live when they are cut.
            while published > max(reached) + 30 and not stop.is_set():
                hungry.wait(0.05)
                hungry.clear()
            if stop.is_set():
                return
            rows = fresh(chance.randrange(1, 30), f"cut-{number}", LONG_AGO)
            publish(one.settings, rows)
            published += len(rows)

    def reading(seed: int) -> tuple[list[int], int, list[str]]:
        own, seen, resyncs = random.Random(seed), [], []
        cuts = CUTS // 10
        for _ in range(cuts):
            kind = own.choice((WebSocketReader, EventReader))
            with kind(own.choice((one, other)).port, crowd.headers, cursor=seen[-1] if seen else begin) as reader:
                for _ in range(own.randrange(1, 6)):
                    message = reader.next() or {}
                    if message["type"] == "resync":
                        resyncs.append(message["reason"])
                    elif message["type"] == "signal":
                        seen.append(int(message["cursor"]))
                        reached[seed] = seen[-1]
                        hungry.set()
                if own.random() < 0.5 and isinstance(reader, WebSocketReader):
                    reader.connection.socket.shutdown(socket.SHUT_RDWR)
        # Those who are done must not keep the others waiting for new events.
        reached[seed] = 10**9
        return seen, cuts, resyncs

    publisher = threading.Thread(target=publishing)
    publisher.start()
    try:
        with ThreadPoolExecutor(10) as pool:
            results = list(pool.map(reading, range(10)))
    finally:
        stop.set()
        publisher.join(timeout=PATIENCE_S)
    assert sum(cuts for _, cuts, _ in results) == CUTS
    for seen, _, resyncs in results:
        assert seen == list(range(begin + 1, begin + 1 + len(seen)))
        assert resyncs == []
    assert min(len(seen) for seen, _, _ in results) > 50


def deaf(port: int, person: Person) -> socket.socket:
    """A WebSocket that was opened and is never read from."""
    made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    lines = (
        "GET /v1/signals/stream HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Authorization: {person.headers['Authorization']}",
    )
    made.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert made.recv(12) == b"HTTP/1.1 101"
    return made


def test_readers_who_stop_reading_are_cut_and_cost_the_others_nothing(one: Served, crowd: Person) -> None:
    """One in twenty reads nothing of more than 5 MB and is cut; the others get all of it. How late is for the benchmark."""
    readers = [WebSocketReader(one.port, crowd.headers) for _ in range(19)]
    for reader in readers:
        reader.until_kind("ready")

    rounds = 48
    assert rounds * 8 * 16_000 > 5_000_000
    hub = one.app.state.hub
    stalled = deaf(one.port, crowd)
    with ThreadPoolExecutor(len(readers)) as pool:
        for number in range(rounds):
            publish(one.settings, fresh(8, f"stalled-{number}", LONG_AGO, reasons=["x" * 16_000]))
            # Nobody waits for the one who does not read: each round reaches the others before the next is published.
            list(pool.map(lambda reader: reader.take(8), readers))
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and hub.readers > len(readers):
        time.sleep(0.02)
    assert hub.readers == len(readers)
    for reader in readers:
        found = cursors(reader.events)
        assert found == list(range(found[0], found[0] + rounds * 8))
    shown = one.client.get("/metrics").text
    assert float(shown.split('\ncap_stream_endings_total{reason="lagged"} ')[1].split()[0]) >= 1
    stalled.close()
    for reader in readers:
        reader.connection.close()


def test_all_come_back_after_a_storm(one: Served, other: Served, crowd: Person) -> None:
    """A thousand readers lose their connections at once and come back at once, each from its cursor."""
    begin = head(one.settings)

    def come(number: int) -> WebSocketReader:
        return WebSocketReader((one, other)[number % 2].port, crowd.headers, cursor=begin)

    with ThreadPoolExecutor(50) as pool:
        first = list(pool.map(come, range(STORM)))
        publish(one.settings, fresh(5, "before-the-storm", LONG_AGO))
        list(pool.map(lambda reader: reader.take(5), first))
        for reader in first:
            reader.connection.socket.shutdown(socket.SHUT_RDWR)
        publish(one.settings, fresh(5, "in-the-storm", LONG_AGO))
        again = list(pool.map(come, range(STORM)))
        found = list(pool.map(lambda reader: cursors(reader.take(10)), again))
        list(pool.map(lambda reader: reader.connection.close(), again))
    assert found == [list(range(begin + 1, begin + 11))] * STORM


def redis_of(settings: Settings) -> Any:
    return redis.Redis.from_url(settings.require("redis_url"))


def test_redis_wiped_under_open_streams(one: Served, other: Served, crowd: Person) -> None:
    """The relay fills it again from the log; nobody notices."""
    begin = head(one.settings)
    with (
        WebSocketReader(one.port, crowd.headers, cursor=begin) as first,
        EventReader(other.port, crowd.headers, cursor=begin) as second,
        redis_of(one.settings) as cache,
    ):
        for number in range(5):
            publish(one.settings, fresh(10, f"wiped-{number}", LONG_AGO))
            cache.flushall()
            publish(one.settings, fresh(10, f"wiped-again-{number}", LONG_AGO))
        expected = list(range(begin + 1, begin + 101))
        assert cursors(first.take(100)) == expected
        assert cursors(second.take(100)) == expected
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and last_relayed(cache) < begin + 100:
            time.sleep(0.01)
        held = [int(name.split(b"-")[0]) for name, _ in cache.xrange(STREAM)]
        assert held == list(range(held[0], begin + 101))


def test_two_relays_are_no_more_than_one(one: Served, crowd: Person) -> None:
    """A second worker relays the same events: Redis takes each once."""
    begin = head(one.settings)
    with (
        working(one.settings),
        working(one.settings),
        WebSocketReader(one.port, crowd.headers, cursor=begin) as reader,
    ):
        for number in range(20):
            publish(one.settings, fresh(5, f"relays-{number}", LONG_AGO))
        assert cursors(reader.take(100)) == list(range(begin + 1, begin + 101))


def test_redis_killed_and_brought_back_empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Streams go on from Postgres while it is gone, and from Redis again once it is back with nothing in it."""
    home = tmp_path_factory.mktemp("killed")
    with LocalStack(bare_settings(), home=home, ports=Ports.any()) as stack:
        warehouse.migrate(stack.settings)
        database.migrate(stack.settings)
        person = make_crowd(stack.settings)
        with (
            working(stack.settings),
            serve(stack.settings) as served,
            WebSocketReader(served.port, person.headers, cursor=0) as first,
            EventReader(served.port, person.headers, cursor=0) as second,
        ):
            publish(stack.settings, fresh(10, "before", LONG_AGO))
            assert cursors(first.take(10)) == cursors(second.take(10)) == list(range(1, 11))
            feed = served.app.state.hub.feed
            with redis_of(stack.settings) as cache:
                os.kill(cache.info("server")["process_id"], signal.SIGKILL)
            publish(stack.settings, fresh(10, "without", LONG_AGO))
            assert cursors(first.take(10)) == cursors(second.take(10)) == list(range(11, 21))
            # A new stream can be opened too.
            with WebSocketReader(served.port, person.headers, cursor=15) as late:
                assert cursors(late.take(5)) == list(range(16, 21))
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline and not _wiped_and_back(stack.settings):
                time.sleep(0.05)
            publish(stack.settings, fresh(10, "back", LONG_AGO))
            assert cursors(first.take(10)) == cursors(second.take(10)) == list(range(21, 31))
            while time.monotonic() < deadline and feed.source is not Source.REDIS:
                time.sleep(0.05)
            assert feed.source is Source.REDIS


def _wiped_and_back(settings: Settings) -> bool:
    try:
        with redis_of(settings) as cache:
            return bool(cache.flushall())
    except RedisError:
        return False


def test_a_log_that_was_set_back_is_said_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A backup of the database was restored: readers are told, and go on from what there is."""
    with LocalStack(bare_settings(), home=tmp_path_factory.mktemp("back"), ports=Ports.any()) as stack:
        warehouse.migrate(stack.settings)
        database.migrate(stack.settings)
        person = make_crowd(stack.settings)
        with (
            working(stack.settings),
            serve(stack.settings) as served,
            WebSocketReader(served.port, person.headers, cursor=0) as reader,
        ):
            publish(stack.settings, fresh(10, "kept", LONG_AGO))
            publish(stack.settings, fresh(10, "lost", LONG_AGO + timedelta(hours=1)))
            reader.take(20)
            engine = database.engine(stack.settings, pool_size=1)
            with engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE serving.signal_events DISABLE TRIGGER USER")
                connection.exec_driver_sql("DELETE FROM serving.signal_events WHERE sequence > 10")
                connection.exec_driver_sql("ALTER TABLE serving.signal_events ENABLE TRIGGER USER")
            engine.dispose()
            told = reader.until_kind("resync")
            assert (told["reason"], told["cursor"]) == ("log-set-back", "10")
            publish(stack.settings, fresh(3, "another", LONG_AGO))
            found = reader.take(3)
            assert cursors(found) == [11, 12, 13]
            assert {event["signal"]["strategy"] for event in found} == {"another"}

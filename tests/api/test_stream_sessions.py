"""How streams are opened by browsers and programs, and how they end: by a sign-out, a revoked right, a restart."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.streams import hub as hubs
from api.streams.feed import Feed
from api.streams.log import read_events, read_head
from api.streams.relay import FIELD, STREAM
from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.api.people import Person, make_user
from tests.api.streaming import EventReader, Hands, WebSocketReader, cursors, fresh, publish

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def clock() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def one(world: LocalStack, clock: Hands) -> Iterator[Served]:
    with serve(world.settings, clock=clock) as running:
        yield running


def ticket_of(served: Served, person: Person) -> str:
    reply = served.client.post("/v1/signals/stream/ticket", headers=person.headers)
    assert reply.status_code == 201, reply.text
    return reply.json()["ticket"]


def revoke(served: Served, person: Person) -> None:
    engine = database.engine(served.settings, pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE serving.sessions SET revoked_at = now() WHERE session_id = :session"),
            {"session": person.session_id},
        )
    engine.dispose()


def refused(port: int, headers: dict[str, str] | None = None, **parameters: str) -> int:
    with pytest.raises(InvalidStatus) as failed:
        WebSocketReader(port, headers, **parameters)
    return failed.value.response.status_code


def test_a_ticket_opens_one_stream(one: Served) -> None:
    ticket = ticket_of(one, make_user(one.settings))
    with WebSocketReader(one.port, ticket=ticket) as reader:
        assert reader.next()["type"] == "ready"
    assert refused(one.port, ticket=ticket) == 401
    assert refused(one.port, ticket="made-up") == 401


def test_of_many_who_use_one_ticket_at_once_one_gets_in(one: Served) -> None:
    ticket = ticket_of(one, make_user(one.settings))

    def attempt(_: int) -> str:
        try:
            with WebSocketReader(one.port, ticket=ticket) as reader:
                return reader.next()["type"]
        except InvalidStatus as failed:
            return str(failed.response.status_code)

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(attempt, range(20))) == ["401"] * 19 + ["ready"]


def test_a_ticket_is_good_for_half_a_minute_and_only_while_its_session_is(one: Served, clock: Hands) -> None:
    late, ended = make_user(one.settings), make_user(one.settings)
    tickets = ticket_of(one, late), ticket_of(one, ended)
    revoke(one, ended)
    assert refused(one.port, ticket=tickets[1]) == 401
    clock.forward(timedelta(seconds=30))
    assert refused(one.port, ticket=tickets[0]) == 401


def test_a_cookie_opens_a_stream_for_our_own_pages_only(one: Served) -> None:
    person = make_user(one.settings)
    cookie = {"Cookie": f"cap_access={person.token}"}
    with WebSocketReader(one.port, {**cookie, "Origin": ORIGIN}) as reader:
        assert reader.next()["type"] == "ready"
    assert refused(one.port, {**cookie, "Origin": "https://evil.example"}) == 403
    assert refused(one.port, cookie) == 403


def test_a_first_message_says_who_it_is(one: Served) -> None:
    person = make_user(one.settings)
    with WebSocketReader(one.port, auth="message") as reader:
        reader.connection.send(json.dumps({"type": "authenticate", "token": person.token}))
        assert reader.next()["type"] == "ready"


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"type": "authenticate"}', '{"type": "authenticate", "token": "x"}'])
def test_a_first_message_that_proves_nothing_ends_it(one: Served, said: str) -> None:
    with WebSocketReader(one.port, auth="message") as reader:
        reader.connection.send(said)
        assert reader.next()["type"] == "closed"
        assert reader.until_closed() == 4401


def test_a_sign_out_ends_open_streams_within_seconds(one: Served) -> None:
    person = make_user(one.settings)
    with WebSocketReader(one.port, person.headers) as reader:
        assert reader.next()["type"] == "ready"
        revoke(one, person)
        assert reader.until_kind("closed")["reason"].startswith("the credentials")
        assert reader.until_closed() == 4401
    other = make_user(one.settings)
    with EventReader(one.port, other.headers) as events:
        assert (events.next() or {})["type"] == "ready"
        revoke(one, other)
        assert (events.next() or {})["type"] == "closed"
        assert events.next() is None


def test_quiet_streams_are_kept_alive(one: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "HEARTBEAT_S", 0.2)
    with WebSocketReader(one.port, make_user(one.settings).headers) as reader:
        ready = reader.next()
        assert [reader.next()["type"] for _ in range(3)] == ["heartbeat"] * 3
        assert reader.seen[-1]["cursor"] == ready["cursor"]
    with EventReader(one.port, make_user(one.settings).headers) as events:
        assert [(events.next() or {})["type"] for _ in range(3)] == ["ready", "heartbeat", "heartbeat"]


def test_a_server_that_stops_tells_its_readers_when_to_come_back(world: LocalStack) -> None:
    with serve(world.settings) as running:
        loops: list[asyncio.AbstractEventLoop] = []
        readers = [WebSocketReader(running.port, make_user(world.settings).headers) for _ in range(10)]
        with EventReader(running.port, make_user(world.settings).headers) as events:
            assert (events.next() or {})["type"] == "ready"
            for reader in readers:
                reader.next()
            loops.append(running.app.state.hub.loop)
            done = asyncio.run_coroutine_threadsafe(running.app.state.context.draining.begin(), loops[0])
            told = [reader.until_kind("reconnect") for reader in readers]
            assert [reader.until_closed() for reader in readers] == [1012] * 10
            assert (events.next() or {})["type"] == "reconnect"
            assert events.next() is None
            done.result(timeout=10)
        assert all(0 <= one["after_ms"] < 5_000 for one in told)
        assert len({one["after_ms"] for one in told}) > 5
        # Whoever comes all the same is let in and sent on, not refused.
        with WebSocketReader(running.port, make_user(world.settings).headers) as late:
            late.until_kind("reconnect")


def test_what_redis_has_dropped_is_read_from_the_log(one: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker relays here: of ten events only the last one is in Redis."""
    monkeypatch.setattr(Feed, "CHECK_S", 3_600)
    with WebSocketReader(one.port, make_user(one.settings).headers, strategy="dropped") as reader:
        reader.next()
        publish(one.settings, fresh(10, "dropped", datetime(2024, 3, 1, tzinfo=UTC)))
        engine = database.engine(one.settings, pool_size=1)
        with database.session(engine) as session:
            last = read_events(session, read_head(session) - 1, 1)[0]
        engine.dispose()
        with redis.Redis.from_url(one.settings.require("redis_url")) as cache:
            cache.xadd(STREAM, {FIELD: last.relayed()}, id=f"{last.sequence}-0")
        assert cursors(reader.take(10)) == list(range(last.sequence - 9, last.sequence + 1))


def test_a_reader_who_goes_is_noticed(one: Served) -> None:
    """Nothing is published, so nothing is sent that could fail: the server has to listen."""
    gone = threading.Event()
    hub: hubs.Hub = one.app.state.hub
    reader = WebSocketReader(one.port, make_user(one.settings).headers)
    reader.next()
    there = hub.readers
    reader.connection.socket.shutdown(socket.SHUT_RDWR)
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while datetime.now(UTC) < deadline and hub.readers >= there:
        gone.wait(0.01)
    assert hub.readers < there
    with pytest.raises((ConnectionClosed, OSError)):
        reader.next()

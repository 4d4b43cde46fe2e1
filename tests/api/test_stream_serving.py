"""Streams: what is told, to whom, in which order, by any replica."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.api.people import Person, give_plan, make_user
from tests.api.streaming import PATIENCE_S, EventReader, WebSocketReader, cursors, fresh, ids, publish, working
from tests.api.world import SIGNALS
from tests.stores.signal_rows import outcome_row

LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)


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
    """A second replica."""
    with serve(relayed.settings) as running:
        yield running


@pytest.fixture(scope="module")
def pro(relayed: LocalStack) -> Person:
    person = make_user(relayed.settings)
    give_plan(relayed.settings, person.user_id, "pro")
    return person


def test_all_there_is_and_then_what_comes_by_both_ways_from_two_replicas(
    one: Served, other: Served, pro: Person
) -> None:
    with (
        WebSocketReader(one.port, pro.headers, cursor=0) as first,
        EventReader(other.port, pro.headers, cursor=0) as second,
    ):
        ready = first.until_kind("ready")
        assert (ready["cursor"], ready["plan"], ready["delay_s"]) == ("0", "pro", 0.0)
        count = len(SIGNALS) + 6
        before = first.take(count)
        assert second.take(count) == before
        assert sorted(set(ids(before))) == sorted(signal["signal_id"] for signal in SIGNALS)
        rows = fresh(20, "both-ways", LONG_AGO)
        publish(one.settings, rows, [outcome_row(row, "stopped", -1.0, 3) for row in rows[:5]])
        live = first.take(25)
        assert second.take(25) == live
    assert cursors(before + live) == list(range(1, count + 26))
    assert ids(live)[:20] == [row["signal_id"] for row in rows]
    assert [event["type"] for event in live] == ["signal"] * 20 + ["outcome"] * 5
    assert live[20]["outcome"]["r_multiple"] == -1.0
    assert live[20]["final"] is True


def test_a_takedown_is_told_and_marks_the_signal_wherever_it_is_shown(one: Served, other: Served, pro: Person) -> None:
    rows = fresh(2, "taken-down", LONG_AGO)
    publish(one.settings, rows, [outcome_row(rows[0], "stopped", -1.0, 3)])
    path, at = f"/v1/signals/{rows[0]['signal_id']}", datetime(2024, 3, 2, tzinfo=UTC)
    with WebSocketReader(one.port, strategy="taken-down", cursor=0) as anonymous:
        assert len(anonymous.take(3)) == 3
        engine = database.engine(one.settings, pool_size=1)
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO serving.signal_takedowns VALUES (:signal, 'a wrong bar', :by, :at)"),
                {"signal": rows[0]["signal_id"], "by": pro.user_id, "at": at},
            )
        engine.dispose()
        (event,) = anonymous.take(1)
    expected = {"reason": "a wrong bar", "taken_down_at": "2024-03-02T00:00:00.000Z"}
    assert (event["type"], ids([event])) == ("takedown", [rows[0]["signal_id"]])
    assert {name: event[name] for name in expected} == expected
    assert other.client.get(path).json()["takedown"] == expected
    listed = other.client.get("/v1/signals", params={"strategy": "taken-down"}).json()["items"]
    assert [item["takedown"] for item in listed] == [None, expected]
    # It stays in the record: what was published was published.
    (record,) = other.client.get("/v1/performance", params={"strategy": "taken-down"}).json()["items"]
    assert (record["signals"], record["losses"]) == (2, 1)
    exported = other.client.get("/v1/signals/export", params={"strategy": "taken-down"}, headers=pro.headers).text
    assert exported.splitlines()[1].endswith(",2024-03-02T00:00:00.000Z,a wrong bar")


def test_a_reader_without_a_cursor_gets_what_comes_from_now_on(one: Served, pro: Person) -> None:
    with WebSocketReader(one.port, pro.headers) as reader:
        reader.until_kind("ready")
        rows = fresh(3, "from-now-on", LONG_AGO)
        publish(one.settings, rows)
        assert ids(reader.take(3)) == [row["signal_id"] for row in rows]


def test_filters(one: Served, pro: Person) -> None:
    rows = [
        *fresh(1, "filtered", LONG_AGO),
        *fresh(1, "filtered", LONG_AGO, symbol="ETHUSDT", direction=-1, stop=50_000.0),
        *fresh(1, "filtered", LONG_AGO, symbol="SOLUSDT", timeframe="1h"),
    ]
    wanted = {"market": "binance:BTCUSDT"}, {"direction": "short"}, {"timeframe": "1h"}
    readers = [WebSocketReader(one.port, pro.headers, strategy="filtered", **each) for each in wanted]
    readers.append(WebSocketReader(one.port, pro.headers, strategy="filtered"))
    try:
        for reader in readers:
            reader.until_kind("ready")
        publish(one.settings, rows)
        assert len(readers[3].take(3)) == 3
        # What comes after it shows that nothing else came before.
        publish(one.settings, fresh(1, "filtered", LONG_AGO + timedelta(hours=1), symbol="END", timeframe="1d"))
        readers[3].take(1)
        for reader, row in zip(readers, rows, strict=False):
            assert ids(reader.take(1)) == [row["signal_id"]]
    finally:
        for reader in readers:
            reader.connection.close()


def test_an_event_reader_goes_on_from_the_last_id(one: Served, other: Served, pro: Person) -> None:
    rows = fresh(10, "last-id", LONG_AGO)
    with EventReader(one.port, pro.headers, strategy="last-id") as reader:
        assert (reader.next() or {})["type"] == "ready"
        publish(one.settings, rows[:5])
        reader.take(5)
    publish(one.settings, rows[5:])
    with EventReader(other.port, {**pro.headers, "Last-Event-ID": reader.last_id}, strategy="last-id") as again:
        assert ids(again.take(5)) == [row["signal_id"] for row in rows[5:]]


def test_since_begins_in_the_past(one: Served, pro: Person) -> None:
    since = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [*fresh(1, "since-0", since - timedelta(hours=1)), *fresh(1, "since-1", since), *fresh(1, "since-2", since)]
    publish(one.settings, rows)
    with WebSocketReader(one.port, pro.headers, since=since.isoformat()) as reader:
        assert ids(reader.take(2)) == [row["signal_id"] for row in rows[1:]]


def test_a_cursor_of_another_history_is_said_to_be_one(one: Served, pro: Person) -> None:
    with WebSocketReader(one.port, pro.headers, cursor=10**15) as reader:
        found = reader.until_kind("resync")
        assert found["reason"] == "unknown-cursor"
        rows = fresh(1, "after-resync", LONG_AGO)
        publish(one.settings, rows)
        (event,) = reader.take(1)
        assert ids([event]) == [rows[0]["signal_id"]]
        assert int(event["cursor"]) == int(found["cursor"]) + 1


@pytest.mark.parametrize("parameters", [{"cursor": "x"}, {"cursor": "1" * 19}, {"timeframe": "2y"}, {"market": "btc"}])
def test_wrong_parameters_are_refused_on_both_ways(one: Served, parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        WebSocketReader(one.port, None, **parameters)
    assert refused.value.response.status_code == 422
    assert b"/problems/invalid-parameters" in (refused.value.response.body or b"")
    reply = one.client.get("/v1/signals/stream", params=parameters, headers={"Accept": "text/event-stream"})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameters")


def test_whoever_does_not_ask_for_events_is_told_to(one: Served) -> None:
    reply = one.client.get("/v1/signals/stream")
    assert (reply.status_code, reply.json()["type"]) == (406, "/problems/not-acceptable")


def test_bad_credentials_are_refused_with_a_reason_on_a_websocket_too(one: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        WebSocketReader(one.port, {"Authorization": "Bearer rubbish"})
    assert refused.value.response.status_code == 401
    assert b"/problems/unauthenticated" in (refused.value.response.body or b"")


def test_the_number_of_streams_is_counted_over_replicas(one: Served, other: Served, relayed: LocalStack) -> None:
    person = make_user(relayed.settings)
    with WebSocketReader(one.port, person.headers) as reader:
        reader.until_kind("ready")
        with pytest.raises(InvalidStatus) as refused:
            WebSocketReader(other.port, person.headers)
        assert refused.value.response.status_code == 429
        assert b"/problems/too-many-streams" in (refused.value.response.body or b"")
    # The place is free again once the first one is gone.
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(InvalidStatus), WebSocketReader(other.port, person.headers) as again:
            assert again.until_kind("ready")["delay_s"] == 900.0
            return
    pytest.fail("the place was not given back")


def test_metrics_count_the_clients(one: Served, pro: Person) -> None:
    with WebSocketReader(one.port, pro.headers) as reader:
        reader.until_kind("ready")
        shown = httpx.get(f"http://127.0.0.1:{one.port}/metrics").text
    assert float(shown.split("\ncap_stream_clients ")[1].split()[0]) >= 1
    assert float(shown.split("\ncap_stream_position ")[1].split()[0]) >= 1

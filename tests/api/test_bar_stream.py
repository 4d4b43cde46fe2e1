"""Live bars: each once, in order, to everybody who follows, also to those who were away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request

from api.streams import bars as feeds
from api.times import to_milliseconds
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.api.conftest import Served, serve
from tests.api.people import make_user
from tests.api.processes import until
from tests.api.world import candle, insert, text, ts

MINUTE = timedelta(minutes=1)
EVENTS = {"Accept": "text/event-stream"}


def store(settings: Settings, symbol: str, numbers: range) -> None:
    with closing(Warehouse.connect(settings, origin="test")) as warehouse:
        insert(warehouse, "candles", [candle(number, MINUTE, symbol=symbol, timeframe="1m") for number in numbers])


@contextmanager
def following(served: Served, symbol: str, headers: dict[str, str] | None = None, **parameters: Any):
    """Follow a market; gives the events one by one."""
    asked = {"market": f"binance:{symbol}", "timeframe": "1m", **parameters}
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as client,
        client.stream("GET", "/v1/candles/stream", params=asked, headers={**EVENTS, **(headers or {})}) as reply,
    ):
        assert reply.status_code == 200, reply.read()
        yield events(reply)


def events(reply: httpx.Response) -> Iterator[dict[str, Any]]:
    fields: dict[str, Any] = {}
    for line in reply.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}


def milliseconds(number: int) -> int:
    return to_milliseconds(ts(number, MINUTE))


def test_a_bar_is_told_when_it_closes_to_everybody_once(served: Served) -> None:
    store(served.settings, "LIVEUSDT", range(5))
    with following(served, "LIVEUSDT") as one, following(served, "LIVEUSDT", after=milliseconds(2)) as other:
        assert next(one)["event"] == "ready"
        assert next(other)["data"] == {"market": "binance:LIVEUSDT", "timeframe": "1m", "heartbeat_s": 15.0}
        # What closed while he was away comes first.
        assert [next(other)["data"]["ts"] for _ in range(2)] == [text(ts(number, MINUTE)) for number in (3, 4)]
        store(served.settings, "LIVEUSDT", range(5, 8))
        for reader in (one, other):
            found = [next(reader) for _ in range(3)]
            assert [event["event"] for event in found] == ["bar"] * 3
            assert [int(event["id"]) for event in found] == [milliseconds(number) for number in (5, 6, 7)]
        listed = served.client.get(
            "/v1/candles", params={"market": "binance:LIVEUSDT", "timeframe": "1m", "start": text(ts(7, MINUTE))}
        )
        assert found[-1]["data"] == listed.json()["items"][0]


def test_the_id_of_the_last_event_is_where_to_go_on(served: Served) -> None:
    store(served.settings, "BACKUSDT", range(5))
    with following(served, "BACKUSDT", {"Last-Event-ID": str(milliseconds(3))}, after=0) as reader:
        assert [next(reader)["event"] for _ in range(1)] == ["ready"]
        assert next(reader)["data"]["ts"] == text(ts(4, MINUTE))


def test_who_was_away_for_long_is_told_to_read_the_list(served: Served) -> None:
    store(served.settings, "LONGUSDT", range(feeds.KEPT + 50))
    with following(served, "LONGUSDT", after=milliseconds(3)) as reader:
        next(reader)
        event = next(reader)
        assert (event["event"], int(event["id"])) == ("resync", milliseconds(feeds.KEPT + 49))
        store(served.settings, "LONGUSDT", range(feeds.KEPT + 50, feeds.KEPT + 51))
        assert int(next(reader)["id"]) == milliseconds(feeds.KEPT + 50)


def test_a_series_is_looked_at_only_while_somebody_follows_it(served: Served) -> None:
    with following(served, "BTCUSDT", timeframe="15m") as reader:
        next(reader)
        assert served.app.state.bar_feeds.followed == 1
    until(lambda: served.app.state.bar_feeds.followed == 0)


def test_one_caller_has_so_many_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_OF_ONE", 2)
    person = make_user(served.settings)
    asked = {"market": "binance:BTCUSDT", "timeframe": "15m"}
    with ExitStack() as stack:
        readers = [stack.enter_context(following(served, "BTCUSDT", person.headers, timeframe="15m")) for _ in range(2)]
        assert [next(reader)["event"] for reader in readers] == ["ready"] * 2
        refused = served.client.get("/v1/candles/stream", params=asked, headers={**EVENTS, **person.headers})
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-streams")
    until(lambda: served.app.state.bar_feeds.followed == 0)
    with following(served, "BTCUSDT", person.headers, timeframe="15m") as reader:
        assert next(reader)["event"] == "ready"


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({"market": "binance:NOUSDT"}, EVENTS, 404),
        ({"market": "rubbish"}, EVENTS, 422),
        ({"after": "-1"}, EVENTS, 422),
        ({}, {**EVENTS, "Last-Event-ID": "; DROP"}, 422),
        ({}, {}, 406),
    ],
)
def test_rubbish_is_refused(served: Served, changes: dict[str, str], headers: dict[str, str], status: int) -> None:
    asked = {"market": "binance:BTCUSDT", "timeframe": "15m", **changes}
    assert served.client.get("/v1/candles/stream", params=asked, headers=headers).status_code == status


def test_a_process_that_stops_sends_its_readers_elsewhere(served: Served) -> None:
    router = APIRouter()

    @router.post("/stop")
    async def stop(request: Request) -> None:
        await request.app.state.context.draining.begin()

    with (
        serve(served.settings, [router]) as other,
        following(other, "BTCUSDT", timeframe="15m", after=milliseconds(0)) as reader,
    ):
        assert next(reader)["event"] == "ready"
        assert other.client.post("/stop").status_code == 200
        last = list(reader)[-1]
        assert (last["event"], last["retry"]) == ("reconnect", "250")

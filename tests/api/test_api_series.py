"""Candles, indicators and structure: the rows that are stored, each once, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpx
import pytest

from stores.warehouse import Warehouse
from tests.api.conftest import Served
from tests.api.world import NUMBERS, RESTATED, STRUCTURE, candle, insert, series, text, ts

BTC = {"market": "binance:BTCUSDT", "timeframe": "15m"}


def get(served: Served, path: str, **parameters: Any) -> Any:
    reply = served.client.get(path, params=parameters)
    assert reply.status_code == 200, reply.text
    return reply.json()


def pages(served: Served, path: str, **parameters: Any) -> Iterator[list[Any]]:
    cursor: str | None = None
    while True:
        body = get(served, path, **parameters, **({"cursor": cursor} if cursor else {}))
        yield body["items"]
        cursor = body["next_cursor"]
        if cursor is None:
            return


def walk(served: Served, path: str, **parameters: Any) -> list[Any]:
    return [item for page in pages(served, path, **parameters) for item in page]


def expected_candle(number: int) -> dict[str, Any]:
    row = candle(number, version=5 if number == RESTATED else 0)
    left_out = (*series(), "source", "ingested_at", "ts")
    return {"ts": text(row["ts"])} | {name: value for name, value in row.items() if name not in left_out}


def test_candles_are_those_stored(served: Served) -> None:
    body = get(served, "/v1/candles", **BTC, limit=5_000)
    assert body["items"] == [expected_candle(number) for number in NUMBERS]
    assert {name: value for name, value in body.items() if name != "items"} == {
        **BTC,
        "simulated": False,
        "next_cursor": None,
    }


@pytest.mark.parametrize("limit", [1, 7, 390, 389, 391])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_join_to_the_whole(served: Served, limit: int, order: str) -> None:
    limit = max(limit, 30) if limit == 1 and order == "desc" else limit
    numbers = NUMBERS if order == "asc" else NUMBERS[::-1]
    numbers = numbers[:60] if limit < 30 else numbers
    edge = {"end": text(ts(60))} if order == "asc" else {"start": text(ts(numbers[-1]))}
    found = walk(served, "/v1/candles", **BTC, limit=limit, order=order, **(edge if limit < 30 else {}))
    assert [item["ts"] for item in found] == [text(ts(number)) for number in numbers]


def test_a_range_holds_its_start_and_not_its_end(served: Served) -> None:
    found = get(served, "/v1/candles", **BTC, start=text(ts(10)), end=text(ts(13)))
    assert [item["ts"] for item in found["items"]] == [text(ts(number)) for number in (10, 11, 12)]
    nothing = get(served, "/v1/candles", **BTC, start=text(ts(10)), end=text(ts(10)))
    assert nothing["items"] == []


@pytest.mark.parametrize(
    "start", ["2024-01-02", "2024-01-02T00:00:00Z", "2024-01-02T01:00:00+01:00", "2024-01-01T23:59:59.9991Z"]
)
def test_instants_may_be_written_in_several_ways(served: Served, start: str) -> None:
    found = served.client.get(f"/v1/candles?market=binance:BTCUSDT&timeframe=15m&limit=1&start={start}").json()
    assert found["items"][0]["ts"] == "2024-01-02T00:00:00.000Z"


def test_no_bar_is_made_up_in_a_gap(served: Served) -> None:
    found = get(served, "/v1/candles", **BTC, start=text(ts(98)), end=text(ts(112)))
    assert [item["ts"] for item in found["items"]] == [text(ts(number)) for number in (98, 99, 110, 111)]


def test_a_simulated_market_says_so(served: Served) -> None:
    body = get(served, "/v1/candles", market="sim:ETHUSDT", timeframe="1h", limit=1)
    assert body["simulated"] is True


def test_a_walk_sees_each_row_once_while_new_ones_arrive(served: Served) -> None:
    of = {"symbol": "WALKUSDT"}
    with closing(Warehouse.connect(served.settings, origin="test")) as warehouse:
        insert(warehouse, "candles", [candle(number, **of) for number in range(40)])
        seen: list[str] = []
        arrived = 40
        for page in pages(served, "/v1/candles", market="binance:WALKUSDT", timeframe="15m", limit=9):
            seen += [item["ts"] for item in page]
            if arrived < 60:
                # New bars, and a page's worth of bars that are already there in a new version.
                insert(warehouse, "candles", [candle(number, **of) for number in range(arrived, arrived + 5)])
                insert(
                    warehouse, "candles", [candle(number, version=1, **of) for number in range(arrived - 9, arrived)]
                )
                arrived += 5
    assert seen == [text(ts(number)) for number in range(arrived)]


def test_indicators_have_null_where_there_is_no_number(served: Served) -> None:
    items = get(served, "/v1/indicators", **BTC, limit=5_000)["items"]
    assert [item["ts"] for item in items] == [text(ts(number)) for number in NUMBERS]
    by_number = dict(zip(NUMBERS, items, strict=True))
    assert [by_number[number]["ema_9"] for number in NUMBERS] == [42_000.5 + number for number in NUMBERS]
    assert by_number[3]["rsi_14"] is None
    assert by_number[4]["rsi_14"] == 50.0
    assert (by_number[199]["ema_200"], by_number[200]["ema_200"]) == (None, 1.0)


def test_indicators_can_be_chosen(served: Served) -> None:
    items = get(served, "/v1/indicators", **BTC, column=["ema_9", "rsi_14"], limit=3)["items"]
    assert [set(item) for item in items] == [{"ts", "ema_9", "rsi_14"}] * 3
    assert items[0]["ema_9"] == 42_000.5
    refused = served.client.get("/v1/indicators", params={**BTC, "column": "ema_9; DROP TABLE market.candles"})
    assert refused.status_code == 422


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_structure_events_come_once_and_in_the_order_they_happen(served: Served, limit: int, order: str) -> None:
    found = walk(served, "/v1/structure", **BTC, limit=limit, order=order)
    expected = [
        {name: value for name, value in event.items() if name not in series()}
        | {"ts": text(event["ts"]), "origin_ts": text(event["origin_ts"])}
        for event in STRUCTURE
    ]
    assert found == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize(
    "wanted",
    [{"kind": "choch"}, {"scale": "micro"}, {"direction": -1}, {"kind": "choch", "scale": "swing", "direction": -1}],
)
def test_structure_filters(served: Served, wanted: dict[str, Any]) -> None:
    found = walk(served, "/v1/structure", **BTC, limit=2, **wanted)
    expected = [event for event in STRUCTURE if all(event[name] == value for name, value in wanted.items())]
    assert len(expected) >= 1
    assert [(item["ts"], item["kind"], item["scale"]) for item in found] == [
        (text(event["ts"]), event["kind"], event["scale"]) for event in expected
    ]


def test_markets_say_what_is_stored(served: Served) -> None:
    found = {item["market"]: item for item in walk(served, "/v1/markets")}
    assert found["binance:BTCUSDT"] == {
        "market": "binance:BTCUSDT",
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "simulated": False,
        "timeframes": [
            {"timeframe": "15m", "first_bar": text(ts(0)), "last_bar": text(ts(NUMBERS[-1])), "bars": len(NUMBERS)},
            {
                "timeframe": "1h",
                "first_bar": text(ts(0)),
                "last_bar": text(ts(49, timedelta(hours=1))),
                "bars": 50,
            },
        ],
    }
    assert found["sim:ETHUSDT"]["simulated"] is True
    assert [item["market"] for item in walk(served, "/v1/markets", limit=1)] == sorted(found)


@pytest.mark.parametrize("path", ["/v1/candles", "/v1/indicators", "/v1/structure", "/v1/zones"])
class TestRefusals:
    def test_an_unknown_market_names_the_known_ones(self, served: Served, path: str) -> None:
        reply = served.client.get(path, params={"market": "binance:NOPE", "timeframe": "15m"})
        assert _problem(reply) == (404, "/problems/unknown-market")
        assert "binance:BTCUSDT" in reply.json()["detail"]
        assert "sim:ETHUSDT" in reply.json()["detail"]

    def test_a_timeframe_that_is_not_stored_names_those_that_are(self, served: Served, path: str) -> None:
        reply = served.client.get(path, params={"market": "binance:BTCUSDT", "timeframe": "4h"})
        assert _problem(reply) == (404, "/problems/unknown-market")
        assert "15m, 1h" in reply.json()["detail"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"timeframe": "7m"}, "timeframe"),
            ({"timeframe": None}, "timeframe"),
            ({"market": None}, "market"),
            ({"market": "BTCUSDT"}, "market"),
            ({"market": "binance:BTCUSDT\n"}, "market"),
            ({"limit": 0}, "limit"),
            ({"limit": 5_001}, "limit"),
            ({"limit": "many"}, "limit"),
            ({"start": "yesterday"}, "start"),
            ({"start": "1704067200"}, "start"),
            ({"end": "2024-02-30"}, "end"),
            ({"start": "2024-01-02", "end": "2024-01-01"}, "start"),
            ({"order": "up"}, "order"),
            ({"cursor": "x"}, "cursor"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, served: Served, path: str, change: dict[str, Any], field: str) -> None:
        parameters = {name: value for name, value in {**BTC, **change}.items() if value is not None}
        reply = served.client.get(path, params=parameters)
        assert reply.status_code == 422
        assert reply.headers["content-type"] == "application/problem+json"
        assert [error["field"] for error in reply.json()["errors"]] == [field]

    def test_a_cursor_is_for_its_own_list_and_filters(self, served: Served, path: str) -> None:
        cursor = get(served, "/v1/candles", **BTC, limit=1)["next_cursor"]
        other = {"limit": 1, "cursor": cursor, **BTC} | ({"order": "desc"} if path == "/v1/candles" else {})
        assert _problem(served.client.get(path, params=other)) == (422, "/problems/invalid-cursor")


def _problem(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == reply.status_code
    assert set(body) >= {"type", "title", "status", "detail", "instance", "request_id"}
    return reply.status_code, body["type"]

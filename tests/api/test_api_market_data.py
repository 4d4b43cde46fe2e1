"""Market data as Arrow, from caches, and within a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from api.entitlements import FREE, Entitlements
from api.security import principal
from stores import cache
from stores.warehouse import Warehouse
from tests.api.conftest import Served
from tests.api.test_api_series import BTC, expected_candle, walk
from tests.api.world import GAP, NUMBERS, STRUCTURE, ZONES, candle, insert, ts


def arrow(served: Served, path: str, **parameters: Any) -> tuple[pa.Table, str | None]:
    reply = served.client.get(path, params={**BTC, "format": "arrow", **parameters})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert (reply.headers["x-market"], reply.headers["x-simulated"]) == (BTC["market"], "false")
    with pa.ipc.open_stream(reply.content) as reader:
        return reader.read_all(), reply.headers.get("x-next-cursor")


def arrow_pages(served: Served, path: str, **parameters: Any) -> Iterator[pa.Table]:
    cursor: str | None = None
    while True:
        table, cursor = arrow(served, path, **parameters, **({"cursor": cursor} if cursor else {}))
        yield table
        if cursor is None:
            return


def test_candles_as_arrow_are_the_candles(served: Served) -> None:
    table, cursor = arrow(served, "/v1/candles")
    assert cursor is None
    assert table.schema.field("ts").type == pa.timestamp("ms", "UTC")
    assert table.schema.field("close").type == pa.float64()
    assert table.schema.metadata[b"market"] == b"binance:BTCUSDT"
    frame = pl.DataFrame(table)
    assert frame["ts"].to_list() == [ts(number) for number in NUMBERS]
    assert frame["close"].to_list() == [expected_candle(number)["close"] for number in NUMBERS]


@pytest.mark.parametrize("path", ["/v1/candles", "/v1/structure", "/v1/zones"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_arrow_pages_join_to_the_json_list(served: Served, path: str, order: str) -> None:
    whole = walk(served, path, **BTC, order=order, limit=5_000)
    for limit in (3, len(whole), len(whole) + 1):
        pages = list(arrow_pages(served, path, order=order, limit=max(limit, len(whole) // 20)))
        rows = [row for page in pages for row in page.to_pylist()]
        assert len(rows) == len(whole)
        for row, expected in zip(rows, whole, strict=True):
            shown = {
                name: value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
                if isinstance(value, datetime)
                else value
                for name, value in row.items()
            }
            assert shown == expected


def test_an_arrow_stream_may_hold_more_than_json(served: Served) -> None:
    refused = served.client.get("/v1/candles", params={**BTC, "limit": 5_001})
    assert refused.status_code == 422
    assert "format=arrow" in refused.json()["detail"]
    assert arrow(served, "/v1/candles", limit=200_000)[0].num_rows == len(NUMBERS)
    assert served.client.get("/v1/candles", params={**BTC, "limit": 200_001, "format": "arrow"}).status_code == 422


def test_an_empty_stream_still_has_its_columns(served: Served) -> None:
    table, _ = arrow(served, "/v1/candles", start="2030-01-01")
    assert table.num_rows == 0
    assert "close" in table.column_names
    assert len(STRUCTURE) > 0
    assert len(ZONES) > 0


def test_what_has_not_changed_is_not_sent_again(served: Served) -> None:
    first = served.client.get("/v1/candles", params={**BTC, "limit": 50})
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in first.headers["vary"]
    again = served.client.get("/v1/candles", params={**BTC, "limit": 50}, headers={"If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = served.client.get("/v1/candles", params={**BTC, "limit": 51}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    past = served.client.get("/v1/candles", params={**BTC, "end": "2024-01-02"})
    assert past.headers["cache-control"] == "private, max-age=60"
    living = served.client.get("/v1/zones", params={**BTC, "end": "2024-01-02"})
    assert living.headers["cache-control"] == "private, no-cache"
    assert served.client.get("/v1/signals").headers["cache-control"] == "no-store"


@pytest.fixture
def plan(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give everybody who is not signed in another plan."""

    def give(**changes: Any) -> None:
        def entitlements(*_: object) -> Entitlements:
            return replace(FREE, plan="narrow", **changes)

        monkeypatch.setattr(principal, "entitlements_of", entitlements)
        served.app.state.context.forget_anonymous()

    yield give
    monkeypatch.undo()
    served.app.state.context.forget_anonymous()


def test_a_plan_bounds_markets_timeframes_and_history(served: Served, plan: Any) -> None:
    plan(markets=("binance:ETHUSDT",))
    refused = served.client.get("/v1/candles", params=BTC)
    assert refused.status_code == 403
    assert refused.json()["type"] == "/problems/not-in-plan"
    assert "narrow" in refused.json()["detail"]
    assert served.client.get("/v1/latest", params={"timeframe": "15m"}).json()["items"] == []
    plan(timeframes=("1h",))
    for path in ("candles", "indicators", "structure", "zones"):
        assert served.client.get(f"/v1/{path}", params=BTC).status_code == 403
    assert served.client.get("/v1/candles", params={**BTC, "timeframe": "1h"}).status_code == 200
    since = ts(NUMBERS[-1]) - timedelta(minutes=15 * 9, seconds=1)
    plan(history=datetime.now(UTC) - since)
    found = walk(served, "/v1/candles", **BTC, limit=4)
    assert len(found) == 10
    assert len(walk(served, "/v1/candles", **BTC, start="2020-01-01")) == 10
    assert arrow(served, "/v1/candles")[0].num_rows == 10


def test_the_newest_bars(served: Served) -> None:
    reply = served.client.get("/v1/latest", params={"timeframe": "15m", "market": ["binance:NONE", "binance:BTCUSDT"]})
    (item,) = reply.json()["items"]
    day = [candle(number) for number in NUMBERS[-96:]]
    assert (item["market"], item["simulated"]) == ("binance:BTCUSDT", False)
    assert item["close"] == day[-1]["close"]
    assert item["open_24h"] == day[0]["open"]
    assert item["high_24h"] == max(one["high"] for one in day)
    assert item["low_24h"] == min(one["low"] for one in day)
    assert item["volume_24h"] == pytest.approx(sum(one["volume"] for one in day))
    assert item["change_24h"] == pytest.approx(day[-1]["close"] / day[0]["open"] - 1)
    assert max(GAP) < NUMBERS[-96]
    everything = served.client.get("/v1/latest", params={"timeframe": "1h"}).json()["items"]
    assert [one["market"] for one in everything] == ["binance:BTCUSDT", "sim:ETHUSDT"]


def test_the_newest_bars_come_from_redis_and_without_it(served: Served) -> None:
    parameters = {"timeframe": "15m", "market": "binance:BTCUSDT"}
    name = "cap:latest:binance:BTCUSDT:15m"
    client = cache.connect(served.settings)
    true = served.client.get("/v1/latest", params=parameters).json()
    client.set(name, b'{"market":"from the cache"}', px=60_000)
    assert served.client.get("/v1/latest", params=parameters).json()["items"] == [{"market": "from the cache"}]
    client.delete(name)
    assert served.client.get("/v1/latest", params=parameters).json() == true
    assert 0 < client.pttl(name) <= 1_000


def test_a_restated_bar_is_the_newest_as_restated(served: Served) -> None:
    hour = timedelta(hours=1)
    with closing(Warehouse.connect(served.settings, origin="test")) as warehouse:
        insert(warehouse, "candles", [candle(49, hour, timeframe="1h", version=9)])
    cache.connect(served.settings).delete("cap:latest:binance:BTCUSDT:1h")
    parameters = {"timeframe": "1h", "market": "binance:BTCUSDT"}
    (item,) = served.client.get("/v1/latest", params=parameters).json()["items"]
    assert item["close"] == candle(49, hour, version=9)["close"]

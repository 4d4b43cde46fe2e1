"""Zones: the log of their events, folded to what was known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Served
from tests.api.world import ZONE_ID, text, ts

BTC = {"market": "binance:BTCUSDT", "timeframe": "15m"}


def zones(served: Served, **parameters: Any) -> list[dict[str, Any]]:
    reply = served.client.get("/v1/zones", params={**BTC, **parameters})
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [zone["zone_id"] for zone in found]


def test_a_zone_shows_its_whole_life(served: Served) -> None:
    assert zones(served)[0] == {
        "zone_id": ZONE_ID,
        "kind": "order_block",
        "side": 1,
        "scale": "internal",
        "top": 42_010.5,
        "bottom": 41_990.5,
        "origin_ts": text(ts(7)),
        "volume": 12.5,
        "created_ts": text(ts(10)),
        "touched_ts": text(ts(20)),
        "mitigated_ts": text(ts(21)),
        "ended_ts": text(ts(30)),
        "status": "invalidated",
    }


def test_every_zone_comes_once_though_its_events_are_stored_twice(served: Served) -> None:
    found = zones(served)
    assert ids(found) == [ZONE_ID, "breaker-1", "gap-1", "gap-2", "pool-1"]
    assert [zone["status"] for zone in found] == ["invalidated", "live", "live", "filled", "live"]
    assert [zone["scale"] for zone in found] == ["internal", "internal", None, None, "micro"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"active": "true"}, ["breaker-1", "gap-1", "pool-1"]),
        ({"active": "false"}, [ZONE_ID, "gap-2"]),
        ({"kind": "fvg"}, ["gap-1", "gap-2"]),
        ({"kind": "fvg", "active": "true"}, ["gap-1"]),
        ({"side": "-1"}, ["breaker-1", "gap-2", "pool-1"]),
        ({"side": "long"}, [ZONE_ID, "gap-1"]),
        # The end of bar 30 is known when bar 31 opens, that of bar 43 when bar 44 does.
        ({"ended_after": text(ts(30))}, [ZONE_ID, "breaker-1", "gap-1", "gap-2", "pool-1"]),
        ({"ended_after": text(ts(31))}, ["breaker-1", "gap-1", "gap-2", "pool-1"]),
        ({"ended_after": text(ts(44))}, ["breaker-1", "gap-1", "pool-1"]),
        ({"ended_after": text(ts(44)), "as_of": text(ts(43))}, ["breaker-1", "gap-1", "gap-2"]),
        ({"scale": "micro"}, ["pool-1"]),
        ({"start": text(ts(30)), "end": text(ts(42))}, ["breaker-1", "gap-1"]),
        ({"order": "desc"}, ["pool-1", "gap-2", "gap-1", "breaker-1", ZONE_ID]),
    ],
)
def test_filters(served: Served, wanted: dict[str, Any], expected: list[str]) -> None:
    assert ids(zones(served, **wanted)) == expected


@pytest.mark.parametrize("active", [None, "true"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_join_to_the_whole(served: Served, order: str, active: str | None) -> None:
    wanted = {**BTC, "order": order, **({"active": active} if active else {})}
    whole = served.client.get("/v1/zones", params=wanted).json()["items"]
    found: list[Any] = []
    parameters: dict[str, Any] = {**wanted, "limit": 1}
    while True:
        body = served.client.get("/v1/zones", params=parameters).json()
        found += body["items"]
        if body["next_cursor"] is None:
            break
        parameters["cursor"] = body["next_cursor"]
    assert found == whole


@pytest.mark.parametrize(
    ("bar", "touched", "mitigated", "status"),
    [(10, None, None, "live"), (20, 20, None, "live"), (29, 20, 21, "live"), (30, 20, 21, "invalidated")],
)
def test_as_of_shows_what_was_known(
    served: Served, bar: int, touched: int | None, mitigated: int | None, status: str
) -> None:
    """A bar's events are known at its close, which is the next bar's open."""
    zone = zones(served, as_of=text(ts(bar + 1)))[0]
    assert zone["touched_ts"] == (None if touched is None else text(ts(touched)))
    assert zone["mitigated_ts"] == (None if mitigated is None else text(ts(mitigated)))
    assert zone["status"] == status


def test_as_of_leaves_out_what_was_not_known_yet(served: Served) -> None:
    assert zones(served, as_of=text(ts(10))) == []
    assert ids(zones(served, as_of=text(ts(11)))) == [ZONE_ID]
    assert ids(zones(served, as_of=text(ts(30)), active="true")) == [ZONE_ID]
    assert ids(zones(served, as_of=text(ts(31)), active="true")) == ["breaker-1"]

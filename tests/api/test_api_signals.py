"""Published signals, what became of them, and the track record they add up to."""

from __future__ import annotations

import math
import uuid
from typing import Any

import pytest

from api.schemas import RiskDecision
from stores import database
from tests.api.conftest import Served
from tests.api.world import OUTCOMES, SIGNALS, STRUCTURE, ZONE_ID, risk_decision, text, ts
from tests.stores.signal_rows import signal_row

NEWEST_FIRST = sorted(SIGNALS, key=lambda signal: signal["known_at"], reverse=True)


def signals(served: Served, **parameters: Any) -> list[dict[str, Any]]:
    reply = served.client.get("/v1/signals", params={"market": "binance:BTCUSDT", **parameters})
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def test_signals_are_those_published_newest_first(served: Served) -> None:
    reply = served.client.get("/v1/signals").json()
    found = reply["items"]
    assert reply["next_cursor"] is None
    assert [item["signal_id"] for item in found] == [signal["signal_id"] for signal in NEWEST_FIRST]
    for item, signal in zip(found, NEWEST_FIRST, strict=True):
        assert item["market"] == f"{signal['exchange']}:{signal['symbol']}"
        assert (item["ts"], item["known_at"]) == (text(signal["ts"]), text(signal["known_at"]))
        same = ("timeframe", "strategy", "direction", "entry", "stop", "target_1", "target_2", "risk_reward", "score")
        same += ("reasons", "zone_id", "decision", "size", "notional", "risk_amount", "risk_fraction")
        assert {name: item[name] for name in same} == {name: signal[name] for name in same}
    assert [item["simulated"] for item in found] == [item["market"].startswith("sim:") for item in found]
    assert any(item["simulated"] for item in found)


@pytest.mark.parametrize(
    ("number", "status", "outcome", "result", "held"),
    [
        (0, "closed", "target_2", 2.5, 6),
        (1, "closed", "target_1", 1.5, 4),
        (2, "closed", "stopped", -1.0, 9),
        (3, "open", None, None, None),
        (4, "open", None, None, None),
    ],
)
def test_what_became_of_a_signal(
    served: Served, number: int, status: str, outcome: str | None, result: float | None, held: int | None
) -> None:
    wanted = SIGNALS[number]["signal_id"]
    item = next(one for one in signals(served) if one["signal_id"] == wanted)
    assert (item["status"], item["outcome"], item["result_r"], item["bars_held"]) == (status, outcome, result, held)
    first = [row for row in OUTCOMES if row["signal_id"] == wanted and row["outcome"] == "target_1"]
    assert item["target_1_ts"] == (text(first[0]["ts"]) if first else None)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"strategy": "structure_breakout"}, [4]),
        ({"direction": "-1"}, [1]),
        ({"direction": "short"}, [1]),
        ({"direction": "1", "strategy": "smc_pullback"}, [3, 2, 0]),
        ({"timeframe": "1h"}, []),
        ({"market": "sim:ETHUSDT"}, [5]),
        ({"market": "binance:NOPE"}, []),
        ({"since": text(SIGNALS[3]["known_at"])}, [4, 3]),
        ({"since": "2030-01-01"}, []),
        ({"status": "open"}, [4, 3]),
        ({"status": "closed"}, [2, 1, 0]),
        ({"status": "closed", "direction": "-1"}, [1]),
    ],
)
def test_filters(served: Served, wanted: dict[str, str], expected: list[int]) -> None:
    assert [item["signal_id"] for item in signals(served, **wanted)] == [
        SIGNALS[number]["signal_id"] for number in expected
    ]


def test_one_signal_with_all_that_is_known_around_it(served: Served) -> None:
    body = served.client.get(f"/v1/signals/{SIGNALS[0]['signal_id']}").json()
    (listed,) = (item for item in signals(served) if item["signal_id"] == SIGNALS[0]["signal_id"])
    assert {name: body[name] for name in listed} == listed
    assert [(one["outcome"], one["r_multiple"]) for one in body["outcomes"]] == [("target_1", 1.0), ("target_2", 2.5)]
    assert body["zone"]["zone_id"] == ZONE_ID
    assert (body["zone"]["status"], body["zone"]["ended_ts"]) == ("invalidated", text(ts(30)))
    stored = risk_decision(SIGNALS[0])
    assert {name: value for name, value in body["risk"].items() if name != "decided_at"} == {
        name: stored[name] for name in RiskDecision.model_fields if name != "decided_at"
    }
    assert body["risk"]["decided_at"] == text(stored["decided_at"])
    assert body["background"] == "complete"
    assert (body["bars_since"], body["targets_reached"]) == (6, ["target_1", "target_2"])
    assert (body["track_record"]["strategy"], body["track_record"]["signals"]) == ("smc_pullback", 4)


def test_the_structure_around_a_signal_is_what_was_known_when_it_was_decided(served: Served) -> None:
    """Stored twice and shown once, the newest first; what a later bar brought is not there."""
    engine = database.engine(served.settings)
    early = signal_row(9, strategy="early")
    try:
        with database.session(engine) as session:
            database.publish(session, [early])
    finally:
        engine.dispose()
    found = served.client.get(f"/v1/signals/{early['signal_id']}").json()["structure"]
    known = [event for event in STRUCTURE if event["ts"] <= early["ts"]]
    assert len(known) < len(STRUCTURE)
    assert sorted((one["ts"], one["scale"], one["kind"]) for one in found) == sorted(
        (text(event["ts"]), event["scale"], event["kind"]) for event in known
    )
    assert [one["ts"] for one in found] == sorted((one["ts"] for one in found), reverse=True)


def test_a_resized_signal_says_why(served: Served) -> None:
    body = served.client.get(f"/v1/signals/{SIGNALS[1]['signal_id']}").json()
    assert body["zone"] is None
    assert (body["risk"]["rule"], body["risk"]["rule_value"], body["risk"]["rule_limit"]) == ("max_notional", 1.5, 1.0)


def test_an_id_that_is_not_published(served: Served) -> None:
    reply = served.client.get(f"/v1/signals/{uuid.uuid4()}")
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/not-found")
    assert served.client.get("/v1/signals/rubbish").status_code == 422


def test_a_walk_sees_each_signal_once_while_new_ones_arrive(served: Served) -> None:
    """Both newer signals and older ones, as of a backfill of another market, arrive between the pages."""
    engine = database.engine(served.settings)
    try:
        with database.session(engine) as session:
            there = [signal_row(number, strategy="walk") for number in range(0, 120, 3)]
            database.publish(session, there)
        seen: list[str] = []
        parameters: dict[str, Any] = {"strategy": "walk", "limit": 7}
        while True:
            body = served.client.get("/v1/signals", params=parameters).json()
            seen += [item["signal_id"] for item in body["items"]]
            if body["next_cursor"] is None:
                break
            parameters["cursor"] = body["next_cursor"]
            step = len(seen)
            with database.session(engine) as session:
                # Known at the same instants as others, and far away on both sides.
                database.publish(session, [signal_row(step, strategy="walk", symbol="ETHUSDT")])
                database.publish(session, [signal_row(900 + step, strategy="walk", symbol="ETHUSDT")])
    finally:
        engine.dispose()
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in {row["signal_id"] for row in there}] == [
        row["signal_id"] for row in reversed(there)
    ]


def test_the_track_record_adds_up(served: Served) -> None:
    body = served.client.get("/v1/performance", params={"market": "binance:BTCUSDT", "strategy": "smc_pullback"}).json()
    assert body["costs_included"] is False
    (record,) = body["items"]
    low, high = record.pop("win_rate_low"), record.pop("win_rate_high")
    assert record == {
        "strategy": "smc_pullback",
        "market": "binance:BTCUSDT",
        "timeframe": "15m",
        "simulated": False,
        "signals": 4,
        "open_signals": 1,
        "sample_size": 3,
        "wins": 2,
        "losses": 1,
        "win_rate": 2 / 3,
        "expectancy_r": 1.0,
        "total_r": 3.0,
        "profit_factor": 4.0,
        "average_bars_held": pytest.approx((6 + 4 + 9) / 3),
        "first_known_at": text(SIGNALS[0]["known_at"]),
        "last_known_at": text(SIGNALS[3]["known_at"]),
        "costs_included": False,
    }
    # Each end of Wilson's interval solves |p - 2/3| = z sqrt(p (1 - p) / n).
    for end in (low, high):
        assert abs(end - 2 / 3) == pytest.approx(1.96 * math.sqrt(end * (1 - end) / 3))
    assert 0 < low < 2 / 3 < high < 1


def test_without_a_closed_signal_there_is_no_rate(served: Served) -> None:
    (record,) = served.client.get("/v1/performance", params={"strategy": "structure_breakout"}).json()["items"]
    assert (record["signals"], record["sample_size"], record["open_signals"]) == (1, 0, 1)
    figures = ("win_rate", "win_rate_low", "win_rate_high", "expectancy_r", "profit_factor", "average_bars_held")
    assert {record[name] for name in figures} == {None}


def test_track_records_come_in_pages_and_simulated_ones_apart(served: Served) -> None:
    whole = served.client.get("/v1/performance").json()["items"]
    assert {record["market"]: record["simulated"] for record in whole}["sim:ETHUSDT"] is True
    found: list[Any] = []
    parameters: dict[str, Any] = {"limit": 1}
    while True:
        body = served.client.get("/v1/performance", params=parameters).json()
        found += body["items"]
        if body["next_cursor"] is None:
            break
        parameters["cursor"] = body["next_cursor"]
    assert found == whole
    assert len(whole) >= 3

"""Results of published signals added up over time."""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest

from tests.api.conftest import Served
from tests.api.streaming import publish
from tests.api.world import text
from tests.stores.signal_rows import BAR, FIRST_BAR, outcome_row, signal_row

RESULTS = [-1.0, 2.0, 1.5, -1.0, -1.0, 3.0, -0.25]
DAYS = [3, 20, 31, 40, 40, 75, 800]


@pytest.fixture(scope="module")
def ended(served: Served) -> list[dict[str, Any]]:
    """Signals that ended on these days, not in the order in which they were published, and one that has not ended."""
    rows = [signal_row(number, strategy="curve") for number in range(len(RESULTS) + 1)]
    outcomes: list[dict[str, Any]] = []
    for row, result, day in zip(rows[:-1], RESULTS, DAYS, strict=True):
        known = FIRST_BAR + timedelta(days=day)
        outcomes.append({**outcome_row(row, "expired", result, 1), "ts": known - BAR, "known_at": known})
    publish(served.settings, rows[4:], outcomes[4:])
    publish(served.settings, rows[:4], outcomes[:4])
    # Known on the same day: number 4 was published first.
    order = [0, 1, 2, 4, 3, 5, 6]
    return [{**outcomes[number], "result": RESULTS[number]} for number in order]


def curve(served: Served, **parameters: Any) -> dict[str, Any]:
    reply = served.client.get("/v1/performance/curve", params={"strategy": "curve", **parameters})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_results_add_up_in_the_order_of_their_ends(served: Served, ended: list[dict[str, Any]]) -> None:
    body = curve(served)
    results = [one["result"] for one in ended]
    sums = list(accumulate(results))
    peaks = list(accumulate(sums, max, initial=0.0))[1:]
    assert body["items"] == [
        {
            "signal_id": one["signal_id"],
            "closed_at": text(one["known_at"]),
            "result_r": one["result"],
            "cumulative_r": total,
            "drawdown_r": peak - total,
        }
        for one, total, peak in zip(ended, sums, peaks, strict=True)
    ]
    # The first one lost: what is below nothing is a drawdown too.
    assert body["items"][0]["drawdown_r"] == 1.0
    assert (body["sample_size"], body["total_r"], body["max_drawdown_r"]) == (7, sums[-1], 2.0)
    assert (body["left_off"], body["simulated"], body["costs_included"]) == (0, False, False)
    assert body["months"] == [
        {"month": "2024-01", "sample_size": 2, "wins": 1, "total_r": 1.0},
        {"month": "2024-02", "sample_size": 3, "wins": 1, "total_r": -0.5},
        {"month": "2024-03", "sample_size": 1, "wins": 1, "total_r": 3.0},
        {"month": "2026-03", "sample_size": 1, "wins": 0, "total_r": -0.25},
    ]


def test_it_is_the_track_record_over_time(served: Served, ended: list[dict[str, Any]]) -> None:
    (record,) = served.client.get("/v1/performance", params={"strategy": "curve"}).json()["items"]
    body = curve(served)
    assert (body["sample_size"], body["total_r"]) == (record["sample_size"], record["total_r"])
    assert record["open_signals"] == 1


def test_the_last_points_count_what_came_before_them(served: Served, ended: list[dict[str, Any]]) -> None:
    whole, cut = curve(served), curve(served, limit=2)
    assert cut["items"] == whole["items"][-2:]
    assert cut["left_off"] == 5
    same = ("sample_size", "total_r", "max_drawdown_r", "months")
    assert {name: cut[name] for name in same} == {name: whole[name] for name in same}


def test_simulated_markets_are_apart(served: Served, ended: list[dict[str, Any]]) -> None:
    of_sim = {"exchange": "sim", "symbol": "CURVE", "strategy": "curve"}
    row = signal_row(1, **of_sim)
    publish(served.settings, [row], [outcome_row(row, "stopped", -1.0, 2)])
    real, made_up = curve(served), curve(served, simulated=True)
    assert [point["signal_id"] for point in made_up["items"]] == [row["signal_id"]]
    assert row["signal_id"] not in {point["signal_id"] for point in real["items"]}
    assert curve(served, market="sim:CURVE") == made_up
    assert curve(served, market="sim:CURVE", simulated=False)["items"] == []


def test_where_nothing_has_ended_there_is_nothing(served: Served) -> None:
    body = curve(served, strategy="structure_breakout")
    assert (body["items"], body["months"], body["sample_size"], body["total_r"]) == ([], [], 0, 0.0)
    assert curve(served, strategy="nobody")["max_drawdown_r"] == 0.0


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 5_001}, {"simulated": "perhaps"}, {"timeframe": "7m"}])
def test_odd_parameters_are_refused(served: Served, wrong: dict[str, Any]) -> None:
    assert served.client.get("/v1/performance/curve", params=wrong).status_code == 422

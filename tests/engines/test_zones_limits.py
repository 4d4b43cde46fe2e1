"""How many zones live: what a full group does, that hundreds may live, and that a snapshot is as small as what lives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from engines.errors import StateMismatch
from engines.state import pack, unpack
from engines.structure import StructureEngine
from engines.zones import ZoneEngine
from tests.engines.hand_made_zones import Ohlc, event, story, zone_events
from tests.engines.market_bars import assert_same_bits, bars_frame, real_bars, simulated_bars
from tests.engines.structure_and_zones import Both

LEVELS = [490.0, 480.0, 470.0]
WAITING: list[Ohlc] = [(500, 505, 495, 500)] * 8


@pytest.mark.parametrize("side", [1, -1])
def test_a_new_zone_beyond_the_limit_ends_the_oldest(side):
    events = [event(2 + k, "micro", "eql", 1, level, 1 + k) for k, level in enumerate(LEVELS)]
    rows = zone_events(side, WAITING, events, live_limit=2)
    assert story(rows, 2) == [
        (0, "liquidity", "created", side),
        (1, "liquidity", "created", side),
        (2, "liquidity", "expired", side),
        (2, "liquidity", "created", side),
    ]
    assert rows["zone_id"][2] == rows["zone_id"][0]
    assert rows["sequence"].to_list() == [0, 0, 0, 1]


def test_a_breaker_may_end_an_older_one_whose_turn_has_not_come():
    """Lives go on oldest first: a breaker that is ended to make room for an older block's has no more events of that bar."""
    bars: list[Ohlc] = [
        (490, 500, 490, 499),  # block A
        (491, 498, 491, 497),
        (495, 510, 494, 505),  # its break
        (512, 520, 510, 519),  # block B
        (511, 518, 511, 517),
        (515, 530, 514, 525),  # its break
        (525, 526, 506, 507),  # ends B: the first breaker, 510 to 520
        (502, 505, 501, 504),  # block C
        (503, 504, 502, 503),
        (503, 509, 502.5, 508),  # its break
        (508, 509, 499.5, 500),  # ends C: the second breaker, 501 to 505; touches A
        (500, 525, 480, 485),  # ends A, and reaches both breakers
    ]
    events: list[dict[str, Any]] = []
    for origin, level in ((0, 500.0), (3, 520.0), (7, 505.0)):
        events.append(event(origin + 1, "internal", "swing_high", -1, level, origin))
        events.append(event(origin + 2, "internal", "bos", 1, level, origin))

    def last_bar(live_limit: int) -> list[tuple[str, str, float]]:
        rows = zone_events(1, bars, events, live_limit=live_limit).filter(pl.col("kind") != "fvg")
        return rows.filter(pl.col("ts") == pl.col("ts").max()).select("kind", "event", "top").rows()

    block_ends = [("order_block", "mitigated", 500.0), ("order_block", "invalidated", 500.0)]
    created = ("breaker", "created", 500.0)
    second = [("breaker", "touched", 505.0), ("breaker", "mitigated", 505.0)]
    assert last_bar(2) == [*block_ends, ("breaker", "expired", 520.0), created, *second]
    first = [("breaker", "touched", 520.0), ("breaker", "mitigated", 520.0)]
    assert last_bar(3) == [*block_ends, created, *first, *second]


def test_no_group_ever_holds_more(real_data):
    """Folding the rows: at no row do more than the limit live, and a zone ends at most once, with no row after."""
    bars = real_bars(real_data, "binance_BTCUSDT_5m_2024-01_2024-09")
    rows = Both("5m", live_limit=20).advance(bars)
    assert (rows["event"] == "expired").sum() > 100
    live: dict[tuple[str, str | None, int], list[str]] = {}
    ended: set[str] = set()
    for zone, kind, what, side, scale in rows.select("zone_id", "kind", "event", "side", "scale").iter_rows():
        assert zone not in ended
        group = live.setdefault((kind, scale, side), [])
        if what == "created":
            group.append(zone)
            assert len(group) <= 20
        elif what == "expired":
            assert group.pop(0) == zone
        elif what in {"invalidated", "filled", "swept", "broken"}:
            group.remove(zone)
        if what not in {"created", "touched", "mitigated"}:
            ended.add(zone)


def _staircase(steps: int, up: bool) -> pl.DataFrame:
    """Market that leaves a gap at every third bar and never looks back."""
    rows: list[tuple[float, float, float, float]] = [(1000.0, 1000.0, 1000.0, 1000.0)] * 400
    price = 1000.0
    for _ in range(steps):
        high, low = price + 1.0, price - 1.0
        rows += [
            (price, high, low, price),
            (price, price + 6.0, low, price + 5.0),
            (price + 5, price + 8, price + 3, price + 6),
        ]
        price += 6.0
    table = np.array(rows)
    if not up:
        table = 5_000.0 - table[:, [0, 2, 1, 3]]
    return bars_frame(1_700_006_400_000 + 900_000 * np.arange(len(table)), *table.T, np.ones(len(table)))


@pytest.mark.parametrize("up", [True, False])
def test_hundreds_of_zones_live_and_a_crash_ends_them_oldest_first(up):
    bars = _staircase(150, up)
    both = Both()
    rows = both.advance(bars)
    created = rows.filter(kind="fvg", event="created")
    assert created.height > 100
    assert rows.filter(kind="fvg", event="expired").height == created.height - 100
    assert both.zones.live >= 100

    crash = (5.0, 2_000.0, 5.0, 10.0) if up else (4_999.0, 4_999.0, 3_000.0, 4_990.0)
    last = bars["ts"].cast(pl.Int64)[-1] + 900_000
    bar = bars_frame([last], *([value] for value in crash), [1.0])
    whole = Both().advance(pl.concat([bars, bar]))
    crashed = both.advance(bar)
    assert_same_bits(pl.concat([rows, crashed]), whole)
    filled = crashed.filter(kind="fvg", event="filled")
    assert filled.height == 100
    assert filled["origin_ts"].is_sorted()
    assert crashed["sequence"].to_list() == list(range(crashed.height))


def test_snapshots_are_small(real_data):
    """A few kilobytes, and 37 bytes a zone that lives."""
    both = Both("5m")
    assert len(both.zones.snapshot()) < 4_500
    both.advance(real_bars(real_data, "binance_BTCUSDT_5m_2024-01_2024-09"))
    assert both.zones.live > 100
    assert len(both.zones.snapshot()) < 4_500 + 37 * both.zones.live
    assert len(both.structure.snapshot()) < 4_000


def test_a_table_of_zones_that_cannot_be_is_refused():
    both = Both()
    both.advance(simulated_bars(3_000, seed=2))
    found = unpack(both.zones.snapshot(), "zones", ZoneEngine.VERSION)
    clock, arrays = found.arrays["@clock"], found.arrays
    assert arrays["zone_stages"].shape[0] > 10
    broken = {
        "zone_stages": [arrays["zone_stages"] + 3, arrays["zone_stages"][1:]],
        "zone_times": [arrays["zone_times"] * np.uint32(0), arrays["zone_times"][1:]],
        "zone_prices": [arrays["zone_prices"] + np.inf, arrays["zone_prices"][1:]],
        "zone_counts": [arrays["zone_counts"] + 1, -arrays["zone_counts"]],
        "next_number": [arrays["next_number"] * 0],
        "next_bar": [arrays["next_bar"] - 1],
        "@clock": [clock - [0, 1]],
    }
    for name, array in ((name, array) for name, each in broken.items() for array in each):
        data = pack("zones", ZoneEngine.VERSION, found.parameters, {**arrays, name: array})
        with pytest.raises(StateMismatch, match="table of live zones"):
            ZoneEngine.restore(data)
    few = {**found.parameters, "live_limit": 1}
    with pytest.raises(StateMismatch, match="table of live zones"):
        ZoneEngine.restore(pack("zones", ZoneEngine.VERSION, few, arrays))
    named = {name: array for name, array in arrays.items() if name != "best"}
    with pytest.raises(StateMismatch, match=r"other state arrays \(best\)"):
        ZoneEngine.restore(pack("zones", ZoneEngine.VERSION, found.parameters, named))
    with pytest.raises(StateMismatch, match="has bars as"):
        ZoneEngine.restore(pack("zones", ZoneEngine.VERSION, {**found.parameters, "swing": 200}, arrays))


def test_the_mean_body_does_not_drift(real_data):
    """After half a million bars the running sum is the exactly rounded one."""
    bars = real_bars(real_data, "binance_BTCUSDT_1m_2024")
    engine = ZoneEngine(timeframe="1m")
    engine.advance(bars, StructureEngine(timeframe="1m").advance(bars))
    opened, closed = bars["open"].to_numpy(), bars["close"].to_numpy()
    assert sum(engine.state.body) == math.fsum(np.abs((closed - opened) / opened))

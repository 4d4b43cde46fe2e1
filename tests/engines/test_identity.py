"""Ids are UUIDv5 of readable keys, the same singly and in batches, and no two zones share one."""

from __future__ import annotations

from uuid import UUID, uuid5

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.identity import NAMESPACE, ids, signal_id, signal_ids, zone_id
from tests.engines.market_bars import real_bars, simulated_bars
from tests.engines.structure_and_zones import MARKET, Both, plain

TIMES = st.integers(-(2**62), 2**62)


@given(prefix=st.text(max_size=200), times=st.lists(TIMES, max_size=3))
@example(prefix="x" * 39, times=[])  # 16 + 39 bytes are the most that one block of the hash holds
@example(prefix="x" * 40, times=[])
@example(prefix="x" * 103, times=[0])
@settings(max_examples=300, deadline=None)
def test_batches_agree_with_the_standard_library(prefix, times):
    which = np.zeros(1, np.int64)
    (found,) = ids([prefix], which, *(np.array([value]) for value in times))
    assert found == str(uuid5(NAMESPACE, prefix + "|".join(map(str, times))))


def test_prefixes_of_different_length_do_not_mix():
    prefixes = ["a" * n for n in (90, 3, 0, 45)]
    which = np.array([0, 1, 2, 3, 2, 1, 0])
    times = np.arange(7) * 1_000_000
    expected = [str(uuid5(NAMESPACE, f"{prefixes[k]}{t}")) for k, t in zip(which, times, strict=True)]
    assert ids(prefixes, which, times).to_list() == expected
    assert ids([], np.empty(0, np.int64), np.empty(0, np.int64)).to_list() == []


def test_keys_are_pinned():
    """Ids are stored and sent to subscribers: a change of key or namespace is a break."""
    zone = zone_id("binance:BTCUSDT", "15m", "order_block", 1, "internal", 1_700_006_400_000, 1_700_010_000_000)
    key = "zone|binance:BTCUSDT|15m|order_block|1|internal|1700006400000|1700010000000"
    assert zone == str(uuid5(UUID("6f1c0c1e-6c55-5b0e-9d0a-3f2f8d1b7a94"), key))
    gap = zone_id("binance:BTCUSDT", "15m", "fvg", -1, None, 1, 2)
    assert gap == str(uuid5(NAMESPACE, "zone|binance:BTCUSDT|15m|fvg|-1||1|2"))
    signal = signal_id("binance:BTCUSDT", "15m", "smc_pullback", 1_700_006_400_000, -1)
    assert signal == str(uuid5(NAMESPACE, "signal|binance:BTCUSDT|15m|smc_pullback|-1|1700006400000"))


def test_signals_in_a_batch():
    ts = np.array([10, 20, 30], np.int64)
    strategy, direction = np.array([0, 1, 1], np.int8), np.array([1, 1, -1], np.int8)
    names = ["smc_pullback", "structure_breakout"]
    expected = [
        signal_id("m", "1h", names[k], int(at), int(way)) for k, at, way in zip(strategy, ts, direction, strict=True)
    ]
    assert signal_ids("m", "1h", names, strategy, ts, direction).to_list() == expected


def test_rows_carry_the_id_of_their_key():
    bars = simulated_bars(2_000, seed=6)
    rows = Both().advance(bars)
    created = {row[1]: row[0] for row in plain(rows.filter(event="created"))}
    for _, zone, kind, _, side, scale, _, _, origin, *_ in plain(rows):
        assert zone == zone_id(MARKET, "15m", kind, side, scale, origin, created[zone])


@pytest.mark.parametrize(
    ("name", "timeframe"),
    [
        ("binance_BTCUSDT_1m_2024", "1m"),
        ("binance_SOLUSDT_5m_2024-01_2024-09", "5m"),
        ("binance_ETHUSDT_1h_2017-08_2025-06", "1h"),
    ],
)
def test_no_two_zones_share_an_id_and_no_two_rows_a_key(real_data, name, timeframe):
    both = Both(timeframe)
    events = both.structure.advance(bars := real_bars(real_data, name))
    rows = both.zones.advance(bars, events)
    created = rows.filter(event="created")
    assert created.height > 3_000
    assert created["zone_id"].is_unique().all()
    assert set(rows["zone_id"]) == set(created["zone_id"])
    # The keys by which the warehouse tells rows apart.
    assert not rows.select("ts", "zone_id", "event").is_duplicated().any()
    assert not events.select("ts", "scale", "kind", "direction").is_duplicated().any()
    order = rows.select(pl.struct("ts", "sequence"))
    assert order.equals(order.sort(pl.all()))
    assert not order.is_duplicated().any()

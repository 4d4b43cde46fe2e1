"""Zone events are those of the plain reference, ids and order included, on recorded and on drawn bars."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings

from tests.engines.market_bars import Awkward, real_bars, simulated_bars
from tests.engines.structure_and_zones import Both, Parameters, assert_equal_rows, plain, reference, small_parameters
from tests.engines.tick_bars import tick_bars

RECORDED = [
    ("binance_BTCUSDT_1m_2024", "1m", 100_000, 12_000),
    ("binance_ETHUSDT_1h_2017-08_2025-06", "1h", 0, 12_000),
    ("binance_SOLUSDT_5m_2024-01_2024-09", "5m", 30_000, 12_000),
]


@pytest.mark.parametrize(("name", "timeframe", "first", "count"), RECORDED)
def test_recorded_bars(real_data, name, timeframe, first, count):
    bars = real_bars(real_data, name).slice(first, count)
    rows = Both(timeframe).advance(bars)
    _, expected = reference(bars, timeframe)
    assert_equal_rows(plain(rows), expected)
    assert {*rows["kind"]} == {"order_block", "breaker", "fvg", "liquidity"}
    seen = {"created", "touched", "mitigated", "invalidated", "filled", "swept", "broken"}
    assert seen <= {*rows["event"]}


@pytest.mark.parametrize("seed", range(3))
def test_simulated_bars(seed):
    """Jumps make wild bars, whose high and low are swapped in the search."""
    bars = simulated_bars(4_000, seed=seed, awkward=Awkward(jump=0.02))
    _, expected = reference(bars)
    assert_equal_rows(plain(Both().advance(bars)), expected)


@given(bars=tick_bars(), parameters=small_parameters())
@settings(max_examples=200, deadline=None)
def test_drawn_bars(bars, parameters: Parameters):
    _, expected = reference(bars, **parameters)
    assert_equal_rows(plain(Both(**parameters).advance(bars)), expected)


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_full_groups(limit):
    """Few zones may live: every new one ends an old one, breakers in the midst of the lives of others too."""
    parameters = {"internal": 2, "swing": 6, "live_limit": limit, "atr_period": 20}
    bars = simulated_bars(3_000, seed=5)
    _, expected = reference(bars, **parameters)
    rows = Both(**parameters).advance(bars)
    assert_equal_rows(plain(rows), expected)
    ended = rows.filter(pl.col("event") == "expired")
    assert {"order_block", "breaker"} <= {*ended["kind"]}

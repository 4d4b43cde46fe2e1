"""Structure events are those of the plain reference, on recorded and on drawn bars."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.engines.market_bars import real_bars, simulated_bars
from tests.engines.structure_and_zones import (
    Parameters,
    assert_equal_rows,
    plain,
    reference,
    small_parameters,
    structure_engine,
)
from tests.engines.tick_bars import tick_bars

RECORDED = [
    ("binance_BTCUSDT_1m_2024", "1m", 100_000, 12_000),
    ("binance_ETHUSDT_1h_2017-08_2025-06", "1h", 0, 12_000),
    ("binance_SOLUSDT_5m_2024-01_2024-09", "5m", 30_000, 12_000),
]


@pytest.mark.parametrize(("name", "timeframe", "first", "count"), RECORDED)
def test_recorded_bars(real_data, name, timeframe, first, count):
    bars = real_bars(real_data, name).slice(first, count)
    rows = structure_engine(timeframe).advance(bars)
    expected, _ = reference(bars, timeframe)
    assert_equal_rows(plain(rows), expected)
    assert {*rows["kind"]} == {"swing_high", "swing_low", "bos", "choch", "eqh", "eql"}
    assert {*rows["scale"]} == {"micro", "internal", "swing"}


@pytest.mark.parametrize("seed", range(3))
def test_simulated_bars(seed):
    bars = simulated_bars(4_000, seed=seed)
    expected, _ = reference(bars)
    assert_equal_rows(plain(structure_engine().advance(bars)), expected)


@given(bars=tick_bars(), parameters=small_parameters())
@settings(max_examples=150, deadline=None)
def test_drawn_bars(bars, parameters: Parameters):
    expected, _ = reference(bars, **parameters)
    assert_equal_rows(plain(structure_engine(**parameters).advance(bars)), expected)


@pytest.mark.parametrize("widths", [(1, 2, 3), (2, 7, 16), (4, 33, 64), (3, 5, 200)])
def test_any_width_of_window(widths):
    """The extreme of a window is found by doubling: widths at, below and above powers of two."""
    micro, internal, swing = widths
    parameters = {"micro": micro, "internal": internal, "swing": swing, "atr_period": 14}
    bars = simulated_bars(2_500, seed=31)
    expected, _ = reference(bars, **parameters)
    assert_equal_rows(plain(structure_engine(**parameters).advance(bars)), expected)

"""VWAP and the dealing range against plain Python written from ENGINES.md."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engines.bars import bar_arrays
from engines.indicators import IndicatorEngine
from tests.engines.market_bars import START_MS, Awkward, bars_frame, constant_bars, real_bars, simulated_bars


def plain_range(bars: pl.DataFrame, scale: int) -> list[tuple[float | None, float | None, float | None]]:
    high, low, close = (bars[name].to_list() for name in ("high", "low", "close"))
    leg = "none"
    top: float | None = None
    bottom: float | None = None
    rows = []
    for t in range(len(high)):
        p = t - scale
        if p >= 0:
            upper = high[p] > max(high[p + 1 : t + 1])
            lower = low[p] < min(low[p + 1 : t + 1])
            if upper and leg != "down":
                leg, top = "down", high[p]
            elif lower and leg != "up":
                leg, bottom = "up", low[p]
        if top is not None:
            top = max(top, high[t])
        if bottom is not None:
            bottom = min(bottom, low[t])
        both = top is not None and bottom is not None
        rows.append((top, bottom, (close[t] - bottom) / (top - bottom) if both else None))
    return rows


def check_range(bars: pl.DataFrame, scale: int, timeframe: str = "15m") -> None:
    rows = IndicatorEngine(timeframe=timeframe, swing_scale=scale).advance(bars)
    got = rows.select("range_top", "range_bottom", "range_position").rows()
    assert got == plain_range(bars, scale)
    assert rows["range_position"].drop_nulls().len() > bars.height // 4
    assert rows["range_top"].drop_nulls().n_unique() > 2


@pytest.mark.parametrize("scale", [1, 2, 3, 50, 63, 64])
@pytest.mark.parametrize("seed", range(3))
def test_range_by_the_definition(scale, seed):
    check_range(simulated_bars(4_000, seed=seed), scale)


def test_range_by_the_definition_where_ties_abound():
    check_range(simulated_bars(4_000, seed=5, awkward=Awkward(tick=0.5, still=0.02)), 5)


def test_range_by_the_definition_on_recorded_bars(real_data):
    check_range(real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").head(20_000), 50, "1h")


def test_no_range_where_nothing_stands_out():
    rows = IndicatorEngine().advance(constant_bars(500, volume=1.0))
    assert rows["range_top"].null_count() == rows["range_bottom"].null_count() == 500


def test_a_side_is_null_until_its_first_swing():
    price = np.concatenate([100.0 + np.arange(60.0), 160.0 - np.arange(80.0)])
    bars = bars_frame(START_MS + np.arange(140) * 900_000, price, price, price, price, np.ones(140))
    rows = IndicatorEngine().advance(bars)
    # The first bar is a swing low, confirmed 50 bars later; the peak is bar 60, confirmed at bar 110.
    assert rows["range_bottom"].is_null().sum() == 50
    assert rows["range_bottom"][50] == 100.0
    assert rows["range_top"].is_null().sum() == 110
    assert rows["range_top"][110] == 160.0
    assert rows["range_position"].is_null().sum() == 110


def plain_vwap(bars: pl.DataFrame) -> list[float | None]:
    day, value, volume = None, 0.0, 0.0
    rows: list[float | None] = []
    for ts, _, h, l, c, v in zip(*bar_arrays(bars), strict=True):
        if ts // 86_400_000 != day:
            day, value, volume = ts // 86_400_000, 0.0, 0.0
        value += (h + l + c) / 3 * v
        volume += v
        rows.append(float(value / volume) if volume > 0 else None)
    return rows


def check_vwap(bars: pl.DataFrame, timeframe: str) -> None:
    got = IndicatorEngine(timeframe=timeframe).advance(bars)["vwap"].to_list()
    want = plain_vwap(bars)
    assert [value is None for value in got] == [value is None for value in want]
    np.testing.assert_allclose([v for v in got if v is not None], [v for v in want if v is not None], rtol=1e-12)


@pytest.mark.parametrize("timeframe", ["1m", "15m", "4h", "1d", "1w"])
def test_vwap_since_midnight(timeframe):
    check_vwap(simulated_bars(10_000, seed=3, timeframe=timeframe, awkward=Awkward(gap=0.02, quiet=0.02)), timeframe)


def test_vwap_on_recorded_bars(real_data):
    check_vwap(real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06"), "1h")


def test_vwap_starts_again_after_a_gap_over_midnight():
    step = 900_000
    ts = [START_MS + 90 * step, START_MS + 91 * step, START_MS + 100 * step, START_MS + 101 * step]
    price, volume = [100.0, 102.0, 50.0, 60.0], [1.0, 1.0, 0.0, 4.0]
    rows = IndicatorEngine().advance(bars_frame(ts, price, price, price, price, volume))
    assert rows["vwap"].to_list() == [100.0, 101.0, None, 60.0]


def test_vwap_before_the_epoch():
    bars = simulated_bars(500, seed=2, timeframe="1h", start_ms=-40 * 86_400_000)
    check_vwap(bars, "1h")

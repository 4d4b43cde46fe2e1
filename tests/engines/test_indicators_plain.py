"""Columns TA-Lib does not have, against plain Python; and what happens where a market stands still for very long."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from engines.indicators import IndicatorEngine
from tests.engines.market_bars import START_MS, Awkward, bars_frame, constant_bars, real_bars, simulated_bars

MARKETS = [
    simulated_bars(3_000, seed=1),
    simulated_bars(3_000, seed=2, awkward=Awkward(quiet=0.05, still=0.02, tick=0.2)),
    simulated_bars(3_000, seed=3, awkward=Awkward(jump=0.05)),
]


def check(rows: pl.DataFrame, name: str, want: list[float | None], relative: float = 1e-11) -> None:
    got = rows[name].to_list()
    assert [value is None for value in got] == [value is None for value in want], name
    pairs = [(a, b) for a, b in zip(got, want, strict=True) if a is not None and b is not None]
    assert pairs
    np.testing.assert_allclose(*map(list, zip(*pairs, strict=True)), rtol=relative, atol=1e-18, err_msg=name)


def plain_volatility(close: list[float], n: int) -> list[float | None]:
    returns = [math.log(b / a) for a, b in pairwise(close)]
    return [None if t < n else statistics.stdev(returns[t - n : t]) for t in range(len(close))]


def plain_ema(values: list[float], n: int) -> list[float]:
    mean = sum(values[:n]) / n
    out = [mean]
    for value in values[n:]:
        mean += 2 / (n + 1) * (value - mean)
        out.append(mean)
    return [math.nan] * (n - 1) + out


def plain_atr(bars: pl.DataFrame, n: int) -> list[float]:
    high, low, close = (bars[name].to_list() for name in ("high", "low", "close"))
    ranges = [max(h, c) - min(l, c) for h, l, c in zip(high[1:], low[1:], close, strict=False)]
    mean = sum(ranges[:n]) / n
    out = [mean]
    for value in ranges[n:]:
        mean = (mean * (n - 1) + value) / n
        out.append(mean)
    return [math.nan] * n + out


@pytest.mark.parametrize("bars", MARKETS)
def test_realized_volatility(bars):
    check(IndicatorEngine().advance(bars), "realized_vol_30", plain_volatility(bars["close"].to_list(), 30), 1e-9)


@pytest.mark.parametrize("bars", MARKETS)
def test_keltner_channel(bars):
    rows = IndicatorEngine().advance(bars)
    middle, reach = plain_ema(bars["close"].to_list(), 20), plain_atr(bars, 10)
    for sign, name in ((2.0, "keltner_upper_20"), (-2.0, "keltner_lower_20")):
        values = [m + sign * r for m, r in zip(middle, reach, strict=True)]
        check(rows, name, [None if math.isnan(value) else value for value in values])


@pytest.mark.parametrize("bars", MARKETS)
def test_relative_volume(bars):
    volume = bars["volume"].to_list()
    means = [None if t < 19 else sum(volume[t - 19 : t + 1]) / 20 for t in range(len(volume))]
    want = [None if not mean else v / mean for v, mean in zip(volume, means, strict=True)]
    check(IndicatorEngine().advance(bars), "relative_volume_20", want)


def test_columns_without_an_oracle_on_recorded_bars(real_data):
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").head(8_000)
    rows = IndicatorEngine(timeframe="1h").advance(bars)
    check(rows, "realized_vol_30", plain_volatility(bars["close"].to_list(), 30), 1e-9)
    upper = [m + 2 * r for m, r in zip(plain_ema(bars["close"].to_list(), 20), plain_atr(bars, 10), strict=True)]
    check(rows, "keltner_upper_20", [None if math.isnan(value) else value for value in upper])


def test_returns_of_any_size():
    factors = np.concatenate([np.geomspace(1 + 1e-12, 50.0, 60), 1 / np.geomspace(1 + 1e-12, 50.0, 60)])
    price = 100 * np.cumprod(np.random.default_rng(5).permutation(factors))
    bars = bars_frame(START_MS + np.arange(120) * 900_000, price, price, price, price, np.ones(120))
    rows = IndicatorEngine(realized_vol_period=2).advance(bars)
    check(rows, "realized_vol_2", plain_volatility(price.tolist(), 2), 1e-9)


def still_after_moves(count: int) -> pl.DataFrame:
    moving = simulated_bars(300, seed=6)
    still = constant_bars(count, price=moving["close"][-1]).with_columns(
        pl.col("ts") + (moving["ts"][-1] - constant_bars(1)["ts"][0]) + pl.duration(minutes=15)
    )
    return pl.concat([moving, still])


def test_nothing_withers_where_a_market_stands_still_for_years():
    rows = IndicatorEngine(rsi_period=3, adx_period=3).advance(still_after_moves(60_000))
    for name in ("rsi_3", "plus_di_3", "minus_di_3"):
        settled = rows[name][400]
        assert settled > 1.0
        np.testing.assert_allclose(rows[name][400:].to_numpy(), settled, rtol=1e-9, err_msg=name)
    plus, minus = rows["plus_di_3"][-1], rows["minus_di_3"][-1]
    np.testing.assert_allclose(rows["adx_3"][-1], 100 * abs(plus - minus) / (plus + minus), rtol=1e-9)


def test_a_market_that_wakes_up_has_forgotten_its_sleep():
    slept = still_after_moves(30_000)
    price = slept["close"][-1]
    ticks = np.array([price, *(price + 0.01 * np.array([1, -1, 2, -2, 1, 3, -3, 1, 2, -1]))])
    stamp = int(slept["ts"].dt.epoch("ms")[-1]) + 900_000 * np.arange(1, 12)
    awake = bars_frame(stamp, ticks, ticks, ticks, ticks, np.ones(11))
    rows = IndicatorEngine(rsi_period=2).advance(pl.concat([slept, awake])).tail(10)
    gain = loss = 0.0
    for before, after, got in zip(ticks, ticks[1:], rows["rsi_2"], strict=False):
        gain, loss = (gain + max(after - before, 0)) / 2, (loss + max(before - after, 0)) / 2
        np.testing.assert_allclose(got, 100 * gain / (gain + loss), rtol=1e-9)

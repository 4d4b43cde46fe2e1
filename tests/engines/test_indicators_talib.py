"""Indicators against TA-Lib: within 1e-8, and null exactly where TA-Lib's value is NaN."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import talib

from engines.bars import bar_arrays
from engines.errors import BadParameter
from engines.indicators import IndicatorEngine
from tests.engines.market_bars import Awkward, constant_bars, real_bars, simulated_bars

# TA-Lib's own rolling sums drift over millions of bars; recorded series are compared in stretches it still gets right.
STRETCH = 100_000
DEFAULTS = {
    "ema": (9, 21, 50, 200),
    "sma": (20, 50, 200),
    "rsi": 14,
    "atr": (14, 200),
    "macd": (12, 26, 9),
    "bb": (20, 2.0),
}
OTHERS = {"ema": (2, 3, 5, 300), "sma": (2, 33, 255), "rsi": 2, "atr": (2, 7), "macd": (3, 10, 16), "bb": (256, 1.5)}


def oracle(bars: pl.DataFrame, periods: dict = DEFAULTS) -> dict[str, np.ndarray]:
    _, _, high, low, close, volume = bar_arrays(bars)
    bb, deviations = periods["bb"]
    macd = dict(zip(("macd", "macd_signal", "macd_hist"), talib.MACD(close, *periods["macd"]), strict=True))
    bands = talib.BBANDS(close, bb, deviations, deviations, 0)
    return {
        **{f"ema_{n}": talib.EMA(close, n) for n in periods["ema"]},
        **{f"sma_{n}": talib.SMA(close, n) for n in periods["sma"]},
        f"rsi_{periods['rsi']}": talib.RSI(close, periods["rsi"]),
        **{f"atr_{n}": talib.ATR(high, low, close, n) for n in periods["atr"]},
        **macd,
        **dict(zip((f"bb_upper_{bb}", f"bb_middle_{bb}", f"bb_lower_{bb}"), bands, strict=True)),
        "obv": talib.OBV(close, volume),
    }


def check(rows: pl.DataFrame, want: dict[str, np.ndarray], tolerance: float = 1e-8) -> None:
    for name, values in want.items():
        missing = np.isnan(values)
        assert rows[name].is_null().to_numpy().tolist() == missing.tolist(), f"{name}: nulls are not where TA-Lib's are"
        got = rows[name].fill_null(0.0).to_numpy()
        assert not np.isnan(got).any(), f"{name} has NaN instead of null"
        error = np.abs(got - values) / np.maximum(1.0, np.abs(values))
        error[missing] = 0.0
        assert error.max(initial=0.0) <= tolerance, f"{name}: row {error.argmax()} differs by {error.max()}"


@pytest.mark.parametrize("seed", range(4))
def test_simulated_bars(seed):
    bars = simulated_bars(20_000, seed=seed)
    check(IndicatorEngine().advance(bars), oracle(bars))


def test_other_periods_name_other_columns():
    bars = simulated_bars(5_000, seed=9)
    engine = IndicatorEngine(
        ema_periods=OTHERS["ema"],
        sma_periods=OTHERS["sma"],
        rsi_period=OTHERS["rsi"],
        atr_periods=OTHERS["atr"],
        macd_fast=3,
        macd_slow=10,
        macd_signal=16,
        bb_period=256,
        bb_deviations=1.5,
        swing_scale=7,
    )
    check(engine.advance(bars), oracle(bars, OTHERS))


@pytest.mark.parametrize(
    "name",
    [
        "binance_BTCUSDT_1h_2017-08_2025-06",
        "binance_BTCUSDT_1m_2024",
        "binance_ETHUSDT_1m_2024",
        "binance_DOGEUSDT_5m_2024-01_2024-09",
    ],
)
def test_recorded_bars(real_data, name):
    bars = real_bars(real_data, name)
    timeframe = name.split("_")[2]
    for start in range(0, bars.height, STRETCH):
        stretch = bars.slice(start, STRETCH)
        check(IndicatorEngine(timeframe=timeframe).advance(stretch), oracle(stretch))


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e6])
def test_cheap_and_dear_coins(scale):
    bars = simulated_bars(5_000, seed=2, awkward=Awkward(tick=1e-4))
    scaled = bars.with_columns(pl.col("open", "high", "low", "close") * scale)
    rows, want = IndicatorEngine().advance(scaled), oracle(scaled)
    check(rows, want)
    # The tolerance of the contract is absolute below 1; small prices deserve a relative one.
    for name in ("ema_200", "sma_200", "atr_14", "bb_upper_20", "bb_lower_20"):
        got, expected = rows[name].drop_nulls().to_numpy(), want[name][~np.isnan(want[name])]
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_market_that_does_not_move():
    bars = constant_bars(600, price=0.1, volume=0.0)
    rows = IndicatorEngine().advance(bars)
    check(rows, oracle(bars))
    last = rows.row(-1, named=True)
    assert (last["rsi_14"], last["atr_14"], last["bb_width_20"], last["obv"]) == (0.0, 0.0, 0.0, 0.0)
    assert last["bb_percent_20"] is None, "no band has no inside"
    assert last["vwap"] is None, "nothing was traded"


def test_constant_prices_after_moves_have_no_width_left():
    moving = simulated_bars(1_000, seed=6)
    price = moving["close"][-1]
    still = constant_bars(200, price=price).with_columns(
        pl.col("ts") + (moving["ts"][-1] - constant_bars(1)["ts"][0]) + pl.duration(minutes=15)
    )
    rows = IndicatorEngine().advance(pl.concat([moving, still])).tail(150)
    assert rows["bb_width_20"].max() == 0.0
    assert rows["bb_percent_20"].null_count() == 150


def test_width_and_percent_follow_from_the_bands():
    bars = simulated_bars(5_000, seed=3)
    rows = IndicatorEngine().advance(bars).with_columns(bars["close"])
    want = rows.select(
        width=(pl.col("bb_upper_20") - pl.col("bb_lower_20")) / pl.col("bb_middle_20"),
        percent=((pl.col("close") - pl.col("bb_lower_20")) / (pl.col("bb_upper_20") - pl.col("bb_lower_20"))).fill_nan(
            None
        ),
    )
    assert rows["bb_width_20"].equals(want["width"])
    assert rows["bb_percent_20"].equals(want["percent"])
    assert rows["bb_middle_20"].equals(rows["sma_20"])


@pytest.mark.parametrize("count", [1, 2, 14, 15, 20, 26, 34, 199, 200, 201])
def test_short_histories(count):
    bars = simulated_bars(count, seed=1)
    check(IndicatorEngine().advance(bars), oracle(bars))


def test_columns_stand_in_the_order_of_the_table():
    assert IndicatorEngine().advance(simulated_bars(1)).columns == [
        "ts", "ema_9", "ema_21", "ema_50", "ema_200", "sma_20", "sma_50", "sma_200", "rsi_14", "atr_14", "atr_200", "macd", "macd_signal", "macd_hist", "bb_upper_20", "bb_middle_20", "bb_lower_20", "bb_width_20", "bb_percent_20", "obv", "vwap", "range_top", "range_bottom", "range_position",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parameters",
    [
        {"ema_periods": (9, 21, 50)},
        {"ema_periods": (9, 9, 21, 50)},
        {"ema_periods": (1, 9, 21, 50)},
        {"sma_periods": (20, 50, 200.0)},
        {"atr_periods": (14,)},
        {"rsi_period": 1},
        {"macd_fast": 26, "macd_slow": 26},
        {"macd_signal": 0},
        {"bb_period": "20"},
        {"bb_deviations": 0.0},
        {"bb_deviations": float("nan")},
        {"swing_scale": 0},
    ],
)
def test_senseless_parameters_are_refused(parameters):
    with pytest.raises(BadParameter, match=next(reversed(parameters)).split("_")[0]):
        IndicatorEngine(**parameters)

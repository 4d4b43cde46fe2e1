"""Indicators against TA-Lib: within 1e-8, and null exactly where TA-Lib's value is NaN."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engines.bars import BAR_SCHEMA
from engines.indicators import IndicatorEngine
from engines.indicators.periods import Periods
from engines.ingestion.normal_form import normal_form
from engines.timeframe import Timeframe
from tests.engines.indicator_oracles import disagreements, talib_columns
from tests.engines.market_bars import Awkward, constant_bars, real_bars, simulated_bars

# TA-Lib's own rolling sums drift over millions of bars; recorded series are compared in stretches it still gets right.
STRETCH = 100_000
OTHERS = {
    "sma_periods": (2, 33, 255),
    "ema_periods": (2, 3, 5, 300),
    "wma_period": 7,
    "dema_period": 3,
    "tema_period": 31,
    "kama_period": 21,
    "hma_period": 49,
    "bb_period": 256,
    "bb_deviations": 1.5,
    "donchian_period": 130,
    "supertrend_period": 3,
    "supertrend_factor": 1.25,
    "psar_step": 0.05,
    "psar_limit": 0.07,
    "rsi_period": 2,
    "stoch_rsi_period": 5,
    "stoch_rsi_smoothing": 7,
    "macd_fast": 3,
    "macd_slow": 10,
    "macd_signal": 16,
    "stoch_period": 5,
    "stoch_k_smoothing": 1,
    "stoch_d_smoothing": 9,
    "cci_period": 150,
    "willr_period": 200,
    "mfi_period": 3,
    "roc_period": 1,
    "mom_period": 140,
    "trix_period": 4,
    "ultosc_periods": (3, 5, 150),
    "ppo_fast": 5,
    "ppo_slow": 6,
    "adx_period": 3,
    "aroon_period": 2,
    "atr_periods": (2, 7),
    "natr_period": 40,
    "adosc_fast": 2,
    "adosc_slow": 50,
    "cmf_period": 5,
    "volume_period": 2,
}


def check(bars: pl.DataFrame, timeframe: str = "15m", **periods) -> pl.DataFrame:
    rows = IndicatorEngine(timeframe=timeframe, **periods).advance(bars)
    chosen = Periods.of(periods)
    want = talib_columns(bars, chosen)
    # Without volume in its window TA-Lib's CMF divides what is left of earlier sums; ours is 0.
    traded = bars["volume"].rolling_max(chosen.cmf_period).to_numpy() != 0.0
    name = f"cmf_{chosen.cmf_period}"
    assert rows[name].filter(~traded).drop_nulls().eq(0.0).all()
    assert disagreements(rows.filter(traded), {name: want.pop(name)[traded]}) == {}
    assert disagreements(rows, want) == {}
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_simulated_bars(seed):
    check(simulated_bars(20_000, seed=seed))


@pytest.mark.parametrize("seed", range(2))
def test_ties_and_quiet_runs_abound(seed):
    check(simulated_bars(20_000, seed=seed, awkward=Awkward(tick=0.5, still=0.02, quiet=0.02)))


def test_other_periods_name_other_columns():
    check(simulated_bars(5_000, seed=9), **OTHERS, keltner_period=5, swing_scale=7)


def test_periods_longer_than_a_block_of_the_kernel():
    longer = {
        "sma_periods": (129, 500, 2_000),
        "ema_periods": (128, 129, 1_000, 3_000),
        "wma_period": 1_000,
        "dema_period": 400,
        "tema_period": 300,
        "kama_period": 600,
        "hma_period": 900,
        "bb_period": 700,
        "donchian_period": 1_024,
        "supertrend_period": 300,
        "rsi_period": 500,
        "stoch_rsi_period": 400,
        "stoch_rsi_smoothing": 200,
        "macd_fast": 200,
        "macd_slow": 600,
        "macd_signal": 300,
        "stoch_period": 600,
        "stoch_k_smoothing": 150,
        "stoch_d_smoothing": 300,
        "cci_period": 400,
        "willr_period": 601,
        "mfi_period": 640,
        "roc_period": 777,
        "mom_period": 1_500,
        "trix_period": 250,
        "ultosc_periods": (200, 500, 1_100),
        "adx_period": 300,
        "aroon_period": 512,
        "atr_periods": (150, 900),
        "natr_period": 400,
        "adosc_slow": 500,
        "cmf_period": 256,
        "volume_period": 384,
    }
    check(simulated_bars(6_000, seed=10), **longer)


def test_every_recorded_candle(real_data):
    files = sorted((real_data / "candles").glob("*.parquet"))
    assert len(files) >= 20
    for file in files:
        bars = real_bars(real_data, file.stem)
        for start in range(0, bars.height, STRETCH):
            check(bars.slice(start, STRETCH), file.stem.split("_")[2])


@pytest.mark.parametrize("name", ["perp_5m", "mark_1h"])
def test_recorded_perpetuals_and_mark_prices(real_data, name):
    files = sorted((real_data / "derivatives").glob(f"*_{name}_*.parquet"))
    assert files
    for file in files:
        check(pl.read_parquet(file).select(BAR_SCHEMA.names()).head(STRETCH), name.rpartition("_")[2])


def test_recorded_minutes_with_outages_and_bars_without_trades(real_data):
    raw = pl.read_parquet(real_data / "dirty" / "binance_BTCUSDT_1m_offgrid_gaps_2017-12_2018-02.parquet")
    bars = normal_form(raw, Timeframe.M1).bars.select(BAR_SCHEMA.names())
    assert (bars["volume"] == 0.0).any()
    check(bars, "1m")


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e6])
def test_cheap_and_dear_coins(scale):
    bars = simulated_bars(5_000, seed=2, awkward=Awkward(tick=1e-4))
    scaled = bars.with_columns(pl.col("open", "high", "low", "close") * scale)
    rows, want = check(scaled), talib_columns(scaled)
    # The tolerance of the contract is absolute below 1; small prices deserve a relative one.
    for name in ("ema_200", "sma_200", "wma_20", "kama_10", "atr_14", "psar", "supertrend_10", "donchian_upper_20"):
        got, expected = rows[name].drop_nulls().to_numpy(), want[name][~np.isnan(want[name])]
        np.testing.assert_allclose(got, expected, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("price", [0.1, 1e-7, 13_880.33, 60_000.07])
@pytest.mark.parametrize("volume", [0.0, 3.7])
def test_market_that_does_not_move(price, volume):
    rows = check(constant_bars(600, price=price, volume=volume))
    last = rows.row(-1, named=True)
    for name in ("rsi_14", "stoch_k_14", "willr_14", "mfi_14", "adx_14", "ultosc", "atr_14", "bb_width_20", "cmf_20"):
        assert last[name] == 0.0, name
    for name in ("sma_20", "ema_200", "wma_20", "kama_10", "bb_upper_20", "keltner_lower_20", "supertrend_10", "psar"):
        np.testing.assert_allclose(last[name], price, rtol=1e-14, err_msg=name)
    assert (last["aroon_up_25"], last["aroon_down_25"], last["supertrend_dir_10"]) == (100.0, 100.0, 1.0)
    assert last["bb_percent_20"] is None, "no band has no inside"
    assert (last["vwap"] is None) == (last["relative_volume_20"] is None) == (volume == 0.0), "was anything traded"


def test_market_that_stops_moving():
    moving = simulated_bars(1_000, seed=6)
    price = moving["close"][-1]
    still = constant_bars(200, price=price).with_columns(
        pl.col("ts") + (moving["ts"][-1] - constant_bars(1)["ts"][0]) + pl.duration(minutes=15)
    )
    rows = check(pl.concat([moving, still])).tail(150)
    assert rows["bb_width_20"].max() == 0.0
    assert rows["bb_percent_20"].null_count() == 150
    assert rows["realized_vol_30"].max() == 0.0
    assert rows["cci_20"].abs().max() == rows["mfi_14"].abs().max() == rows["stoch_k_14"].abs().max() == 0.0


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
    np.testing.assert_allclose(rows["bb_middle_20"].drop_nulls(), rows["sma_20"].drop_nulls(), rtol=1e-14)


@pytest.mark.parametrize("count", [1, 2, 14, 15, 20, 26, 34, 44, 58, 199, 200, 201])
def test_short_histories(count):
    check(simulated_bars(count, seed=1))

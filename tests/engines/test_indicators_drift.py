"""Rolling values after very many bars, and after a spike, agree with a fresh computation to 1e-9."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engines.bars import bar_arrays
from engines.indicators import IndicatorEngine
from tests.engines.market_bars import bars_frame, simulated_bars

RELATIVE = 1e-9


def fresh(close: np.ndarray, ends: np.ndarray) -> dict[str, np.ndarray]:
    """Averages and deviation of the windows that end at these rows, each computed from its own values alone."""
    windows = {n: np.stack([close[end - n + 1 : end + 1] for end in ends]) for n in (20, 50, 200)}
    values = {f"sma_{n}": window.mean(axis=1) for n, window in windows.items()}
    exact = windows[20].astype(np.longdouble)
    return {**values, "half_width": (2 * exact.std(axis=1)).astype(float), "bb_middle_20": values["sma_20"]}


def check(rows: pl.DataFrame, close: np.ndarray, ends: np.ndarray) -> None:
    want = fresh(close, ends)
    for name in ("sma_20", "sma_50", "sma_200", "bb_middle_20"):
        np.testing.assert_allclose(rows[name].gather(ends).to_numpy(), want[name], rtol=RELATIVE, err_msg=name)
    upper, middle, lower = (rows[f"bb_{side}_20"].gather(ends).to_numpy() for side in ("upper", "middle", "lower"))
    # A band is the middle plus or minus the width, so rounding of the middle is all the error that may be added.
    slack = 4 * np.spacing(middle)
    assert (np.abs((upper - middle) - want["half_width"]) <= RELATIVE * want["half_width"] + slack).all()
    assert (np.abs((middle - lower) - want["half_width"]) <= RELATIVE * want["half_width"] + slack).all()


@pytest.mark.parametrize("factor", [30.0, 1e6])
def test_a_spike_leaves_no_trace(factor):
    bars = simulated_bars(4_000, seed=13)
    spikes = [1_000, 1_001, 2_047, 2_048, 3_500]
    spiked = bars.with_columns(
        pl.when(pl.int_range(pl.len()).is_in(spikes)).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    rows = IndicatorEngine().advance(spiked)
    check(rows, spiked["close"].to_numpy(), np.arange(200, 4_000))


def test_a_crash_to_almost_nothing_leaves_no_trace():
    random = np.random.default_rng(3)
    price = np.concatenate(
        [60_000 + random.normal(0, 10, 700).cumsum(), 1e-4 * np.exp(random.normal(0, 0.01, 1_500).cumsum())]
    )
    bars = bars_frame(np.arange(price.size) * 900_000, price, price, price, price, np.ones(price.size))
    check(IndicatorEngine().advance(bars), price, np.arange(200, price.size))


def test_two_million_bars_with_a_spike():
    count = 2_000_000
    bars = simulated_bars(count, seed=17, timeframe="1m")
    spiked = bars.with_columns(
        pl.when(pl.int_range(pl.len()) == 1_000_000).then(pl.col(name) * 1_000).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    rows = IndicatorEngine(timeframe="1m").advance(spiked)
    ends = np.unique(np.concatenate([np.arange(999_900, 1_000_600), np.linspace(500, count - 1, 3_000).astype(int)]))
    check(rows, spiked["close"].to_numpy(), ends)


def test_a_late_start_agrees_where_memory_is_finite():
    bars = simulated_bars(300_000, seed=19)
    whole = IndicatorEngine().advance(bars).tail(1_000)
    late = IndicatorEngine().advance(bars.tail(20_000)).tail(1_000)
    for name in ("sma_20", "sma_50", "sma_200", "bb_middle_20", "ema_9", "ema_200", "atr_200", "vwap"):
        np.testing.assert_allclose(whole[name].to_numpy(), late[name].to_numpy(), rtol=RELATIVE, err_msg=name)
    assert bar_arrays(bars).ts.size == 300_000

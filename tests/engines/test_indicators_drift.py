"""Rolling values after very many bars, and after a spike, agree with a fresh computation to 1e-9."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engines.bars import bar_arrays
from engines.indicators import IndicatorEngine
from engines.indicators.periods import Periods
from tests.engines.indicator_oracles import disagreements, talib_columns
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


MINUTE = 60_000


def minutes(first: int, count: int, price: float) -> pl.DataFrame:
    """Minute bars of a random walk that is drawn back to 100; volumes are multiples of 1/1024, so that sums are exact."""
    random = np.random.default_rng(first)
    pull = np.linspace(0.0, np.log(100.0 / price), count)
    walk = random.normal(0, 0.0005, count).cumsum()
    close = price * np.exp(walk + pull)
    opened = np.concatenate([[price], close[:-1]])
    high = np.maximum(opened, close) * np.exp(np.abs(random.normal(0, 0.0003, count)))
    low = np.minimum(opened, close) * np.exp(-np.abs(random.normal(0, 0.0003, count)))
    volume = np.round(random.lognormal(3.0, 1.0, count) * 1024) / 1024
    return bars_frame((first + np.arange(count)) * MINUTE, opened, high, low, close, volume)


def test_ten_million_bars_in_constant_memory():
    """Every column, at the end of 19 years of minutes, as if the engine had started a short while ago."""
    count, chunk, tail = 10_000_000, 250_000, 40_000
    chosen = Periods()
    engine = IndicatorEngine(timeframe="1m")
    sizes: list[int] = []
    on_balance = distribution = np.longdouble(0)
    price, before = 100.0, None
    bars = rows = pl.DataFrame()
    for first in range(0, count, chunk):
        bars = minutes(first, chunk, price)
        rows = engine.advance(bars)
        _, _, high, low, close, volume = bar_arrays(bars)
        signs = np.sign(np.diff(close, prepend=close[0] if before is None else before))
        on_balance += (signs * volume).sum(dtype=np.longdouble) + (volume[0] if before is None else 0)
        share = ((close.astype(np.longdouble) - low) - (high.astype(np.longdouble) - close)) / (high - low)
        distribution += (share * volume).sum()
        price = before = float(close[-1])
        sizes.append(len(engine.snapshot()))
    assert engine.bars_seen == count
    assert max(sizes) - min(sizes) < 256, "a snapshot does not grow with the bars"
    assert rows["obv"][-1] == on_balance
    np.testing.assert_allclose(rows["ad"][-1], float(distribution), rtol=RELATIVE)

    late = bars.tail(tail)
    since_start = {"obv", "ad"}
    want = {name: values[-1_000:] for name, values in talib_columns(late, chosen).items() if name not in since_start}
    last = rows.tail(1_000)
    assert disagreements(last, want) == {}
    fresh_rows = IndicatorEngine(timeframe="1m").advance(late).tail(1_000)
    for name in rows.columns[1:]:
        if name in since_start or name == "adosc":
            continue
        np.testing.assert_allclose(
            last[name].to_numpy(), fresh_rows[name].to_numpy(), rtol=RELATIVE, atol=1e-9, err_msg=name
        )


def test_a_late_start_agrees_where_memory_is_finite():
    bars = simulated_bars(300_000, seed=19)
    whole = IndicatorEngine().advance(bars).tail(1_000)
    late = IndicatorEngine().advance(bars.tail(20_000)).tail(1_000)
    for name in ("sma_20", "sma_50", "sma_200", "bb_middle_20", "ema_9", "ema_200", "atr_200", "vwap"):
        np.testing.assert_allclose(whole[name].to_numpy(), late[name].to_numpy(), rtol=RELATIVE, err_msg=name)
    assert bar_arrays(bars).ts.size == 300_000

"""The pass over the bars made for moving-average crosses finds what the general loop finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.backtest import BacktestConfig, BadBacktest, Fees, Slippage, backtest
from engines.backtest.cross_sweep import BLOCK
from engines.backtest.moving_average_cross import LEAN_METRICS, MovingAverageCross
from tests.engines.market_bars import real_bars, simulated_bars

ALL_IN = BacktestConfig(sizing="equity_fraction", size=1.0)
# Sums over trades are added in another order.
SUMS = {"profit_factor", "expectancy", "fees", "slippage_cost", "turnover"}


def assert_agrees(bars: pl.DataFrame, sets: list[dict[str, int]], config: BacktestConfig, threads: int = 2) -> None:
    source = MovingAverageCross(bars)
    table = source.sweep_lean(sets, config, threads=threads)
    assert table is not None
    assert table.columns == list(LEAN_METRICS)
    for row, one in zip(table.to_dicts(), sets, strict=True):
        metrics = backtest(bars, source.signals(one), config).metrics
        for name in LEAN_METRICS:
            tolerance = 1e-9 if name in SUMS else 1e-12
            assert row[name] == pytest.approx(metrics[name], rel=tolerance, abs=tolerance, nan_ok=True), (one, name)


@given(
    seed=st.integers(0, 10_000),
    bars=st.integers(2, 3 * BLOCK),
    sets=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 400)), min_size=1, max_size=6),
    taker=st.sampled_from([0.0, 5.0, 40.0]),
    slippage=st.sampled_from([0.0, 1.0, 30.0]),
    size=st.sampled_from([1.0, 0.3]),
    threads=st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_agrees_with_the_general_loop(
    seed: int,
    bars: int,
    sets: list[tuple[int, int]],
    taker: float,
    slippage: float,
    size: float,
    threads: int,
) -> None:
    config = ALL_IN.with_values({"fees.taker_bp": taker, "slippage.bp": slippage, "size": size})
    market = simulated_bars(bars, seed=seed, timeframe="5m")
    pairs = [{"fast": fast, "slow": fast + more} for fast, more in sets]
    assert_agrees(market, pairs, config, threads)


@pytest.mark.parametrize("edge", [BLOCK - 1, BLOCK, BLOCK + 1])
def test_warm_up_ends_at_a_block_s_edge(edge: int) -> None:
    bars = simulated_bars(2 * BLOCK + 5, seed=3, timeframe="1m")
    assert_agrees(bars, [{"fast": 7, "slow": edge}, {"fast": 5, "slow": edge + 1}], ALL_IN)


def test_a_fixed_value_a_trade() -> None:
    config = BacktestConfig(sizing="fixed_notional", size=2_500.0, fees=Fees(taker_bp=7.5), slippage=Slippage(bp=2.0))
    bars = simulated_bars(6_000, seed=9, timeframe="15m")
    assert_agrees(bars, [{"fast": 5, "slow": 21}, {"fast": 12, "slow": 26}], config)


def test_recorded_minutes(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1m_2024").head(120_000)
    sets = [{"fast": fast, "slow": slow} for fast in (5, 20, 50) for slow in (60, 200, 1_000)]
    assert_agrees(bars, sets, ALL_IN)


def test_what_it_cannot_do_is_left_to_the_general_loop() -> None:
    source = MovingAverageCross(simulated_bars(200, seed=1))
    one = [{"fast": 5, "slow": 20}]
    for change in ({"leverage": 2.0}, {"entry": "limit"}, {"max_participation": 0.1}, {"trailing.distance": 2.0}):
        assert source.sweep_lean(one, ALL_IN.with_values(change)) is None
    assert source.sweep_lean([{**one[0], "short": True}], ALL_IN) is None


def test_the_averages_are_those_of_the_indicators() -> None:
    from engines.indicators import IndicatorEngine

    bars = simulated_bars(2_000, seed=4)
    column = IndicatorEngine(timeframe="15m", columns=["ema_21"]).advance(bars)["ema_21"]
    # A cross of the bar itself over its average shows where the average stands.
    signals = MovingAverageCross(bars).signals({"fast": 1, "slow": 21})
    above = (bars["close"].to_numpy() > column.fill_null(np.inf).to_numpy())[20:]
    changes = np.flatnonzero(above[1:] != above[:-1]) + 21
    assert signals["ts"].to_list() == bars["ts"][changes].to_list()


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"fast": 20, "slow": 20}, "fast"),
        ({"fast": 0}, "fast"),
        ({"slow": 2.5}, "slow"),
        ({"short": 1}, "short"),
        ({"length": 5}, "length"),
    ],
)
def test_refuses_parameters_that_cannot_be(parameters: dict[str, object], where: str) -> None:
    with pytest.raises(BadBacktest) as caught:
        MovingAverageCross(simulated_bars(50, seed=1)).signals(parameters)
    assert caught.value.where == where

"""Robustness tests against plain references, planted edges and coin flips."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.backtest import BacktestConfig, BadBacktest, EntryOrder, Fees, Sizing, Slippage, backtest
from engines.backtest.robustness.monte_carlo import (
    BAND_LEVELS,
    Resampling,
    _places,  # pyright: ignore[reportPrivateUsage] - the drawing itself is what blocks are about
    day_returns,
    monte_carlo,
    trade_returns,
)
from engines.backtest.robustness.neighbourhood import neighbourhood
from engines.backtest.robustness.random_entries import DistanceUnit, random_entries
from engines.backtest.robustness.stress import Scenario, Stress, delayed, stress
from tests.engines.random_walks import HOUR, START, coin_flips, foresight, frame_of, walk

FREE = BacktestConfig(
    sizing=Sizing.EQUITY_FRACTION, size=0.5, fees=Fees(maker_bp=0.0, taker_bp=0.0), slippage=Slippage(bp=0.0)
)
RETURNS = np.random.default_rng(4).normal(0.0, 0.02, 180)


def plain_paths(places: np.ndarray[Any, Any], returns: np.ndarray[Any, Any]) -> list[list[float]]:
    paths: list[list[float]] = []
    for row in places.tolist():
        path = [1.0]
        for place in row:
            path.append(path[-1] * (1.0 + float(returns[place])))
        paths.append(path)
    return paths


@pytest.mark.parametrize("method", list(Resampling))
def test_bands_drawdowns_and_probabilities_are_those_of_plain_paths(method: Resampling) -> None:
    made = monte_carlo(RETURNS, method=method, paths=90, block=5, ruin=0.8, seed=7)
    size = 1.0 if method is Resampling.SHUFFLE else 5.0
    paths = plain_paths(_places(np.random.default_rng(7), method, 90, 180, size), RETURNS)
    assert made.steps.tolist() == list(range(181))
    for point in (0, 1, 57, 180):
        at = sorted(path[point] for path in paths)
        for level, band in zip(BAND_LEVELS, made.bands[:, point], strict=True):
            place = level * (len(at) - 1)
            low = at[math.floor(place)]
            assert band == pytest.approx(low + (place % 1.0) * (at[min(math.floor(place) + 1, 89)] - low))
    drawdowns = [max(1.0 - low / max(path[: k + 1]) for k, low in enumerate(path)) for path in paths]
    assert made.max_drawdown.tolist() == pytest.approx(drawdowns)
    assert made.probability_of_ruin == sum(min(path) <= 0.8 for path in paths) / 90
    assert 0.0 < made.probability_of_ruin < 1.0
    if method is not Resampling.SHUFFLE:
        assert made.final_return.tolist() == pytest.approx([path[-1] - 1.0 for path in paths])
        assert made.probability_of_loss == sum(path[-1] < 1.0 for path in paths) / 90


def test_a_shuffle_ends_where_the_backtest_did() -> None:
    made = monte_carlo(RETURNS, method=Resampling.SHUFFLE, paths=50)
    assert np.ptp(made.final_return) == 0.0
    assert made.final_return[0] == pytest.approx(np.prod(1.0 + RETURNS) - 1.0)
    assert np.ptp(made.bands[:, -1]) < 1e-12
    assert np.unique(made.max_drawdown).shape[0] > 30


@given(st.sampled_from(list(Resampling)), st.integers(1, 60), st.floats(1.0, 90.0), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_is_drawn_follows_in_blocks(method: Resampling, length: int, block: float, seed: int) -> None:
    places = _places(np.random.default_rng(seed), method, 7, length, block)
    assert places.shape == (7, length)
    assert places.min() >= 0
    assert places.max() < length
    if method is Resampling.SHUFFLE:
        assert (np.sort(places, axis=1) == np.arange(length)).all()
    if method is Resampling.CIRCULAR:
        follows = places[:, 1:] == (places[:, :-1] + 1) % length
        within = np.arange(1, length) % min(round(block), length) != 0
        assert follows[:, within].all()


def test_stationary_blocks_are_as_long_as_asked_on_average() -> None:
    places = _places(np.random.default_rng(3), Resampling.STATIONARY, 400, 500, 8.0)
    breaks = np.mean(places[:, 1:] != (places[:, :-1] + 1) % 500)
    assert breaks == pytest.approx(1.0 / 8.0, rel=0.05)
    # Every return is drawn equally often.
    assert np.bincount(places.ravel(), minlength=500).std() / 400 < 0.2


@pytest.mark.parametrize("method", list(Resampling))
def test_the_same_seed_gives_the_same_paths(method: Resampling) -> None:
    one, same, other = (monte_carlo(RETURNS, method=method, seed=seed, paths=60) for seed in (5, 5, 6))
    assert np.array_equal(one.bands, same.bands)
    assert np.array_equal(one.max_drawdown, same.max_drawdown)
    assert not np.array_equal(one.max_drawdown, other.max_drawdown)


def test_a_loss_of_everything_ends_a_path_at_nothing() -> None:
    made = monte_carlo(np.array([0.1, -1.4, 0.3]), method=Resampling.SHUFFLE, paths=20)
    assert (made.final_return == -1.0).all()
    assert (made.max_drawdown == 1.0).all()
    assert made.probability_of_ruin == made.probability_of_loss == 1.0


def test_long_runs_are_drawn_in_parts_and_bands_have_bounded_points() -> None:
    returns = np.random.default_rng(1).normal(0.0, 0.001, 30_000)
    made = monte_carlo(returns, paths=150)
    assert made.bands.shape == (5, made.steps.shape[0])
    assert made.steps.shape[0] == 250
    assert made.steps[0] == 0
    assert made.steps[-1] == 30_000
    assert (np.diff(made.bands, axis=0) >= 0.0).all()


@pytest.mark.parametrize(
    ("returns", "options", "words"),
    [
        ([], {}, "no trade"),
        ([0.1, math.nan], {}, "return 1 is not a finite number"),
        ([0.1], {"paths": 0}, "paths"),
        ([0.1], {"ruin": 1.0}, "ruin"),
        ([0.1], {"block": 0.5}, "block"),
    ],
)
def test_bad_input_is_named(returns: list[float], options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadBacktest, match=words):
        monte_carlo(np.array(returns), **options)


def test_trade_returns_compound_to_the_last_equity() -> None:
    bars = frame_of(walk(600, seed=2))
    result = backtest(bars, coin_flips(bars, 40, seed=3), BacktestConfig())
    assert result.trades.height > 20
    grown = np.prod(1.0 + trade_returns(result)) * result.config.cash
    assert grown == pytest.approx(result.equity["equity"][-1])
    assert np.prod(1.0 + day_returns(result)) * result.config.cash == pytest.approx(grown)


def test_a_planted_edge_is_significant() -> None:
    bars = frame_of(walk(3_000, seed=11))
    result = backtest(bars, foresight(bars, 60, seed=5), FREE)
    found = random_entries(result, partial(backtest, bars), runs=99)
    assert found.p == 1 / 100
    assert found.observed > found.values.max()
    assert found.observed_trades == result.trades.height
    # Trades seldom meet: random runs have nearly as many.
    assert 0.9 * found.observed_trades <= found.trades.mean() <= found.observed_trades


def test_coin_flips_are_as_good_as_random_entries() -> None:
    places: list[float] = []
    for seed in range(60):
        bars = frame_of(walk(800, seed=100 + seed, drift=0.0004))
        result = backtest(bars, coin_flips(bars, 25, seed=seed), FREE)
        places.append(random_entries(result, partial(backtest, bars), runs=39, seed=seed).p)
    # 5 % of them, give or take: of 60, more than 8 are found in less than 1 of 200 tries.
    assert sum(p <= 0.05 for p in places) <= 8
    assert 0.35 < float(np.mean(places)) < 0.65


def test_trades_closed_by_signals_keep_their_length() -> None:
    bars = frame_of(walk(900, seed=8))
    places = [at for k in range(10, 880, 30) for at in (k, k + 12)]
    signals = pl.DataFrame(
        {
            "ts": bars["ts"].gather(places),
            "direction": pl.Series([1, 0] * 29, dtype=pl.Int8),
        }
    )
    result = backtest(bars, signals, FREE)
    assert set(result.trades["bars_held"]) == {12}
    seen: list[pl.DataFrame] = []

    def run(signals: pl.DataFrame, config: BacktestConfig, /) -> Any:
        made = backtest(bars, signals, config)
        seen.append(made.trades)
        return made

    found = random_entries(result, run, runs=30)
    lengths = pl.concat(seen)
    assert lengths.filter(pl.col("exit_reason") == "signal")["bars_held"].unique().to_list() == [12]
    assert found.trades.mean() > 0.95 * 29
    assert len({tuple(one["entry_ts"]) for one in seen}) == 30


@pytest.mark.parametrize("unit", list(DistanceUnit))
def test_distances_are_kept_in_their_unit(unit: DistanceUnit) -> None:
    calm, wild = walk(1_500, seed=4), walk(1_500, seed=5)
    bars = frame_of(np.append(100.0 * (calm / 100.0) ** 0.2, wild), spread=0.001)
    result = backtest(bars, coin_flips(bars, 60, seed=6), FREE)
    given: list[pl.DataFrame] = []

    def run(signals: pl.DataFrame, config: BacktestConfig, /) -> Any:
        given.append(signals)
        return backtest(bars, signals, config)

    random_entries(result, run, runs=20, unit=unit)
    drawn = pl.concat(given).with_columns(
        distance=(pl.col("stop") / pl.col("entry")).log().abs(), wild=pl.col("ts") > bars["ts"][1_500]
    )
    mean = dict(drawn.group_by("wild").agg(pl.col("distance").mean()).iter_rows())
    assert drawn.filter((pl.col("entry") - pl.col("stop")) * pl.col("direction") <= 0.0).height == 0
    if unit is DistanceUnit.PRICE:
        assert mean[True] == pytest.approx(mean[False], rel=0.01)
        assert mean[True] == pytest.approx(0.03, rel=0.01)
    else:
        assert mean[True] > 2.0 * mean[False]


@pytest.mark.parametrize("order", [EntryOrder.LIMIT, EntryOrder.STOP])
def test_waiting_orders_stay_as_far_from_the_close(order: EntryOrder) -> None:
    bars = frame_of(walk(6_000, seed=14))
    side = 1.0 if order is EntryOrder.STOP else -1.0
    signals = coin_flips(bars, 150, seed=6).with_columns(pl.col("entry") * (1.0 + side * 0.008 * pl.col("direction")))
    config = BacktestConfig(entry=order, valid_bars=3)
    result = backtest(bars, signals, config)
    assert (result.signals["fate"] == "not_reached").any()
    found = random_entries(result, partial(backtest, bars), runs=60)
    assert 0.8 * found.observed_trades < found.trades.mean() < 1.2 * found.observed_trades


def test_orders_of_many_markets_stay_in_theirs() -> None:
    frames = [
        frame_of(walk(700, seed=seed)).with_columns(pl.lit(name).alias("market")) for seed, name in ((1, "A"), (2, "B"))
    ]
    bars = pl.concat(frames)
    flips = [
        coin_flips(frame.drop("market"), count, seed=3).with_columns(pl.lit(name).alias("market"))
        for frame, name, count in zip(frames, "AB", (12, 4), strict=True)
    ]
    result = backtest(bars, pl.concat(flips), FREE)
    seen: list[pl.DataFrame] = []

    def run(signals: pl.DataFrame, config: BacktestConfig, /) -> Any:
        seen.append(signals)
        return backtest(bars, signals, config)

    random_entries(result, run, runs=5)
    made = result.trades.group_by("market").len().sort("market")["len"].to_list()
    for signals in seen:
        entering = signals.filter(pl.col("direction") != 0)
        assert entering.group_by("market").len().sort("market")["len"].to_list() == made
    late, dropped = delayed(result.signals.drop("fate"), result.history.series, result.markets)
    assert late.height + dropped == result.signals.height
    assert stress(result, partial(backtest, bars)).metrics[Scenario.LATE]["trades"] > 0


def test_random_entries_are_the_same_for_the_same_seed() -> None:
    bars = frame_of(walk(500, seed=1))
    result = backtest(bars, coin_flips(bars, 20, seed=1), BacktestConfig())
    one, same, other = (random_entries(result, partial(backtest, bars), runs=15, seed=seed) for seed in (2, 2, 3))
    assert np.array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)
    with pytest.raises(BadBacktest, match="not a metric"):
        random_entries(result, partial(backtest, bars), metric="days")


def test_stress_makes_costs_dearer_and_signals_late() -> None:
    bars = frame_of(walk(1_200, seed=21))
    config = BacktestConfig(sizing=Sizing.FIXED_NOTIONAL, size=1_000.0)
    result = backtest(bars, coin_flips(bars, 50, seed=4), config)
    found = stress(result, partial(backtest, bars))
    base = found.metrics[Scenario.BASE]
    assert found.table["scenario"].to_list() == [str(one) for one in Scenario]
    assert found.metrics[Scenario.FEES]["fees"] == pytest.approx(2.0 * base["fees"], rel=1e-3)
    assert found.metrics[Scenario.SLIPPAGE]["slippage_cost"] == pytest.approx(3.0 * base["slippage_cost"], rel=0.05)
    profits = {scenario: row["net_profit"] for scenario, row in found.metrics.items()}
    assert profits[Scenario.COSTS] < profits[Scenario.FEES] < profits[Scenario.BASE]
    assert profits[Scenario.ALL] < profits[Scenario.LATE]
    assert profits[Scenario.LATE] != profits[Scenario.BASE]


def test_late_signals_move_a_bar_and_are_dropped_beyond_their_stop() -> None:
    closes = [100.0, 101.0, 98.0, 99.0, 100.0]
    bars = frame_of(np.array(closes))
    signals = pl.DataFrame(
        {
            "ts": bars["ts"],
            "direction": pl.Series([1, 1, -1, 0, 1], dtype=pl.Int8),
            "stop": [99.0, 98.0, 99.5, None, 90.0],
        }
    )
    result = backtest(bars, signals, FREE)
    late, dropped = delayed(signals, result.history.series, result.markets)
    # The second is at its stop by then, the last has no later bar.
    assert late["ts"].to_list() == [bars["ts"][k] for k in (1, 3, 4)]
    assert late["stop"].to_list() == [99.0, 99.5, None]
    assert dropped == 2


def test_a_rebate_does_not_grow_under_stress() -> None:
    with pytest.raises(BadBacktest, match="fees"):
        Stress(fees=0.5)
    bars = frame_of(walk(300, seed=3))
    config = BacktestConfig(fees=Fees(maker_bp=-1.0, taker_bp=0.0), slippage=Slippage(bp=0.0))
    result = backtest(bars, coin_flips(bars, 12, seed=2), config)
    found = stress(result, partial(backtest, bars))
    assert found.metrics[Scenario.BASE]["fees"] < 0.0 == found.metrics[Scenario.FEES]["fees"]


def test_a_plateau_and_a_peak() -> None:
    def flat(one: Mapping[str, Any]) -> dict[str, float]:
        return {"sharpe": 2.0 - 0.05 * abs(one["length"] - 20), "trades": 10.0}

    def peak(one: Mapping[str, Any]) -> dict[str, float]:
        return {"sharpe": 2.0 if one == chosen else 0.4, "trades": 10.0}

    chosen = {"length": 20, "distance": 1.5, "both": True, "name": "x"}
    near = neighbourhood(flat, chosen)
    assert [(one.parameter, one.value) for one in near.neighbours] == [
        ("length", 18),
        ("length", 22),
        ("distance", pytest.approx(1.35)),
        ("distance", pytest.approx(1.65)),
    ]
    assert near.score == 1.0
    assert near.table.height == 5
    assert near.table["sharpe"].to_list() == pytest.approx([2.0, 1.9, 1.9, 2.0, 2.0])
    assert neighbourhood(peak, chosen, steps={"length": 5}).score == 0.0


def test_a_neighbour_that_cannot_be_is_told_and_not_counted() -> None:
    def run(one: Mapping[str, Any]) -> dict[str, float]:
        if one["size"] > 1.0:
            raise BadBacktest("size", "must be at most 1")
        return {"sharpe": -one["size"]}

    near = neighbourhood(run, {"size": 1.0}, steps={"size": 0.25})
    assert [one.refused for one in near.neighbours] == ["", "bad backtest: size: must be at most 1"]
    assert near.score == 1.0
    for steps, words in (({"other": 1.0}, "is not a number"), ({"size": 0.0}, "above 0")):
        with pytest.raises(BadBacktest, match=words):
            neighbourhood(run, {"size": 1.0}, steps=steps)
    with pytest.raises(BadBacktest, match="metric"):
        neighbourhood(run, {"size": 1.0}, metric="omega")


def test_the_bars_are_as_said() -> None:
    bars = frame_of(walk(3, seed=1))
    assert bars["ts"].dt.epoch("ms").to_list() == [START, START + HOUR, START + 2 * HOUR]

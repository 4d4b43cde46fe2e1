"""Sweeps: every set as if it were run alone, whatever runs beside it; refused before anything runs; resumed where they were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engines.backtest import BacktestConfig, BadBacktest, Sizing, backtest, run_sweep, sweep
from engines.backtest.metrics.catalogue import METRIC_NAMES
from engines.backtest.moving_average_cross import LEAN_METRICS, MovingAverageCross
from engines.backtest.parameter_space import GridSearch, OptunaSearch, RandomSearch, Range, grid_sets, random_sets
from engines.backtest.signal_source import StrategySignals
from engines.backtest.sweeps import DEFLATED, JsonLinesStore, split
from engines.chain import Chain
from engines.signals import BUILT_IN
from engines.signals.loading import load_strategies
from tests.engines import user_strategies as written
from tests.engines.market_bars import real_bars, simulated_bars

BARS = simulated_bars(6_000, seed=11, timeframe="15m")
GRID = {"stop_atr": [0.1, 0.3], "cooldown_bars": [0, 6], "trailing.distance": [2.0, 4.0], "size": [0.005, 0.02]}
ALL_IN = BacktestConfig(sizing=Sizing.EQUITY_FRACTION, size=1.0)


class Counted(MovingAverageCross):
    """Counts the signal sets that are made."""

    def __init__(self, bars: pl.DataFrame, interrupted_after: int = 1_000) -> None:
        super().__init__(bars)
        self.asked: list[dict[str, Any]] = []
        self.interrupted_after = interrupted_after

    def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
        if len(self.asked) == self.interrupted_after:
            raise KeyboardInterrupt
        self.asked.append(dict(parameters))
        return super().signals(parameters)


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


@pytest.mark.parametrize("name", BUILT_IN)
def test_signals_are_the_chain_s(name: str) -> None:
    chain = Chain(timeframe="15m", market="test:BTC").advance(BARS).signals.filter(pl.col("strategy") == name)
    assert StrategySignals(BARS, name, market="test:BTC").signals({}).equals(chain)


def test_signals_with_other_parameters_are_the_chain_s() -> None:
    settings = {"smc_pullback": {"stop_atr": 0.4, "cooldown_bars": 0}}
    chain = Chain(timeframe="15m", market="test:BTC", strategies=["smc_pullback"], settings=settings).advance(BARS)
    made = StrategySignals(BARS, "smc_pullback", market="test:BTC").signals(settings["smc_pullback"])
    assert made.height > 0
    assert made.equals(chain.signals)


def test_signals_of_many_markets() -> None:
    other = simulated_bars(4_000, seed=12, timeframe="15m")
    both = pl.concat([BARS.with_columns(market=pl.lit("b")), other.with_columns(market=pl.lit("a"))])
    made = StrategySignals(both, "smc_pullback").signals({})
    for name, bars in (("a", other), ("b", BARS)):
        alone = StrategySignals(bars, "smc_pullback", market=name).signals({})
        assert made.filter(pl.col("market") == name).drop("market").equals(alone)
    assert made["ts"].is_sorted()


def test_signals_of_recorded_bars(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_ETHUSDT_1h_2017-08_2025-06").head(20_000)
    chain = Chain(timeframe="1h", market="test:ETH").advance(bars).signals
    for name in BUILT_IN:
        made = StrategySignals(bars, name, market="test:ETH").signals({})
        assert made.equals(chain.filter(pl.col("strategy") == name))


@pytest.mark.parametrize("threads", [1, 3])
def test_each_set_is_as_if_it_were_run_alone(threads: int) -> None:
    table = sweep(BARS, "smc_pullback", GRID, threads=threads)
    assert table.height == 16
    assert table.columns == [*GRID, *METRIC_NAMES, DEFLATED]
    source = StrategySignals(BARS, "smc_pullback")
    for row, one in zip(table.to_dicts(), grid_sets(GRID), strict=True):
        assert {name: row[name] for name in GRID} == one
        own, changes = split(one)
        metrics = backtest(BARS, source.signals(own), BacktestConfig().with_values(changes)).metrics
        assert all(same(row[name], metrics[name]) for name in METRIC_NAMES)


def test_signals_are_made_once_for_all_their_configurations() -> None:
    source = Counted(BARS)
    grid = {"fast": [5, 10], "fees.taker_bp": [0.0, 5.0, 10.0]}
    sweep(BARS, source, grid, ALL_IN, threads=1)
    assert sorted(one["fast"] for one in source.asked) == [5, 10]


def test_a_lean_sweep_has_the_main_metrics() -> None:
    grid = {"fast": [5, 10, 50], "slow": [20, 50]}
    lean = sweep(
        BARS, "moving_average_cross", grid, ALL_IN, lean=True, constraint=lambda one: one["fast"] < one["slow"]
    )
    full = sweep(BARS, "moving_average_cross", grid, ALL_IN, constraint=lambda one: one["fast"] < one["slow"])
    assert lean.columns == [*grid, *LEAN_METRICS]
    assert lean.height == full.height == 4
    for name in ("fast", "slow", "trades", "total_return"):
        assert lean[name].to_list() == full[name].to_list()
    # What the pass over all sets cannot do is done set by set.
    assert sweep(
        BARS, "moving_average_cross", {"fast": [5, 10]}, ALL_IN.with_values({"leverage": 2.0}), lean=True
    ).columns == [
        "fast",
        *LEAN_METRICS,
    ]


def test_a_sweep_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    grid = {"fast": [3, 5, 8, 13, 21]}
    store = JsonLinesStore(tmp_path / "sweep.jsonl")
    with pytest.raises(KeyboardInterrupt):
        sweep(BARS, Counted(BARS, interrupted_after=2), grid, ALL_IN, threads=1, store=store)
    kept = len(store.path.read_text().splitlines())
    assert kept == 2
    store.path.write_text(store.path.read_text() + '{"key": "torn off')
    again = Counted(BARS)
    seen: list[tuple[int, int]] = []
    table = sweep(BARS, again, grid, ALL_IN, threads=1, store=store, progress=lambda *one: seen.append(one))
    assert len(again.asked) == 5 - kept
    assert seen[0] == (kept, 5)
    assert seen[-1] == (5, 5)
    assert (
        table["total_return"].to_list() == sweep(BARS, "moving_average_cross", grid, ALL_IN)["total_return"].to_list()
    )
    once_more = Counted(BARS)
    sweep(BARS, once_more, grid, ALL_IN, threads=1, store=store)
    assert once_more.asked == []
    # Other bars are another result.
    other = Counted(BARS.head(5_000))
    sweep(BARS.head(5_000), other, grid, ALL_IN, threads=1, store=store)
    assert len(other.asked) == 5


def test_a_strategy_that_was_rewritten_is_run_again(tmp_path: Path) -> None:
    folder = tmp_path / "strategies"
    folder.mkdir()
    file, store = folder / "mine.py", JsonLinesStore(tmp_path / "sweep.jsonl")
    grid = {"stop_atr": [1.0, 2.0]}
    try:
        file.write_text(written.CROSS)
        load_strategies(folder)
        chain = Chain(timeframe="15m", market="test:BTC", strategies=["averages_crossed"]).advance(BARS)
        made = StrategySignals(BARS, "averages_crossed", market="test:BTC").signals({})
        assert made.height > 0
        assert made.equals(chain.signals)
        before = sweep(BARS, "averages_crossed", grid, store=store)["trades"].to_list()
        # The same version, and yet other signals.
        file.write_text(written.CROSS.replace("EMA_50, t]", "ATR_14, t]"))
        load_strategies(folder)
        after = sweep(BARS, "averages_crossed", grid, store=store)["trades"].to_list()
        assert after == sweep(BARS, "averages_crossed", grid)["trades"].to_list() != before
    finally:
        file.unlink()
        load_strategies(folder)


def test_deflated_sharpe_and_overfitting_of_a_sweep() -> None:
    result = run_sweep(BARS, "moving_average_cross", {"fast": [3, 5, 8], "slow": [20, 40, 80]}, ALL_IN)
    assert result.returns is not None
    assert result.returns.shape[1] == 9
    found = result.overfitting(blocks=8)
    assert found is not None
    assert 0.0 <= found.probability <= 1.0
    deflated, plain = result.table[DEFLATED].to_numpy(), result.table["probabilistic_sharpe"].to_numpy()
    assert (deflated <= plain + 1e-12).all()
    best = result.best()
    assert best == {name: result.table.sort("sharpe", descending=True)[name][0] for name in ("fast", "slow")}


def test_random_sets_are_those_of_their_seed() -> None:
    space = {"a": Range(1, 1_000, log=True), "b": Range(0.0, 1.0, step=0.25), "c": ["x", "y"]}
    drawn = random_sets(space, RandomSearch(50, seed=4))
    assert drawn == random_sets(space, RandomSearch(50, seed=4))
    assert drawn != random_sets(space, RandomSearch(50, seed=5))
    assert len({repr(one) for one in drawn}) == 50
    assert all(
        1 <= one["a"] <= 1_000 and isinstance(one["a"], int) and one["b"] in (0, 0.25, 0.5, 0.75, 1.0) for one in drawn
    )
    assert np.median([one["a"] for one in drawn]) < 200
    # Each number of a range as often as the others, both ends included.
    for space, values in (
        ({"a": Range(0.0, 1.0, step=0.25)}, {0.0, 0.25, 0.5, 0.75, 1.0}),
        ({"a": Range(1, 9, step=4)}, {1, 5, 9}),
        ({"a": Range(1, 3, log=True)}, {1, 2, 3}),
    ):
        assert {one["a"] for one in random_sets(space, RandomSearch(len(values)))} == values
    random = np.random.default_rng(3)
    counts = np.unique(
        [
            random_sets({"a": Range(1, 9, step=4)}, RandomSearch(1, int(seed)))[0]["a"]
            for seed in random.integers(0, 1 << 30, 900)
        ],
        return_counts=True,
    )[1]
    assert counts.min() > 240
    # No more than there are.
    assert len(random_sets({"c": ["x", "y"]}, RandomSearch(10))) == 2


def test_optuna_finds_what_is_planted() -> None:
    class Planted(MovingAverageCross):
        """Buys before a rise, the surer the nearer ``fast`` is to 37."""

        def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
            close = self._bars.close
            rises = close[20:] > close[:-20] * 1.004
            miss = abs(parameters["fast"] - 37) / 60
            kept = rises & (np.random.default_rng(1).random(rises.shape[0]) > miss)
            direction = np.where(kept, 1, 0).astype(np.int8)
            return pl.DataFrame({"ts": BARS["ts"][:-20], "direction": direction})

    search = OptunaSearch(trials=48, metric="total_return", batch=8, seed=2)
    free = ALL_IN.with_values({"fees.taker_bp": 0.0, "slippage.bp": 0.0})
    result = run_sweep(BARS, Planted(BARS), {"fast": Range(1, 90)}, free, search=search)
    best = result.best("total_return")
    assert best is not None
    assert abs(best["fast"] - 37) <= 4
    again = run_sweep(BARS, Planted(BARS), {"fast": Range(1, 90)}, free, search=search, threads=1)
    assert again.sets == result.sets
    assert len(result.sets) <= 48


@pytest.mark.parametrize(
    ("grid", "where", "words"),
    [
        ({}, "grid", "empty"),
        ({"fats": [1]}, "fats", "neither a parameter"),
        ({"stop_atr": []}, "stop_atr", "at least one value"),
        ({"stop_atr": "0.1"}, "stop_atr", "at least one value"),
        ({"stop_atr": [0.1, 0.1]}, "stop_atr", "named twice"),
        ({"stop_atr": [0.1, "x"]}, "stop_atr", "of type float"),
        ({"cooldown_bars": [1, 2.5]}, "cooldown_bars", "of type int"),
        ({"cooldown_bars": Range(1.0, 3.0, step=1.0)}, "cooldown_bars", "of type int"),
        ({"stop_atr": [True]}, "stop_atr", "of type float"),
        ({"size": [0.01, -1.0]}, "size", "above 0"),
        ({"trailing": [None], "trailing.distance": [2.0]}, "trailing.distance", "varied too"),
        ({"stop_atr": Range(0.3, 0.1)}, "stop_atr", "go up"),
        ({"stop_atr": Range(0.1, 0.3)}, "stop_atr", "needs a step"),
        ({"stop_atr": Range(0, 3, log=True)}, "stop_atr", "above 0"),
    ],
)
def test_refuses_a_grid_that_cannot_be(grid: dict[str, Any], where: str, words: str) -> None:
    done: list[tuple[int, int]] = []
    with pytest.raises(BadBacktest, match=words) as caught:
        sweep(BARS.head(500), "smc_pullback", grid, threads=1, progress=lambda *one: done.append(one))
    assert caught.value.where == where
    assert done == []


def test_refuses_what_else_cannot_be() -> None:
    with pytest.raises(BadBacktest, match="there is no strategy named 'smc_pulback'"):
        sweep(BARS.head(500), "smc_pulback", {"size": [0.1]})
    with pytest.raises(BadBacktest, match="no set fits"):
        sweep(BARS.head(500), "moving_average_cross", {"fast": [5]}, ALL_IN, constraint=lambda one: False)
    with pytest.raises(BadBacktest, match="there is no metric 'sharp'"):
        sweep(BARS.head(500), "moving_average_cross", {"fast": [5]}, ALL_IN, search=OptunaSearch(metric="sharp"))
    with pytest.raises(BadBacktest, match="threads: must be at least 1, not 0"):
        sweep(BARS.head(500), "moving_average_cross", {"fast": [5]}, ALL_IN, threads=0)
    with pytest.raises(BadBacktest, match="10,000,000"):
        grid_sets({name: list(range(100)) for name in "abcd"})
    assert GridSearch() == GridSearch()

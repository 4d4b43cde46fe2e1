"""Walk-forward: windows that never meet, choices that the test bars cannot change, and a curve that adds up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from engines.backtest import BacktestConfig, BadBacktest, Fees, Sizing, Slippage, backtest
from engines.backtest.metrics.inputs import daily_returns
from engines.backtest.metrics.overfitting import probability_of_overfitting
from engines.backtest.rows import EQUITY_SCHEMA, FUNDING_SCHEMA, TRADE_SCHEMA
from engines.backtest.stability import choices, stability
from engines.backtest.walk_forward import WalkForward, walk_forward
from engines.backtest.windows import WindowKind, WindowPlan
from tests.engines.random_walks import HOUR, START, entries, frame_of, walk

FREE = BacktestConfig(
    sizing=Sizing.EQUITY_FRACTION, size=0.5, fees=Fees(maker_bp=0.0, taker_bp=0.0), slippage=Slippage(bp=0.0)
)
DAY = timedelta(days=1)
PLAN = WindowPlan(train=20 * DAY, test=5 * DAY, purge=10, embargo=timedelta(hours=6))
GRID = {"every": [5, 9, 14], "ahead": [2, 6]}


class Momentum:
    """Enters every so many bars to the side of the last move; every signal depends on bars up to its own."""

    def __init__(self, bars: pl.DataFrame, *, many: bool = False) -> None:
        self.bars = bars
        self.many = many
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, parameters: Mapping[str, Any], /) -> pl.DataFrame:
        self.asked.append(parameters)
        if self.many:
            parts = self.bars.partition_by("market", as_dict=True)
            made = [
                self.made(part.drop("market"), parameters).with_columns(pl.lit(name).alias("market"))
                for (name,), part in parts.items()
            ]
            return pl.concat(made)
        return self.made(self.bars, parameters)

    def made(self, bars: pl.DataFrame, parameters: Mapping[str, Any]) -> pl.DataFrame:
        places = list(range(20, bars.height, parameters["every"]))
        closes = bars["close"].to_list()
        return entries(bars, places, [1 if closes[k] > closes[k - parameters["ahead"]] else -1 for k in places])


def run(bars: pl.DataFrame, config: BacktestConfig = FREE, plan: WindowPlan = PLAN, **options: Any) -> WalkForward:
    options.setdefault("least_trades", 3)
    return walk_forward(bars, Momentum(bars), GRID, config, plan, **options)


@pytest.mark.parametrize("kind", list(WindowKind))
def test_each_window_trades_what_its_train_window_says(kind: WindowKind) -> None:
    bars = frame_of(walk(24 * 50, seed=9))
    plan = WindowPlan(train=20 * DAY, test=5 * DAY, kind=kind, purge=10, embargo=6)
    found = run(bars, plan=plan)
    assert len(found.windows) == 6
    make = Momentum(bars)
    cash = FREE.cash
    for one in found.windows:
        best: tuple[float, dict[str, int]] | None = None
        for every in GRID["every"]:
            for ahead in GRID["ahead"]:
                parameters = {"every": every, "ahead": ahead}
                part = between(bars, one.window.train_begin, one.window.train_end)
                signals = between(make(parameters), one.window.train_begin, one.window.train_end)
                value = backtest(part, signals, FREE).metrics["sharpe"]
                if best is None or value > best[0]:
                    best = (value, parameters)
        assert best is not None
        assert one.chosen == best[1]
        assert one.train is not None
        assert one.train["sharpe"] == best[0]
        signals = between(make(best[1]), one.window.test_begin, one.window.test_end)
        test = backtest(
            between(bars, one.window.test_begin, one.window.test_end), signals, FREE.with_values({"cash": cash})
        )
        cash = test.equity["equity"][-1]
        assert one.test == pytest.approx(test.metrics, nan_ok=True)
    assert found.equity["equity"][-1] == cash


def between(frame: pl.DataFrame, begin: int, end: int) -> pl.DataFrame:
    return frame.filter(pl.col("ts").dt.epoch("ms").is_between(begin, end, closed="left"))


def test_the_stitched_curve_covers_all_test_bars_and_adds_up() -> None:
    bars = frame_of(walk(24 * 48 + 7, seed=3))
    found = run(bars, BacktestConfig())
    begin = found.windows[0].window.test_begin
    assert found.equity.schema == EQUITY_SCHEMA
    assert found.trades.schema == TRADE_SCHEMA
    assert found.equity["ts"].to_list() == between(bars, begin, 2**62)["ts"].to_list()
    assert found.metrics["net_profit"] == pytest.approx(found.trades["pnl"].sum())
    assert found.metrics["trades"] == found.trades.height
    grown = np.prod([1.0 + one.test["total_return"] for one in found.windows])
    assert found.metrics["total_return"] == pytest.approx(grown - 1.0)
    highest = np.maximum(np.maximum.accumulate(found.equity["equity"].to_numpy()), 10_000.0)
    assert found.equity["drawdown"].to_numpy() == pytest.approx(1.0 - found.equity["equity"].to_numpy() / highest)
    assert found.metrics["max_drawdown"] == pytest.approx(found.equity["drawdown"].max())
    # No trade goes over the end of a window; what was open there was closed there.
    for one in found.windows:
        mine = found.trades.filter(
            pl.col("entry_ts").dt.epoch("ms").is_between(one.window.test_begin, one.window.test_end, closed="left")
        )
        assert mine.height == one.test["trades"]
        assert (mine["exit_ts"].dt.epoch("ms") < one.window.test_end).all()
        assert (mine["signal_ts"].dt.epoch("ms") >= one.window.test_begin).all()
        last = mine.filter(pl.col("exit_reason") == "end")["exit_ts"].dt.epoch("ms").to_list()
        assert last in ([], [one.window.test_end - HOUR])
    assert (found.trades["exit_reason"] == "end").any()


def test_no_bar_from_the_gap_on_changes_a_choice() -> None:
    closes = walk(24 * 30, seed=5)
    bars = frame_of(closes)
    plan = WindowPlan(train=24 * 20, test=24 * 10 - 16, purge=10, embargo=6)
    found = run(bars, plan=plan)
    assert len(found.windows) == 1
    seen = found.windows[0]
    begin = (seen.window.train_end - START) // HOUR
    others = []
    for seed in range(8):
        changed = closes.copy()
        changed[begin:] = closes[begin - 1] * walk(closes.shape[0] - begin, seed=seed) / 100.0
        other = run(frame_of(changed), plan=plan).windows[0]
        assert other.chosen == seen.chosen
        assert other.train == seen.train
        others.append(other.test["total_return"])
    assert len(set(others)) > 1
    # The last train bar does count.
    changed = closes.copy()
    changed[begin - 40 : begin] *= np.linspace(1.0, 1.5, 40)
    assert run(frame_of(changed), plan=plan).windows[0].train != seen.train


def test_results_do_not_depend_on_threads() -> None:
    bars = frame_of(walk(24 * 40, seed=12))
    one, two = run(bars, threads=1), run(bars, threads=4)
    assert one.equity.equals(two.equity)
    assert one.table.equals(two.table)


def test_too_few_trades_choose_nothing_and_trade_nothing() -> None:
    bars = frame_of(walk(24 * 40, seed=12))
    found = run(bars, least_trades=10_000)
    assert all(one.chosen is None and one.train is None for one in found.windows)
    assert found.trades.height == 0
    assert found.metrics["total_return"] == 0.0
    assert np.isnan(found.efficiency)
    assert found.table.height == len(found.windows)


def test_a_metric_that_is_better_low_is_brought_down() -> None:
    bars = frame_of(walk(24 * 40, seed=12))
    high, low = run(bars, choose_by="total_return"), run(bars, choose_by="max_drawdown")
    lost = [[one.train["max_drawdown"] for one in found.windows if one.train is not None] for found in (high, low)]
    assert all(least <= other for other, least in zip(*lost, strict=True))
    assert sum(lost[1]) < sum(lost[0])
    with pytest.raises(BadBacktest, match="choose_by"):
        run(bars, choose_by="days")


def test_a_trailing_stop_is_warm_when_its_window_begins() -> None:
    bars = frame_of(walk(24 * 40, seed=2))
    config = FREE.with_values({"trailing.distance": 1.0, "trailing.atr_period": 24})
    warm, cold = run(bars, config), run(bars, config, warm_up=0)
    assert warm.equity["ts"].to_list() == cold.equity["ts"].to_list()
    assert warm.windows[0].test["days"] == cold.windows[0].test["days"]
    # A range of 24 bars is not known before a window's 24th unless there were bars before it.
    early = [
        any(
            one.trades.filter(
                (pl.col("exit_reason") == "trailing")
                & pl.col("exit_ts").dt.epoch("ms").is_between(part.test_begin, part.test_begin + 22 * HOUR)
            ).height
            for part in (result.window for result in one.windows)
        )
        for one in (warm, cold)
    ]
    assert early == [True, False]


def test_fields_of_the_configuration_are_chosen_too() -> None:
    bars = frame_of(walk(24 * 40, seed=12))
    make = Momentum(bars)
    sets = [{"every": 7, "ahead": 3, "time_stop_bars": count} for count in (2, 8, 20)]
    found = walk_forward(bars, make, sets, FREE, PLAN, least_trades=1)
    assert all(set(parameters) == {"every", "ahead"} for parameters in make.asked)
    for one in found.windows:
        assert one.chosen in sets
        mine = between(found.trades.with_columns(ts="entry_ts"), one.window.test_begin, one.window.test_end)
        assert one.chosen is not None
        stopped = mine.filter(pl.col("exit_reason") == "time_stop")["bars_held"].to_list()
        assert set(stopped) <= {one.chosen["time_stop_bars"]}
    assert (found.trades["exit_reason"] == "time_stop").any()
    assert found.overfitting is not None
    with pytest.raises(BadBacktest, match="time_stop_bars"):
        walk_forward(bars, make, [{"every": 7, "ahead": 3, "time_stop_bars": -1}], FREE, PLAN)


def test_many_markets_share_the_account() -> None:
    frames = [
        frame_of(walk(24 * 40, seed=seed)).with_columns(pl.lit(name).alias("market"))
        for seed, name in ((1, "A"), (2, "B"))
    ]
    bars = pl.concat(frames)
    found = walk_forward(bars, Momentum(bars, many=True), GRID, FREE, PLAN, least_trades=3)
    assert set(found.trades["market"]) == {"A", "B"}
    assert found.metrics["net_profit"] == pytest.approx(found.trades["pnl"].sum())


def test_fundings_marks_and_finer_bars_are_cut_with_the_windows() -> None:
    finer = frame_of(walk(24 * 40, seed=8))
    bars = finer.group_by_dynamic("ts", every="4h").agg(
        pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"), pl.sum("volume")
    )
    mark = finer.drop("volume")
    funding = pl.DataFrame(
        {"ts": finer["ts"].gather_every(8), "funding_rate": np.full(120, 0.001)},
        schema=FUNDING_SCHEMA,
    )
    make, config = Momentum(bars), FREE.with_values({"leverage": 3.0})
    plan = WindowPlan(train=20 * DAY, test=7 * DAY)
    sets = [{"every": 5, "ahead": 2}]
    found = walk_forward(bars, make, sets, config, plan, least_trades=1, funding=funding, mark=mark, finer=finer)
    assert found.overfitting is None
    cash, paid = config.cash, 0.0
    for one in found.windows:
        begin, end = one.window.test_begin, one.window.test_end
        alone = backtest(
            between(bars, begin, end),
            between(make(sets[0]), begin, end),
            config.with_values({"cash": cash}),
            funding=between(funding, begin, end),
            mark=between(mark, begin, end),
            finer=between(finer, begin, end),
            timeframe="4h",
        )
        cash, paid = alone.equity["equity"][-1], paid + alone.metrics["funding"]
    assert found.equity["equity"][-1] == pytest.approx(cash)
    assert found.metrics["funding"] == pytest.approx(paid)
    assert paid != 0.0


def test_efficiency_and_overfitting_are_those_of_the_parts() -> None:
    bars = frame_of(walk(24 * 50, seed=9, drift=0.0004))
    found = run(bars)
    inside = [one.train["annual_return"] for one in found.windows if one.train is not None]
    outside = [one.test["annual_return"] for one in found.windows]
    assert found.efficiency == pytest.approx(np.mean(outside) / np.mean(inside))
    make = Momentum(bars)
    returns = [
        daily_returns(backtest(bars, make({"every": every, "ahead": ahead}), FREE).curve)
        for every in GRID["every"]
        for ahead in GRID["ahead"]
    ]
    assert found.overfitting is not None
    judged = probability_of_overfitting(np.column_stack(returns), 16)
    assert found.overfitting.probability == judged.probability
    assert found.table["test_annual_return"].to_list() == outside


def test_a_ruined_account_trades_no_more() -> None:
    closes = walk(24 * 40, seed=12)
    closes[24 * 24 :] *= 0.02
    bars = frame_of(closes)
    make = Momentum(bars)

    def always_long(parameters: Mapping[str, Any], /) -> pl.DataFrame:
        return make(parameters).select("ts", pl.lit(1, pl.Int8).alias("direction"))

    config = FREE.with_values({"size": 10.0, "leverage": 10.0, "maintenance_margin": 0.0, "fees.taker_bp": 50.0})
    found = walk_forward(bars, always_long, [{"every": 5, "ahead": 2}], config, PLAN, least_trades=1)
    assert found.trades["exit_reason"].to_list() == ["liquidation"]
    assert found.metrics["total_return"] == found.metrics["annual_return"] == -1.0
    assert found.equity["ts"].to_list() == between(bars, found.windows[0].window.test_begin, 2**62)["ts"].to_list()
    assert [one.test["trades"] for one in found.windows] == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("name", ["moving_average_cross", "smc_pullback"])
def test_strategies_by_name(name: str) -> None:
    bars = frame_of(walk(24 * 60, seed=6))
    grid = {"fast": [5, 10], "slow": [20, 40]} if name == "moving_average_cross" else {"time_stop_bars": [10, 40]}
    found = walk_forward(bars, name, grid, FREE, WindowPlan(train=30 * DAY, test=10 * DAY), least_trades=1)
    assert len(found.windows) == 3
    assert any(one.chosen for one in found.windows)
    with pytest.raises(BadBacktest, match="neither a parameter"):
        walk_forward(bars, name, {"colour": [1]}, FREE, PLAN)


def test_stability_counts_and_measures() -> None:
    sets = [{"length": length, "kind": kind} for length in (10, 20, 30) for kind in ("a", "b")]
    chosen = [sets[0], sets[0], sets[5], sets[2]]
    made = choices(sets, chosen)
    assert made.filter(pl.col("parameter") == "length")["chosen"].to_list() == [2, 1, 1]
    assert made.filter(pl.col("parameter") == "kind")["share"].to_list() == [0.75, 0.25]
    rows = stability(sets, chosen).to_dicts()
    assert rows[0] == {
        "parameter": "length",
        "values": 3,
        "most_chosen": "10",
        "share": 0.5,
        "changes": pytest.approx(2 / 3),
        "dispersion": pytest.approx(float(np.std([10, 10, 30, 20]) / np.std([10, 20, 30]))),
    }
    assert rows[1]["dispersion"] is None
    assert stability(sets, [])["share"].to_list() == [None, None]

"""No speed of a backtest is told of what does not trade the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench import backtest as section
from bench.backtest_agreement import Orders, check_entries, check_equity, check_orders, closed, same_entries
from bench.backtest_case import FAST, SLOW, as_signals, bars_of, crossings, pullbacks
from bench.backtest_ours import (
    BRACKET,
    CROSS,
    always_in,
    final_equity,
    full_case,
    orders,
    run_full,
    swept,
    with_one_target,
)
from bench.backtest_peers import VECTORBT, Answer
from bench.indicators import Disagreement
from bench.measure import Timing
from bench.section import Section
from engines.backtest import backtest

COUNT = 6_000
TOLD = {"version": "0", "total_return": [0.1], "max_drawdown": [-0.2], "win_rate": [float("nan")], "sharpe": [1.0]}


def traded() -> tuple[Orders, float]:
    bars = bars_of(COUNT)
    found = crossings(COUNT, [(FAST, SLOW)])
    result = backtest(bars, as_signals(bars, found.enter[0], found.leave[0]), CROSS)
    return orders(result, bars), final_equity(result.metrics)


class AsWeTrade:
    """Stands for a library: answers with our own orders, spoilt."""

    def __init__(self, spoilt: dict[str, Any], equity: float = 1.0) -> None:
        self.spoilt, self.equity = spoilt, equity

    def cross(self, who: Any, decisions: Any, runs: int) -> Answer:
        mine, equity = traded()
        changed = {name: change(getattr(mine, name)) for name, change in self.spoilt.items()}
        timing = Timing(who.label, COUNT, "bar", (1.0,) * runs)
        return Answer(timing, 1, replace(mine, **changed), np.array([equity * self.equity]), TOLD)


def test_orders_of_ours_are_cash_spent_to_the_last_cent() -> None:
    """By hand: all cash, less the fee, at the slipped open; all of it sold at the next."""
    mine, equity = traded()
    opens = bars_of(COUNT)["open"].to_numpy()
    assert len(mine) > 8
    cash = held = 0.0
    cash = CROSS.cash
    for bar, side, price, quantity in zip(mine.bar, mine.side, mine.price, mine.quantity, strict=True):
        assert price == pytest.approx(opens[bar] * (1 + side * 1e-4), rel=1e-14)
        if side > 0:
            assert quantity == pytest.approx(cash / (price * 1.0005), rel=1e-12)
            cash, held = 0.0, quantity
        else:
            assert quantity == held
            cash, held = held * price * 0.9995, 0.0
    assert cash + held * bars_of(COUNT)["close"][-1] * 0.9995 == pytest.approx(equity, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("bar", lambda bar: bar + (np.arange(len(bar)) == 3), "bar of order 3"),
        ("side", lambda side: side * np.where(np.arange(len(side)) == 1, -1, 1), "side of order 1"),
        ("price", lambda price: price * (1 + 2e-9 * (np.arange(len(price)) == 0)), "price of order 0"),
        ("quantity", lambda quantity: quantity * (1 + 2e-9), "quantity of order 0"),
    ],
)
def test_no_speed_is_told_of_other_orders(name: str, change: Any, words: str) -> None:
    made = Section("backtest", "x")
    with pytest.raises(Disagreement, match=words):
        section.measure_cross(made, section.Found(), AsWeTrade({name: change}), COUNT, lambda _: None)
    with pytest.raises(Disagreement, match="final equity of set 0"):
        section.measure_cross(made, section.Found(), AsWeTrade({}, 1 + 2e-8), COUNT, lambda _: None)
    assert made.timings == []


def test_what_agrees_is_told() -> None:
    made, found = Section("backtest", "x"), section.Found()
    section.measure_cross(made, found, AsWeTrade({}), COUNT, lambda _: None)
    assert {timing.name for timing in made.timings} >= {"EMA cross: ours", f"EMA cross: {VECTORBT[0].label}"}
    assert all(
        row[4] in {"", f"{len(traded()[0]) // 2 + len(traded()[0]) % 2} of {-(-len(traded()[0]) // 2)}"}
        for row in found.agreement[:3]
    )


def test_orders_must_be_as_many() -> None:
    mine, _ = traded()
    fewer = Orders(mine.bar[1:], mine.side[1:], mine.price[1:], mine.quantity[1:])
    with pytest.raises(Disagreement, match=f"has {len(mine) - 1:,} orders, we have {len(mine):,}"):
        check_orders(mine, fewer, "x")
    with pytest.raises(Disagreement, match="entries"):
        check_entries(mine, Orders(mine.bar + 1, mine.side, mine.price, mine.quantity), "x")
    check_entries(mine, mine, "x")


def test_entries_may_be_known_to_come_earlier() -> None:
    mine, _ = traded()
    earlier = Orders(mine.bar - 1, mine.side, mine.price * 1.1, mine.quantity)
    entries = int((mine.side > 0).sum())
    assert same_entries(mine, earlier, 1) == (entries, entries)
    assert same_entries(mine, earlier)[0] < entries


def test_what_is_open_is_closed_for_a_fee() -> None:
    answer = {"final_equity": [100.0, 50.0], "left": [2.0, 0.0]}
    assert closed(answer, 10.0, 0.001).tolist() == [100.0 - 0.02, 50.0]
    assert closed({"final_equity": [100.0]}, 10.0, 0.001).tolist() == [100.0]


def test_a_sweep_is_the_same_backtests() -> None:
    sets = [(20, 240), (20, 930), (60, 240), (60, 930)]
    bars = bars_of(COUNT)
    found = crossings(COUNT, sets)
    each = [
        final_equity(backtest(bars, as_signals(bars, found.enter[k], found.leave[k]), CROSS).metrics) for k in range(4)
    ]
    check_equity(
        swept(bars, [20, 60], [240, 930])["total_return"].to_numpy() * CROSS.cash + CROSS.cash,
        np.array(each),
        "backtest",
    )
    with pytest.raises(Disagreement, match="set 2, and 1 in all"):
        check_equity(np.array(each), np.array([*each[:2], each[2] * 1.01, each[3]]), "x")


def test_pullbacks_have_their_stop_and_target_around_the_next_open() -> None:
    bars, signals = bars_of(COUNT), with_one_target(COUNT)
    assert signals.height == pullbacks(COUNT).height > 0
    fates = backtest(bars, signals, BRACKET).signals["fate"].unique().to_list()
    assert set(fates) <= {"filled", "in_position"}


@pytest.mark.parametrize("markets", [1, 4])
def test_the_loop_with_everything_does_something_of_everything(markets: int) -> None:
    whole = full_case(COUNT, markets, always_in(COUNT))
    assert whole.bars.height == COUNT
    assert whole.bars["market"].n_unique() == markets
    metrics = run_full(whole)
    assert metrics["trades"] > 5
    assert metrics["time_in_market"] > 0.5

"""Section ``backtest``: our backtest against vectorbt, backtesting.py, backtrader and nautilus_trader; same orders before speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from bench.backtest_agreement import Orders, check_entries, check_equity, check_orders, same_entries
from bench.backtest_case import (
    FAST,
    FASTS,
    FEE_BP,
    GRID,
    QUANTITY,
    SLIPPAGE_BP,
    SLOW,
    SLOWS,
    as_signals,
    bars_of,
    crossings,
    pullbacks,
)
from bench.backtest_ours import (
    BRACKET,
    CROSS,
    always_in,
    final_equity,
    full_case,
    measured,
    orders,
    run_full,
    swept,
    with_one_target,
)
from bench.backtest_peers import OTHERS, RUN_SECONDS, VECTORBT, Answer, Backtester, Case, case
from bench.bars import candles
from bench.environments import PeerUnavailable
from bench.measure import Timing, timed
from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from engines.backtest import BacktestConfig, backtest

NAME = "backtest"
_SIZES = (100_000, 1_000_000)
_AIM_ONE, _AIM_SETS, _AIM_LOOP = 10.0, 300.0, 10e6
_ONCE_NS = 185.0
"""What vectorbt took for a bar and set when the aim was set."""
_MARKETS = (1, 20)
_RUNS, _SLOW_RUNS = 15, {100_000: 3, 1_000_000: 1}
_OURS = "ours"
_CHUNK = {100_000: 4, 1_000_000: 1}
"""Sets that vectorbt takes at a time: of 1, 4, 10, 20 and 40 the fastest."""


@dataclass
class Found:
    """Rows of the tables and points of the chart, as they come in."""

    agreement: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    metrics: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    bracket: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    one: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    many: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    lines: dict[str, list[tuple[Any, float]]] = field(default_factory=dict[str, list[tuple[Any, float]]])
    ratios: dict[str, float] = field(default_factory=dict[str, float])


def section(quick: bool, tell: Tell) -> Section:
    """Measure at 100 thousand bars and a million; with ``quick`` at the first alone."""
    made = Section(NAME, "Backtest against vectorbt, backtesting.py, backtrader and nautilus_trader")
    made.notes += _notes()
    found = Found()
    sizes = _SIZES[:1] if quick else _SIZES
    for count in sizes:
        with case(count) as files:
            single = measure_cross(made, found, files, count, tell)
            _sets(made, found, files, count, single, tell)
            _bracket(made, found, files, count, tell)
    loops = _loop(made, sizes[-1], tell)
    _show(made, found)
    _aim(made, found, loops, sizes[-1])
    return made


def _notes() -> list[str]:
    return [
        f"Bars: {candles()[0]}, one-minute, repeated. EMA cross: exponential averages of {FAST} and {SLOW} bars, all in, long "
        f"only, market orders at the next open, {FEE_BP:g} bp fee and {SLIPPAGE_BP:g} bp slippage a fill. A run is from "
        "decisions and bars to total return, Sharpe ratio, largest drawdown and win rate; of ours, all metrics. All get the same "
        "decisions, made beforehand; only our 1,000 sets make averages and crossings themselves, within the time. What is "
        "open at the end is closed at the last close for the fee, in their equities too. Sharpe ratios differ by definition: ours is of "
        "days, vectorbt's of bars, nautilus_trader's of its positions' returns; it has no drawdown among its statistics. "
        "backtrader counts closed trades alone.",
        "A speed is told only if vectorbt's orders are ours: as many, at the same bars and sides, prices and quantities within "
        "1e-9; and the final equity of every set that it ran within 1e-8. Of the pullbacks its entries must be. The "
        "others have rules of their own, which the tables name.",
        f"Pullback: signals of smc_pullback, {QUANTITY:g} BTC, market order at the next open, a stop and one target, {FEE_BP:g} bp "
        "fee, no slippage. Every library looks at the stop before the target where a bar touched both, except nautilus_trader.",
        f"A library has {RUN_SECONDS:.0f} s a case; what it did not get done is reckoned from what it did, and marked with ≈. Others "
        "than vectorbt have no way to run many sets at once but one after the other: their 1,000 sets are reckoned from "
        "one. Compiling is in none of the times. Our 1,000 sets run on two threads, everything else on one.",
        "The loop with everything: risk sizing at leverage 5 with liquidation, stop, two targets, break-even, ATR trailing, time "
        "stop, reversal, square-root impact, a tenth of the volume at most, quantity steps, funding every 8 hours. "
        "'Turning over' enters at every crossing, so that there is nearly always a position.",
    ]


def measure_cross(made: Section, found: Found, files: Case, count: int, tell: Tell) -> dict[str, Timing]:
    """One set; returns who took how long."""
    bars = bars_of(count)
    decisions = crossings(count, [(FAST, SLOW)])
    signals = as_signals(bars, decisions.enter[0], decisions.leave[0])
    tell(f"EMA cross, {count:,} bars")
    result = backtest(bars, signals, CROSS)
    mine, equity = orders(result, bars), final_equity(result.metrics)
    found.agreement.append((f"{count:,}", _OURS, "", f"{len(mine):,}", "", f"{equity:,.2f}", ""))
    found.metrics.append(_metrics_row(count, _OURS, result.metrics))
    before = _ours(bars, signals, CROSS, 10)
    timings: dict[str, Timing] = {}
    for who in (*VECTORBT, *OTHERS):
        tell(f"EMA cross, {count:,} bars, {who.label}")
        try:
            answer = files.cross(who, decisions, _RUNS if who in VECTORBT else _SLOW_RUNS.get(count, 1))
        except PeerUnavailable as error:
            made.notes.append(f"{who.label} was not measured at {count:,} bars: {error}.")
            continue
        if who in VECTORBT:
            check_orders(mine, answer.orders, who.label)
            check_equity(np.array([equity]), answer.equity, who.label)
        found.agreement.append(_agreement_row(count, who, mine, equity, answer))
        found.metrics.append(_metrics_row(count, who.label, {name: value[0] for name, value in _lists(answer.told)}))
        timings[who.label] = answer.timing
    # Half of our runs after theirs: a slow spell of the machine must not hit one side alone.
    after = _ours(bars, signals, CROSS, 10)
    timings = {_OURS: Timing(_OURS, count, "bar", before.seconds + after.seconds), **timings}
    _speeds(made, found.one, "EMA cross", count, timings)
    for name, timing in timings.items():
        found.lines.setdefault(name, []).append((count, timing.median / count * 1e9))
    found.ratios["one"] = _fastest_vectorbt(timings).median / timings[_OURS].median
    return timings


def _sets(made: Section, found: Found, files: Case, count: int, single: dict[str, Timing], tell: Tell) -> None:
    """A thousand sets."""
    tell(f"EMA cross, {count:,} bars, {len(GRID):,} sets")
    bars = bars_of(count)
    name = f"{_OURS}, {len(GRID):,} sets"
    before = timed(name, count * len(GRID), "bar", lambda: swept(bars, FASTS, SLOWS), 4, 2)
    equity = swept(bars, FASTS, SLOWS)["total_return"].to_numpy() * CROSS.cash + CROSS.cash
    asked = GRID if count <= 100_000 else GRID[:: len(GRID) // 100]
    decisions = crossings(count, asked)
    fastest = float("inf")
    rows: list[tuple[str, int, float, float]] = []
    for who in VECTORBT:
        tell(f"EMA cross, {count:,} bars, many sets, {who.label}")
        try:
            answer = files.cross(who, decisions, 1, _CHUNK[count])
        except PeerUnavailable as error:
            made.notes.append(f"{who.label} was not measured with many sets at {count:,} bars: {error}.")
            continue
        same = [GRID.index(periods) for periods in asked[: answer.sets]]
        check_equity(equity[same], answer.equity, who.label)
        theirs = answer.timing.median / answer.timing.items * 1e9
        fastest = min(fastest, theirs)
        rows.append((who.label, answer.sets, answer.timing.median, theirs))
        made.timings.append(answer.timing)
    after = timed(name, before.items, "bar", lambda: swept(bars, FASTS, SLOWS), 4, 0)
    ours = Timing(name, before.items, "bar", before.seconds + after.seconds)
    each = ours.median / ours.items * 1e9
    rows.insert(0, (_OURS, len(GRID), ours.median, each))
    made.timings.append(ours)
    for who in OTHERS:
        if who.label in single:
            timing = single[who.label]
            rows.append((who.label, 1, timing.median, timing.median / count * 1e9))
    for label, sets, seconds, nanoseconds in rows:
        whole = seconds if sets == len(GRID) else seconds / sets * len(GRID)
        mark = "" if sets == len(GRID) else "≈ "
        found.many.append(
            (
                f"{count:,}",
                label,
                f"{sets:,}",
                f"{mark}{whole:,.2f}",
                f"{nanoseconds:,.2f}",
                f"{nanoseconds / each:,.0f}",
            )
        )
        if sets > 1:
            found.lines.setdefault(f"{label}, {len(GRID):,} sets", []).append((count, nanoseconds))
    found.ratios["sets"] = fastest / each if np.isfinite(fastest) else float("nan")
    found.ratios["sets of 185"] = _ONCE_NS / each
    found.ratios["vectorbt"] = fastest


def _bracket(made: Section, found: Found, files: Case, count: int, tell: Tell) -> None:
    """Signals with a stop and a target."""
    tell(f"pullback, {count:,} bars")
    bars, signals = bars_of(count), with_one_target(count)
    result = backtest(bars, signals, BRACKET)
    mine, equity = orders(result, bars), final_equity(result.metrics)
    found.bracket.append((f"{count:,}", _OURS, "", f"{len(mine):,}", "", f"{equity:,.2f}", ""))
    timings = {_OURS: _ours(bars, signals, BRACKET, 10)}
    for who in (*VECTORBT, *OTHERS):
        tell(f"pullback, {count:,} bars, {who.label}")
        try:
            answer = files.bracket(who, _RUNS if who in VECTORBT else _SLOW_RUNS.get(count, 1))
        except PeerUnavailable as error:
            made.notes.append(f"{who.label} did not trade the pullbacks at {count:,} bars: {error}.")
            continue
        if who in VECTORBT:
            check_entries(mine, answer.orders, who.label)
        found.bracket.append(_agreement_row(count, who, mine, equity, answer))
        timings[who.label] = answer.timing
    _speeds(made, found.one, "pullback", count, timings)


def _loop(made: Section, count: int, tell: Tell) -> dict[str, float]:
    """Everything at once; returns bars a second."""
    rows: list[tuple[str, ...]] = []
    rates: dict[str, float] = {}
    for name, given in (("pullback", pullbacks(count)), ("turning over", always_in(count))):
        for markets in _MARKETS:
            tell(f"the loop with everything, {name}, {markets} markets")
            whole = full_case(count, markets, given)
            metrics = run_full(whole)
            label = f"{name}, {markets} market{'s' * (markets > 1)}"
            timing = timed(f"everything: {label}", whole.bars.height, "bar", lambda whole=whole: run_full(whole), 9, 2)
            made.timings.append(timing)
            rates[label] = timing.items / timing.median
            rows.append(
                (
                    label,
                    f"{whole.bars.height:,}",
                    f"{metrics['trades']:,.0f}",
                    f"{metrics['time_in_market']:.0%}",
                    f"{timing.median * 1e3:,.1f}",
                    f"{rates[label] / 1e6:,.1f}",
                    f"{timing.as_row()['spread']:.0%}",
                )
            )
    headings = ("signals", "bars of all", "trades", "bars with a position", "ms", "million bars a second", "spread")
    made.tables.append(Table("The loop with everything, one account, metrics included", headings, tuple(rows)))
    return rates


def _ours(bars: pl.DataFrame, signals: pl.DataFrame, config: BacktestConfig, runs: int) -> Timing:
    return timed(_OURS, bars.height, "bar", lambda: measured(bars, signals, config), runs, 2)


def _fastest_vectorbt(timings: dict[str, Timing]) -> Timing:
    there = [timings[who.label] for who in VECTORBT if who.label in timings]
    return min(there, key=lambda timing: timing.median) if there else Timing("none", 1, "bar", (float("nan"),))


def _agreement_row(count: int, who: Backtester, mine: Orders, equity: float, answer: Answer) -> tuple[str, ...]:
    same, entries = same_entries(mine, answer.orders, who.earlier)
    final = float(answer.equity[0])
    return (
        f"{count:,}",
        who.label,
        answer.told["version"],
        f"{len(answer.orders):,}",
        f"{same:,} of {entries:,}{', a bar earlier' if who.earlier else ''}",
        f"{final:,.2f}",
        f"{final / equity - 1:+.1e}",
    )


def _lists(told: dict[str, Any]) -> list[tuple[str, list[float]]]:
    return [(name, value) for name, value in told.items() if isinstance(value, list) and value]


def _metrics_row(count: int, who: str, metrics: Mapping[str, float]) -> tuple[str, ...]:
    shown = ("total_return", "max_drawdown", "win_rate")
    # Some say how deep a drawdown is with a sign, some without.
    values = [metrics[name] if name == "total_return" else abs(metrics[name]) for name in shown]
    cells = ["" if np.isnan(value) else f"{value:.4%}" for value in values]
    return (f"{count:,}", who, *cells, f"{metrics['sharpe']:.2f}")


def _speeds(made: Section, rows: list[tuple[str, ...]], what: str, count: int, timings: dict[str, Timing]) -> None:
    for name, timing in timings.items():
        made.timings.append(Timing(f"{what}: {name}", timing.items, timing.unit, timing.seconds))
        ratio = timing.median / timings[_OURS].median
        rows.append(
            (
                what,
                f"{count:,}",
                name,
                f"{timing.median:,.4f}",
                f"{timing.median / count * 1e9:,.1f}",
                f"{ratio:,.1f}",
                f"{timing.as_row()['spread']:.0%}" if len(timing.seconds) > 1 else "one run",
            )
        )


def _show(made: Section, found: Found) -> None:
    agreement = (
        "bars",
        "who",
        "version",
        "orders",
        "entries that are ours",
        "final equity",
        "against ours",
    )
    speed = ("what", "bars", "who", "seconds", "ns a bar", "times ours", "spread")
    many = ("bars", "who", "sets run", "seconds for 1,000", "ns a bar and set", "times ours")
    rules = tuple((who.label.partition(",")[0], who.cross or "none", who.bracket) for who in (*VECTORBT[:1], *OTHERS))
    made.tables[:0] = [
        Table("EMA cross: the same orders", agreement, tuple(found.agreement)),
        Table(
            "EMA cross: what each says of it",
            ("bars", "who", "total return", "largest drawdown", "trades won", "Sharpe ratio"),
            tuple(found.metrics),
        ),
        Table("Pullback with stop and target: the same entries", agreement, tuple(found.bracket)),
        Table("Rules of theirs that are not ours", ("who", "EMA cross", "pullback"), rules),
        Table("One run, metrics included", speed, tuple(found.one)),
        Table("1,000 sets of periods, metrics included", many, tuple(found.many)),
    ]
    title = "EMA cross: nanoseconds a bar, or a bar and set (less is better)"
    last = max(x for points in found.lines.values() for x, _ in points)
    at_last = [(name, y) for name, points in found.lines.items() for x, y in points if x == last]
    bars: dict[str, list[tuple[Any, float]]] = {"": sorted(at_last, key=lambda point: point[1])}
    made.charts.append(Chart(NAME, f"{title}, {last:,} bars", "", "ns", ChartKind.BARS, bars))


def _aim(made: Section, found: Found, loops: dict[str, float], count: int) -> None:
    slowest = min(loops, key=lambda name: loops[name])
    made.targets += [
        Target(
            f"one backtest of 1,000,000 bars at least {_AIM_ONE:g} times faster than vectorbt's fastest engine, metrics included",
            f"{found.ratios['one']:.1f} times at {count:,} bars",
            found.ratios["one"] >= _AIM_ONE,
        ),
        Target(
            f"1,000 sets of 1,000,000 bars at least {_AIM_SETS:g} times vectorbt's rate, metrics included",
            f"{found.ratios['sets']:,.0f} times at {count:,} bars",
            found.ratios["sets"] >= _AIM_SETS,
            f"vectorbt's faster engine, one set after the other, took {found.ratios['vectorbt']:.0f} ns a bar and set, not the "
            f"{_ONCE_NS:g} that the aim was set against; of those, ours are {found.ratios['sets of 185']:,.0f} times",
        ),
        Target(
            f"the loop with everything above {_AIM_LOOP / 1e6:g} million bars a second",
            f"{loops[slowest] / 1e6:.1f} million ({slowest})",
            loops[slowest] > _AIM_LOOP,
            f"{', '.join(f'{name}: {rate / 1e6:.1f}' for name, rate in loops.items() if name != slowest)}",
        ),
    ]

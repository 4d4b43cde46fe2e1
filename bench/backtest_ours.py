"""Our side of the comparison: the same decisions through the public functions, and the loop with everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from bench.backtest_agreement import Orders
from bench.backtest_case import CASH, FAST, FEE_BP, QUANTITY, SLIPPAGE_BP, SLOW, bars_of, crossings, pullbacks
from engines.backtest import BacktestConfig, BacktestResult, Fees, Slippage, Trailing, backtest, sweep
from engines.backtest.rows import FUNDING_SCHEMA

_FEES = Fees(maker_bp=FEE_BP, taker_bp=FEE_BP)
CROSS = BacktestConfig(cash=CASH, sizing="equity_fraction", size=1.0, fees=_FEES, slippage=Slippage(bp=SLIPPAGE_BP))
"""All in, long only: the signals are +1 and 0."""
BRACKET = BacktestConfig(
    cash=CASH, sizing="fixed_quantity", size=QUANTITY, fees=_FEES, slippage=Slippage(bp=0.0), opposite="ignore"
)
"""A fixed quantity and a target that closes everything. Without slippage: others slip targets too."""
FULL = BacktestConfig(
    cash=CASH,
    sizing="risk_fraction",
    size=0.0002,
    target_fractions=(0.5, 0.3),
    break_even=True,
    trailing=Trailing(distance=3.0, activation_r=1.0),
    time_stop_bars=1_440,
    opposite="reverse",
    slippage=Slippage(bp=1.0, impact_bp=10.0),
    max_participation=0.1,
    quantity_step=1e-6,
    leverage=5.0,
)
"""Stops, two targets, break-even, trailing, time stop, reversal, impact, bounded volume, leverage with liquidation."""
_FUNDING_HOURS = 8


def measured(bars: pl.DataFrame, signals: pl.DataFrame, config: BacktestConfig) -> dict[str, float]:
    """One backtest with its metrics."""
    return backtest(bars, signals, config).metrics


def orders(result: BacktestResult, bars: pl.DataFrame) -> Orders:
    """Filled orders of a backtest of one market."""
    return Orders.of_fills(result.fills, bars["ts"])


def final_equity(metrics: dict[str, float]) -> float:
    """Equity after the last bar, everything closed."""
    return CASH * (1.0 + metrics["total_return"])


def with_one_target(count: int) -> pl.DataFrame:
    """Signals whose first target closes everything."""
    return pullbacks(count).drop("target_2")


@dataclass(frozen=True)
class FullCase:
    """Input of the loop with everything in it, of one market or many."""

    bars: pl.DataFrame
    signals: pl.DataFrame
    funding: pl.DataFrame


def always_in(count: int) -> pl.DataFrame:
    """Signals that turn a position over at each crossing, with stop and targets so far off that it is mostly there."""
    bars = bars_of(count)
    found = crossings(count, [(FAST, SLOW)])
    direction = found.enter[0].astype(np.int8) - found.leave[0].astype(np.int8)
    close, way = pl.col("close"), pl.col("direction")
    return (
        bars.select("ts", "close", pl.Series("direction", direction))
        .filter(way != 0)
        .select(
            "ts",
            "direction",
            (close * (1 - 0.03 * way)).alias("stop"),
            (close * (1 + 0.02 * way)).alias("target_1"),
            (close * (1 + 0.04 * way)).alias("target_2"),
        )
    )


def full_case(count: int, markets: int, given: pl.DataFrame) -> FullCase:
    """Share ``count`` bars and their signals out to markets, each part moved to the same times, with funding."""
    each = count // markets
    first = bars_of(count).head(each)["ts"]
    step = _FUNDING_HOURS * 60
    paid = first.gather_every(step)
    rates = np.random.default_rng(0).normal(1e-4, 1e-4, paid.len())
    due = pl.DataFrame({"ts": paid, "funding_rate": rates}).cast(dict(FUNDING_SCHEMA))
    bars: list[pl.DataFrame] = []
    signals: list[pl.DataFrame] = []
    for k in range(markets):
        part = bars_of(count).slice(k * each, each)
        moved = pl.col("ts") - (part["ts"][0] - first[0])
        bars.append(_named(k, part.with_columns(moved)))
        mine = given.filter(pl.col("ts").is_between(part["ts"][0], part["ts"][-1]))
        signals.append(_named(k, mine.with_columns(moved)))
    return FullCase(pl.concat(bars), pl.concat(signals), pl.concat(_named(k, due) for k in range(markets)))


def _named(k: int, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.lit(f"bench:M{k:02}").alias("market"), pl.all())


def run_full(case: FullCase) -> dict[str, float]:
    """Run the whole loop, and its metrics."""
    return backtest(case.bars, case.signals, FULL, funding=case.funding).metrics


def swept(bars: pl.DataFrame, fasts: Sequence[int], slows: Sequence[int]) -> pl.DataFrame:
    """Metrics of every pair of periods, averages and crossings included; ``slows`` vary first."""
    grid = {"fast": list(fasts), "slow": list(slows)}
    return sweep(bars, "moving_average_cross", grid, CROSS, lean=True)

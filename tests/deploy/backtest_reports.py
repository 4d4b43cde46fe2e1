"""A small backtest on a random walk, and reports of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from deploy.reports.content import (
    Baselines,
    Line,
    OutOfSample,
    ReportContent,
    Robustness,
    Step,
)
from deploy.reports.verdict import verdict
from engines.backtest.config import BacktestConfig
from engines.backtest.metrics.baselines import buy_and_hold
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.monte_carlo import Resampling, day_returns, monte_carlo, trade_returns
from engines.backtest.robustness.neighbourhood import neighbourhood
from engines.backtest.robustness.random_entries import random_entries
from engines.backtest.robustness.stress import stress
from engines.backtest.simulate import backtest
from engines.backtest.stability import stability
from engines.bars import TS_DTYPE

START = 1_704_067_200_000
HOUR = 3_600_000


def bars(count: int = 3000) -> pl.DataFrame:
    """Hours of a random walk."""
    rng = np.random.default_rng(5)
    close = 30_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.006, count)))
    begin = np.concatenate([[30_000.0], close[:-1]])
    return pl.DataFrame(
        {
            "ts": pl.Series(START + np.arange(count) * HOUR).cast(TS_DTYPE),
            "open": begin,
            "high": np.maximum(begin, close) * 1.002,
            "low": np.minimum(begin, close) * 0.998,
            "close": close,
            "volume": rng.uniform(1.0, 10.0, count),
        }
    )


def result(rows: pl.DataFrame, every: int = 20, market: str = "binance:BTCUSDT") -> BacktestResult:
    """A trade every so many bars, long and short in turn, with stop and targets."""
    chosen = rows[20 : rows.height - 10].gather_every(every)
    direction = np.where(np.arange(chosen.height) % 2 == 0, 1, -1)
    close = chosen["close"].to_numpy()
    signals = pl.DataFrame(
        {
            "ts": chosen["ts"],
            "direction": pl.Series(direction, dtype=pl.Int8),
            "entry": close,
            "stop": close * (1 - 0.015 * direction),
            "target_1": close * (1 + 0.015 * direction),
            "target_2": close * (1 + 0.03 * direction),
        }
    )
    return backtest(rows, signals, BacktestConfig(), market=market)


def judged(found: BacktestResult, *, out_of_sample: bool = False) -> ReportContent:
    """The least a report can be made of."""
    return ReportContent(
        title="smc_pullback",
        result=found,
        bars=bars(),
        verdict=verdict(
            found.trades,
            out_of_sample=out_of_sample,
            total_return=found.metrics["total_return"],
            probabilistic_sharpe=found.metrics["probabilistic_sharpe"],
        ),
    )


def full(found: BacktestResult) -> ReportContent:
    """A report with every section."""
    rows = bars()
    held = buy_and_hold(rows, 10_000.0)
    equity = found.equity
    curve = Line(ts=equity["ts"].dt.epoch("ms").to_numpy(), equity=equity["equity"].to_numpy(), metrics=found.metrics)
    ts = rows["ts"]
    zones = pl.DataFrame(
        {
            "ts": [ts[i] for i in range(100, 2900, 50) for _ in (0, 1)],
            "zone_id": [f"z{i}" for i in range(100, 2900, 50) for _ in (0, 1)],
            "kind": [
                ("order_block", "breaker", "fvg", "liquidity")[i // 50 % 4]
                for i in range(100, 2900, 50)
                for _ in (0, 1)
            ],
            "event": ["created", "touched"] * 56,
            "side": [1] * 112,
            "scale": ["swing"] * 112,
            "top": [rows["close"][i] * 1.002 for i in range(100, 2900, 50) for _ in (0, 1)],
            "bottom": [rows["close"][i] * 0.998 for i in range(100, 2900, 50) for _ in (0, 1)],
        }
    )
    structure = pl.DataFrame(
        {
            "ts": [ts[i] for i in range(60, 2990, 30)],
            "scale": "swing",
            "kind": "choch",
            "direction": 1,
            "level": [rows["close"][i] for i in range(60, 2990, 30)],
            "origin_ts": [ts[i - 12] for i in range(60, 2990, 30)],
        }
    )
    runner = partial(backtest, rows)
    taker = found.config.fees.taker_bp

    def tried(changes: Mapping[str, object]) -> Mapping[str, float]:
        return runner(found.signals.drop("fate"), found.config.with_values(changes)).metrics

    windows = pl.DataFrame(
        {
            "train_begin": [ts[0], ts[500]],
            "train_end": [ts[1000], ts[1500]],
            "test_begin": [ts[1000], ts[1500]],
            "test_end": [ts[1500], ts[2000]],
            "reach": [1.5, 2.5],
            "train_sharpe": [1.25, 1.5],
            "test_sharpe": [0.5, -0.25],
            "test_trades": [70.0, 72.0],
        }
    )
    steady = stability([{"reach": 1.5}, {"reach": 2.5}], [{"reach": 1.5}, {"reach": 2.5}])
    return replace(
        judged(found),
        parameters={"reach": 1.5},
        zones=zones,
        structure=structure,
        baselines=Baselines(
            buy_and_hold=Line(ts=held.ts, equity=held.equity, metrics=held.metrics()),
            random_entries=random_entries(found, runner, runs=20),
        ),
        robustness=Robustness(
            monte_carlo=(
                (Step.TRADE, monte_carlo(trade_returns(found), method=Resampling.SHUFFLE, paths=50)),
                (Step.DAY, monte_carlo(day_returns(found), paths=50)),
            ),
            stress=stress(found, runner),
            neighbourhood=neighbourhood(tried, {"fees.taker_bp": taker, "valid_bars": 1}, metric="total_return"),
        ),
        out_of_sample=OutOfSample(
            curve=curve,
            windows=windows,
            trades=found.trades,
            embargo="A day was left out.",
            stability=steady,
            facts={"Efficiency": "31 %"},
        ),
        versions={"signals": "2"},
        notes=("The bars are simulated.",),
    )

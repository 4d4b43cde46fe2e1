"""After warming, nothing is left to compile."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
from numba.core.dispatcher import Dispatcher

from engines.backtest import BacktestConfig, Simulation, Trailing, backtest
from engines.bars import bar_arrays
from engines.chain import Chain
from engines.indicators import IndicatorEngine
from engines.resample import ResampleEngine
from engines.signals import OutcomeEngine
from engines.warm import warm
from tests.engines.market_bars import pieces, simulated_bars


class Recorder:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def stage(self, name: str, total: int | None) -> None:
        self.calls.append(f"stage {total}")

    def advance(self, n: int = 1) -> None:
        self.calls.append("advance")

    def done(self) -> None:
        self.calls.append("done")


def compiled() -> dict[str, int]:
    kernels = {
        f"{value.py_func.__module__}.{value.py_func.__name__}": value
        for name, module in list(sys.modules.items())
        if name.startswith("engines.")
        for value in vars(module).values()
        if isinstance(value, Dispatcher)
    }
    return {name: len(kernel.signatures) for name, kernel in kernels.items()}


def test_nothing_is_left_to_compile():
    listener = Recorder()
    seconds = warm(listener)
    assert list(seconds) == ["simulation", "resample", "indicators", "chain", "outcomes", "risk", "backtest", "panel"]
    assert listener.calls == ["stage 8", *["advance"] * 8, "done"]
    before = compiled()
    assert len(before) > 10
    bars = simulated_bars(600)
    arrays = [array.copy() for array in bar_arrays(bars)]
    chain, outcomes = Chain(timeframe="15m", market="sim:BTCUSDT"), OutcomeEngine(timeframe="15m", market="sim:BTCUSDT")
    for piece in pieces(bars, [500, 1, 0, 1, 98]):
        outcomes.advance(piece, chain.advance(piece).signals)
    width = len(IndicatorEngine().columns)
    for out in (np.empty((width, 600)), np.empty((600, width)).T, np.empty((width, 700))[:, :600]):
        IndicatorEngine().advance_arrays(*arrays, out)
    rows = chain.new_rows(1)
    later = simulated_bars(700).slice(600, 100)
    for k in range(100):
        chain.advance_arrays(*[array[k : k + 1].copy() for array in bar_arrays(later)], rows)
    resample = ResampleEngine(base="15m", timeframe="4h")
    for piece in pieces(bars, [300, 1, 0, 299]):
        resample.advance(piece)
    backtests(bars, chain.advance(bars.with_columns(pl.col("ts") + pl.duration(days=90))).signals)
    assert compiled() == before


def backtests(bars: pl.DataFrame, signals: pl.DataFrame) -> None:
    """Every way into the backtest's kernels."""
    bars = bars.with_columns(pl.col("ts") + pl.duration(days=90))
    both = pl.concat([bars.with_columns(pl.lit(name).alias("market")) for name in "ab"])
    twice = pl.concat([signals.with_columns(pl.lit(name).alias("market")) for name in "ab"])
    funding = pl.DataFrame({"ts": bars["ts"].gather_every(4), "funding_rate": 0.0001})
    config = BacktestConfig(trailing=Trailing(), max_positions=1, leverage=5.0)
    for given, orders, table in ((bars, signals, funding), (both, twice, None)):
        result = backtest(given, orders, config, funding=table, mark=given, timeframe="15m")
        assert result.metrics
        assert result.equity.height
    live = Simulation(config, timeframe="15m", markets=["a", "b"])
    live.advance(both, twice)
    live.finish()

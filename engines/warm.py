"""Compile or load every kernel ahead of need.

A kernel is compiled when it is first called and kept in the cache on disk. Engines bring their arguments into one form
before they call a kernel, so it is enough to run each engine once, on a few days of the simulated market.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from engines.timeframe import Timeframe

if TYPE_CHECKING:
    import polars as pl

_DAYS = 10
_TIMEFRAME = Timeframe.M15
_MARKET = "sim:BTCUSDT"
_FEW = 8
_ENGINES = ("simulation", "resample", "indicators", "chain", "outcomes", "risk", "backtest", "panel")


class WarmListener(Protocol):
    """Who is told how far the warming has come."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of ``total`` steps; None if their number is not known."""
        ...

    def advance(self, n: int = 1) -> None:
        """Count steps of the present stage as done."""
        ...

    def done(self) -> None:
        """End the present stage."""
        ...


def warm(listener: WarmListener | None = None) -> dict[str, float]:
    """Run every engine on a few bars, so that all kernels are compiled and in the cache.

    Parameters
    ----------
    listener : WarmListener, optional

    Returns
    -------
    dict of str to float
        Seconds each engine took: mostly compiling at the first time, loading from the cache later.
    """
    if listener is not None:
        listener.stage("Compiling the engines", len(_ENGINES))
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    for name in _run_engines():
        seconds[name] = time.perf_counter() - began
        if listener is not None:
            listener.advance()
        began = time.perf_counter()
    if listener is not None:
        listener.done()
    return seconds


def warm_indicators() -> None:
    """Compile the indicators. Beside `warm_stages`, in a process of its own, it halves the wait."""
    from engines.indicators import IndicatorEngine

    IndicatorEngine(timeframe=_TIMEFRAME).advance(_bars(_FEW))


def warm_stages() -> None:
    """Compile structure, zones and strategies, on a few bars on which nothing happens; the indicators are left out."""
    import numpy as np

    from engines.bars import bar_arrays
    from engines.indicators import IndicatorEngine
    from engines.signals import SignalEngine
    from engines.structure import StructureEngine
    from engines.zones import ZoneEngine

    frame = _bars(_FEW)
    ZoneEngine(timeframe=_TIMEFRAME).advance(frame, StructureEngine(timeframe=_TIMEFRAME).advance(frame))
    bars = bar_arrays(frame)
    columns = IndicatorEngine(timeframe=_TIMEFRAME).empty_rows(_FEW)
    columns[:] = np.nan
    structure = StructureEngine(timeframe=_TIMEFRAME).new_rows(_FEW)
    zones = ZoneEngine(timeframe=_TIMEFRAME).new_rows(_FEW)
    SignalEngine(timeframe=_TIMEFRAME, market=_MARKET).advance_checked(bars, columns, structure, 0, zones, 0)


def warm_others() -> None:
    """Compile all but the panel."""
    for name in _run_engines():
        if name == _ENGINES[-2]:
            return


def warm_panel() -> None:
    """Compile the loop over markets, which the stages and the built-in strategies become a part of."""
    import polars as pl

    from engines.chain import Chain
    from engines.panel import Panel

    bars = _bars(1)
    # Enough markets for two threads: with one the bars are checked by another kernel.
    names = pl.Series("market", [f"sim:{number}" for number in range(128)])
    with Panel([Chain(timeframe=_TIMEFRAME, market=name) for name in names], threads=2) as panel:
        panel.advance(names.to_frame().join(bars, how="cross"))


def warm_backtest(bars: pl.DataFrame, signals: pl.DataFrame) -> None:
    """Compile the backtest's loops."""
    from engines.backtest import BacktestConfig, Simulation, Sizing, backtest
    from engines.backtest.moving_average_cross import MovingAverageCross

    result = backtest(bars, signals, market=_MARKET)
    # Both are made when they are asked for.
    _ = result.metrics
    _ = result.equity
    simulation = Simulation(BacktestConfig(), timeframe=_TIMEFRAME, markets=[_MARKET])
    simulation.advance(bars, signals)
    simulation.finish()
    crosses = MovingAverageCross(bars)
    crosses.signals({})
    crosses.sweep_lean([{}], BacktestConfig(sizing=Sizing.EQUITY_FRACTION, size=1.0))


def _bars(count: int) -> pl.DataFrame:
    """Make bars that no kernel is needed for: too few for one of the higher timeframe."""
    import polars as pl

    from engines.bars import BAR_SCHEMA

    step = _TIMEFRAME.milliseconds
    flat = dict.fromkeys(("open", "high", "low", "close", "volume"), [100.0] * count)
    return pl.DataFrame({"ts": [step * (k + 1) for k in range(count)], **flat}).cast(BAR_SCHEMA)  # pyright: ignore[reportArgumentType]


def _run_engines() -> Iterator[str]:
    """Run one engine after the other on what those before it made; yields the name of each when it is done."""
    from engines.ingestion.simulation import START, SimulatedCandles

    end = START + _DAYS * Timeframe.D1.milliseconds
    minutes = SimulatedCandles(lambda: end).bars("BTCUSDT", START, end)
    yield "simulation"

    from engines.resample import ResampleEngine

    bars = ResampleEngine(base=Timeframe.M1, timeframe=_TIMEFRAME).advance(minutes).drop("base_bars")
    yield "resample"

    from engines.indicators import IndicatorEngine

    IndicatorEngine(timeframe=_TIMEFRAME).advance(bars)
    yield "indicators"

    from engines.chain import Chain

    chain = Chain(timeframe=_TIMEFRAME, market=_MARKET)
    signals = chain.advance(bars).signals
    yield "chain"

    from engines.signals import OutcomeEngine

    outcomes = OutcomeEngine(timeframe=_TIMEFRAME, market=_MARKET).advance(bars, signals)
    yield "outcomes"

    from engines.risk import RiskEngine

    RiskEngine(timeframe=_TIMEFRAME, market=_MARKET).advance(bars, signals, outcomes)
    yield "risk"

    warm_backtest(bars, signals)
    yield "backtest"

    warm_panel()
    yield "panel"

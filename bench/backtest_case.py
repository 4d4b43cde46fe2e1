"""What the backtests are compared on: bars, crossings of two averages, and one strategy's signals with stops and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from bench.bars import many_bars
from engines.bars import TS_DTYPE, bar_arrays
from engines.chain import Chain

CASH = 1_000_000.0
FEE_BP, SLIPPAGE_BP = 5.0, 1.0
FAST, SLOW = 60, 240
QUANTITY = 0.5
FASTS, SLOWS = tuple(range(20, 120, 4)), tuple(range(150, 950, 20))
GRID = tuple((fast, slow) for fast in FASTS for slow in SLOWS)
"""A thousand sets of periods."""


@dataclass(frozen=True)
class Crossings:
    """Decisions at the closes of bars, a row a set of periods.

    Attributes
    ----------
    enter, leave : ndarray of bool, shape (sets, bars)
        The fast average has come to lie above the slow one, or no longer lies there.
    """

    enter: np.ndarray
    leave: np.ndarray


@cache
def bars_of(count: int) -> pl.DataFrame:
    """The bars, made once."""
    return many_bars(count)


def crossings(count: int, sets: Sequence[tuple[int, int]]) -> Crossings:
    """Crossings of exponential averages of the close, as TA-Lib makes and seeds them."""
    import talib

    close = bar_arrays(bars_of(count)).close
    averages = {n: talib.EMA(close, timeperiod=n) for n in {period for periods in sets for period in periods}}
    enter, leave = np.zeros((len(sets), count), np.bool_), np.zeros((len(sets), count), np.bool_)
    for k, (fast, slow) in enumerate(sets):
        known = ~np.isnan(averages[fast]) & ~np.isnan(averages[slow])
        above = known & (averages[fast] > averages[slow])
        both = known[1:] & known[:-1]
        enter[k, 1:] = both & above[1:] & ~above[:-1]
        leave[k, 1:] = both & ~above[1:] & above[:-1]
    return Crossings(enter, leave)


def as_signals(bars: pl.DataFrame, enter: np.ndarray, leave: np.ndarray) -> pl.DataFrame:
    """Crossings of one set as signals of a backtest."""
    direction = enter.astype(np.int8)
    return bars.select("ts").with_columns(pl.Series("direction", direction)).filter(pl.Series(enter | leave))


@cache
def pullbacks(count: int) -> pl.DataFrame:
    """Signals of ``smc_pullback`` with a stop and two targets, none of them beyond the next open."""
    bars = bars_of(count)
    signals = Chain(timeframe="1m", market="bench:BTC", strategies=["smc_pullback"]).advance(bars).signals
    made = signals.select(pl.col("ts").cast(TS_DTYPE), "direction", "stop", "target_1", "target_2")
    # What to do with a stop or target that the next open has gone beyond, each library has its own rule for.
    opens = bars.select(pl.col("ts").shift(1), following="open").drop_nulls()
    return (
        made.join(opens, on="ts", how="inner")
        .filter((pl.col("following") - pl.col("stop")) * pl.col("direction") > 0)
        .filter((pl.col("target_1") - pl.col("following")) * pl.col("direction") > 0)
        .unique("ts", keep="first", maintain_order=True)
        .drop("following")
    )


def write_bars(count: int, folder: Path) -> dict[str, str]:
    """Write the bars for the libraries in environments of their own."""
    arrays = bar_arrays(bars_of(count))
    np.save(folder / "bars.npy", np.array(arrays[1:]))
    np.save(folder / "ts.npy", arrays.ts)
    return {"bars": str(folder / "bars.npy"), "ts": str(folder / "ts.npy")}


def write_signals(count: int, folder: Path) -> str:
    """Write the signals with stops and targets, each with the place of its bar."""
    signals = pullbacks(count)
    place = bars_of(count)["ts"].search_sorted(signals["ts"]).to_numpy().astype(np.int64)
    path = folder / "signals.npz"
    np.savez(
        path,
        bar=place,
        direction=signals["direction"].to_numpy().astype(np.int64),
        stop=signals["stop"].to_numpy(),
        target=signals["target_1"].to_numpy(),
    )
    return str(path)

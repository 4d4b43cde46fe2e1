"""Bars to test engines with: a simulated market with every awkward thing real ones have, recorded ones, and chunkings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from engines.bars import BAR_SCHEMA, TS_DTYPE
from engines.timeframe import Timeframe

START_MS = 1_700_006_400_000  # 2023-11-15 00:00 UTC, on the grid of every timeframe up to a day


@dataclass(frozen=True)
class Awkward:
    """How often the simulated market does what naive engines trip over (probability a bar, or fraction of bars)."""

    gap: float = 0.002
    quiet: float = 0.003
    still: float = 0.002
    jump: float = 0.002
    tick: float = 0.01


def simulated_bars(
    count: int,
    *,
    seed: int = 1,
    timeframe: Timeframe | str = "15m",
    start_ms: int | None = None,
    awkward: Awkward | None = None,
) -> pl.DataFrame:
    """Random-walk bars with gaps, zero-volume runs, constant prices, jumps, and prices rounded to a tick (ties)."""
    how = awkward or Awkward()
    frame = Timeframe(timeframe)
    random = np.random.default_rng(seed)
    steps = np.ones(count, np.int64)
    gaps = random.random(count) < how.gap
    steps[gaps] = random.integers(2, 60, int(gaps.sum()))
    first = frame.open_time(START_MS if start_ms is None else start_ms)
    ts = first + (np.cumsum(steps) - steps[:1].sum()) * frame.milliseconds if count else steps

    still = _runs(random, count, how.still)
    quiet = _runs(random, count, how.quiet)
    scale = 0.001 * (1 + 3 * (np.sin(np.arange(count) / 300.0) > 0.5))
    change = random.normal(0, 1, count) * scale
    change[random.random(count) < how.jump] *= 25
    change[still] = 0.0
    close = np.maximum(100.0 * np.exp(np.cumsum(change)), 1.0)
    open_ = np.concatenate([[100.0], close[:-1]]) if count else close
    open_ = open_ * np.where(still, 1.0, np.exp(random.normal(0, 1, count) * 0.0001))
    open_[still] = close[still]
    spread = np.where(still, 0.0, np.abs(random.normal(0, 1, (2, count))) * scale)
    o, c = _ticks(open_, how.tick), _ticks(close, how.tick)
    high = np.maximum(_ticks(np.maximum(open_, close) * np.exp(spread[0]), how.tick), np.maximum(o, c))
    low = np.minimum(_ticks(np.minimum(open_, close) * np.exp(-spread[1]), how.tick), np.minimum(o, c))
    volume = np.where(quiet, 0.0, np.round(random.lognormal(3.0, 1.0, count), 5))
    return bars_frame(ts, o, high, np.maximum(low, how.tick), c, volume)


def constant_bars(
    count: int, price: float = 100.0, volume: float = 0.0, timeframe: Timeframe | str = "15m"
) -> pl.DataFrame:
    """Bars of a market that does not move."""
    ts = START_MS + np.arange(count, dtype=np.int64) * Timeframe(timeframe).milliseconds
    flat = np.full(count, price)
    return bars_frame(ts, flat, flat, flat, flat, np.full(count, volume))


def bars_frame(ts: Any, open_: Any, high: Any, low: Any, close: Any, volume: Any) -> pl.DataFrame:
    """Frame in the normal form, from arrays or lists (``ts`` in ms)."""
    return pl.DataFrame(
        {
            "ts": pl.Series(np.asarray(ts, np.int64)).cast(TS_DTYPE),
            "open": np.asarray(open_, np.float64),
            "high": np.asarray(high, np.float64),
            "low": np.asarray(low, np.float64),
            "close": np.asarray(close, np.float64),
            "volume": np.asarray(volume, np.float64),
        },
        schema=BAR_SCHEMA,
    )


def real_bars(folder: Path, name: str) -> pl.DataFrame:
    """Recorded candles by file name without ``.parquet``, e.g. ``binance_BTCUSDT_1h_2017-08_2025-06``."""
    return pl.read_parquet(folder / "candles" / f"{name}.parquet").select(BAR_SCHEMA.names()).cast(dict(BAR_SCHEMA))


@st.composite
def chunkings(draw: st.DrawFn, count: int, max_cuts: int = 12) -> list[int]:
    """Random ways to cut ``count`` bars into consecutive calls: lengths that sum to it.

    One-bar calls, empty calls and runs of one-bar calls are all drawn.
    """
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=max_cuts)))
    edges = [0, *cuts, count]
    lengths = [b - a for a, b in pairwise(edges)]
    burst = draw(st.integers(0, len(lengths) - 1))
    if draw(st.booleans()):
        singles = min(lengths[burst], 40)
        lengths[burst : burst + 1] = [1] * singles + [lengths[burst] - singles]
    return lengths


def pieces(bars: pl.DataFrame, lengths: Iterable[int]) -> list[pl.DataFrame]:
    """Cut a frame into consecutive frames of these lengths."""
    out: list[pl.DataFrame] = []
    position = 0
    for length in lengths:
        out.append(bars.slice(position, length))
        position += length
    return out


def advance_in_pieces(
    advance: Callable[[pl.DataFrame], pl.DataFrame], bars: pl.DataFrame, lengths: Iterable[int]
) -> pl.DataFrame:
    """Rows of an engine fed in pieces, as one frame."""
    return pl.concat([advance(piece) for piece in pieces(bars, lengths)])


def assert_same_bits(left: pl.DataFrame, right: pl.DataFrame) -> None:
    """Fail unless two frames are equal in schema and, for every value, bit for bit (so -0.0 is not 0.0)."""
    assert left.schema == right.schema
    assert left.height == right.height
    for name, dtype in left.schema.items():
        a, b = left[name], right[name]
        if dtype == pl.Float64:
            assert a.is_null().equals(b.is_null()), f"{name}: nulls differ"
            bits = a.fill_null(0.0).to_numpy().view(np.int64) != b.fill_null(0.0).to_numpy().view(np.int64)
            assert not bits.any(), f"{name}: {int(bits.sum())} values differ, the first in row {int(bits.argmax())}"
        else:
            assert a.equals(b), f"{name} differs"


def _runs(random: np.random.Generator, count: int, probability: float) -> np.ndarray:
    """Mask of runs of 1 to 40 bars that start with this probability."""
    mask = np.zeros(count, bool)
    for start in np.flatnonzero(random.random(count) < probability):
        mask[start : start + int(random.integers(1, 41))] = True
    return mask


def _ticks(price: np.ndarray, tick: float) -> np.ndarray:
    return np.round(np.round(price / tick) * tick, 8)

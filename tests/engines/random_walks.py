"""Markets that walk at random, and signals on them with and without foresight."""

from __future__ import annotations

import numpy as np
import polars as pl

from engines.bars import BAR_SCHEMA, FloatArray

HOUR = 3_600_000
START = 1_704_067_200_000
"""2024-01-01, midnight."""


def walk(count: int, seed: int, drift: float = 0.0) -> FloatArray:
    """Closes with independent returns of 1 % deviation."""
    random = np.random.default_rng(seed)
    return 100.0 * np.exp(np.cumsum(random.normal(drift, 0.01, count)))


def frame_of(closes: FloatArray, spread: float = 0.004) -> pl.DataFrame:
    """Hourly bars that open at the close before, and reach a little beyond both."""
    opens = np.append(closes[0], closes[:-1])
    return pl.DataFrame(
        {
            "ts": START + HOUR * np.arange(closes.shape[0]),
            "open": opens,
            "high": np.maximum(opens, closes) * (1.0 + spread),
            "low": np.minimum(opens, closes) * (1.0 - spread),
            "close": closes,
            "volume": np.full(closes.shape[0], 1_000.0),
        },
        schema=BAR_SCHEMA,
    )


def coin_flips(bars: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """Entries at random bars to random sides, with a stop and a target 3 % away."""
    random = np.random.default_rng(seed)
    places = np.sort(random.choice(bars.height - 1, count, replace=False))
    return entries(bars, places.tolist(), random.choice([-1, 1], count).tolist())


def foresight(bars: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """Entries at random bars to the side on which price is 12 bars later."""
    random = np.random.default_rng(seed)
    places = np.sort(random.choice(bars.height - 13, count, replace=False)).tolist()
    closes = bars["close"].to_list()
    return entries(bars, places, [1 if closes[k + 12] > closes[k] else -1 for k in places])


def entries(bars: pl.DataFrame, places: list[int], directions: list[int]) -> pl.DataFrame:
    """Market entries at bars, with a stop and a target 3 % away."""
    closes = bars["close"].gather(places).to_numpy()
    side = np.array(directions)
    return pl.DataFrame(
        {
            "ts": bars["ts"].gather(places),
            "direction": side.astype(np.int8),
            "entry": closes,
            "stop": closes * (1.0 - 0.03 * side),
            "target_1": closes * (1.0 + 0.03 * side),
        }
    )

"""Signals, outcomes and closes of several made-up markets, in the form an account takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from engines.bars import TS_DTYPE
from engines.risk import ACCOUNT_OUTCOME_SCHEMA, ACCOUNT_SIGNAL_SCHEMA, CLOSE_SCHEMA
from engines.signals.outcomes import OutcomeEngine
from engines.timeframe import Timeframe
from tests.engines.market_bars import START_MS, bars_frame
from tests.engines.signal_frames import random_signals

HOUR = 3_600_000
Rows = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def walks(markets: int, steps: int, seed: int, common: float) -> np.ndarray:
    """Prices of markets whose hourly moves share a part ``common`` of their variance, shape (markets, steps)."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=steps)
    own = random.normal(size=(markets, steps))
    moves = 0.004 * (np.sqrt(common) * shared + np.sqrt(1.0 - common) * own)
    return 100.0 * np.exp(np.cumsum(moves, axis=1))


def hourly_bars(closes: np.ndarray) -> pl.DataFrame:
    opens = np.concatenate((closes[:1], closes[:-1]))
    high, low = np.maximum(opens, closes) * 1.001, np.minimum(opens, closes) * 0.999
    ts = [START_MS + HOUR * i for i in range(closes.shape[0])]
    return bars_frame(ts, opens.tolist(), high.tolist(), low.tolist(), closes.tolist(), [1.0] * len(ts))


def every_fourth(bars: pl.DataFrame) -> pl.DataFrame:
    """4h bars of 1h bars."""
    return (
        bars.group_by_dynamic("ts", every="4h")
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
        .head(bars.height // 4)
    )


def random_account(markets: int, steps: int, seed: int, *, common: float = 0.5, density: float = 0.1) -> Rows:
    """Closes, signals and outcomes of several markets, each on 1h and 4h."""
    closes: list[pl.DataFrame] = []
    signals: list[pl.DataFrame] = []
    outcomes: list[pl.DataFrame] = []
    for number, prices in enumerate(walks(markets, steps, seed, common)):
        market = f"test:M{number:02d}"
        bars = hourly_bars(prices)
        closes.append(bars.select(pl.lit(market).alias("market"), "ts", "close"))
        for timeframe, own in (("1h", bars), ("4h", every_fourth(bars))):
            found = random_signals(own, seed * 1_000 + number * 2 + len(timeframe + market), density)
            found = found.with_columns(
                pl.format("{}|{}|{}", pl.lit(market), pl.lit(timeframe), "signal_id").alias("signal_id")
            )
            ended = OutcomeEngine(timeframe=timeframe, max_bars=30).advance(own, found)
            series = (pl.lit(market).alias("market"), pl.lit(timeframe).alias("timeframe"))
            signals.append(found.select(*series, pl.all()))
            outcomes.append(ended.select(*series, pl.all()))
    return pl.concat(closes), pl.concat(signals), pl.concat(outcomes)


def known(frame: pl.DataFrame) -> pl.Series:
    """Instant (ms) each row becomes known; closes are hourly."""
    lengths = (
        np.array([Timeframe(name).milliseconds for name in frame["timeframe"]])
        if "timeframe" in frame.columns
        else HOUR
    )
    return pl.Series("known", frame["ts"].to_physical().to_numpy() + lengths)


def cut(rows: Rows, after: int, until: int) -> Rows:
    """What becomes known after one instant and up to another."""
    closes, signals, outcomes = (frame.filter((known(frame) > after) & (known(frame) <= until)) for frame in rows)
    return closes, signals, outcomes


def closes_frame(rows: list[tuple[str, int, float]]) -> pl.DataFrame:
    """Closes by hand: market, open time (ms), close."""
    return pl.DataFrame(rows, schema={"market": pl.String, "ts": pl.Int64, "close": pl.Float64}, orient="row").cast(
        {"ts": TS_DTYPE}
    )


def of_series(frame: pl.DataFrame, market: str, timeframe: str = "1h") -> pl.DataFrame:
    """Rows with the series they are of."""
    return frame.select(pl.lit(market).alias("market"), pl.lit(timeframe).alias("timeframe"), pl.all())


def nothing() -> dict[str, Any]:
    """Empty frames by argument."""
    return {
        "closes": pl.DataFrame(schema=CLOSE_SCHEMA),
        "signals": pl.DataFrame(schema=ACCOUNT_SIGNAL_SCHEMA),
        "outcomes": pl.DataFrame(schema=ACCOUNT_OUTCOME_SCHEMA),
    }

"""Bars to measure on: recorded minutes where the data folder is there, simulated ones where not, as many as are asked for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from engines.bars import BAR_SCHEMA, BarArrays, bar_arrays
from engines.ingestion.simulation import SimulatedCandles
from engines.timeframe import Timeframe
from stores.markets import Market

_MINUTE = 60_000
_START = datetime(2000, 1, 1, tzinfo=UTC)


@cache
def candles() -> tuple[str, pl.DataFrame]:
    """One-minute bars of a year, and what they are."""
    folder = Path(os.environ.get("CAP_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    recorded = folder / "candles" / "binance_BTCUSDT_1m_2024.parquet"
    if recorded.is_file():
        return "recorded binance:BTCUSDT 1m 2024", pl.read_parquet(recorded)
    end = datetime(2025, 1, 1, tzinfo=UTC)
    source = SimulatedCandles(lambda: round(end.timestamp() * 1000))
    since = round(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
    frames = [batch.bars for batch in source.read(Market("sim", "BTCUSDT"), Timeframe.M1, since, None)]
    return "simulated sim:BTCUSDT 1m 2024", pl.concat(frames)


def many_bars(count: int) -> pl.DataFrame:
    """So many one-minute bars: the year again and again, each time turned upside down so that prices stay where they are.

    A year that is repeated as it is would take prices ever farther up; one whose returns change their sign every other time
    ends where it began, and has the same moves, volumes and quiet nights.
    """
    values = _repeated(count)
    ts = pl.from_epoch(
        pl.Series("ts", round(_START.timestamp() * 1000) + np.arange(count) * _MINUTE), time_unit="ms"
    ).dt.replace_time_zone("UTC")
    names = ("open", "high", "low", "close", "volume")
    return pl.DataFrame([ts, *(pl.Series(name, column) for name, column in zip(names, values, strict=True))]).cast(
        dict(BAR_SCHEMA)
    )


def many_arrays(count: int) -> BarArrays:
    """The bars of `many_bars` as arrays."""
    return bar_arrays(many_bars(count))


def _repeated(count: int) -> list[np.ndarray]:
    _, year = candles()
    _, open_, high, low, close, volume = bar_arrays(year)
    # c / p begins where the year ends and ends where it began; high and low change places.
    c = open_[0] * close[-1]
    there, back = (open_, high, low, close, volume), (c / open_, c / low, c / high, c / close, volume)
    years = -(-count // year.height)
    return [np.concatenate([(there, back)[turn % 2][k] for turn in range(years)])[:count] for k in range(5)]

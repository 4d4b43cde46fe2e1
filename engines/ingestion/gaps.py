"""Gaps: grid times between two bars that hold none. They are recorded, never filled."""

from __future__ import annotations

import numpy as np
import polars as pl

from engines.bars import TS_DTYPE, TimeArray
from engines.timeframe import Timeframe

GAP_SCHEMA = pl.Schema({"ts": TS_DTYPE, "gap_end": TS_DTYPE, "missing_bars": pl.UInt32})


def find_gaps(
    ts: TimeArray, timeframe: Timeframe, previous_ts: int | None = None, next_ts: int | None = None
) -> pl.DataFrame:
    """Find the gaps in a run of bars, and those between it and its neighbours.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Open times in ms UTC, strictly increasing, on the grid.
    timeframe : Timeframe
        Timeframe of the bars.
    previous_ts, next_ts : int, optional
        Open time of the last bar known before the run and of the first known after it.

    Returns
    -------
    DataFrame
        `GAP_SCHEMA`, one row a gap: open time of its first and last missing bar, and how many are missing.
    """
    before = np.array([] if previous_ts is None else [previous_ts], dtype=np.int64)
    after = np.array([] if next_ts is None else [next_ts], dtype=np.int64)
    times = np.concatenate((before, np.asarray(ts, dtype=np.int64), after))
    step = timeframe.milliseconds
    distance = np.diff(times)
    if np.any(distance <= 0):
        raise ValueError("times must be strictly increasing, from previous_ts over ts to next_ts")
    at = np.flatnonzero(distance > step)
    return pl.DataFrame(
        {
            "ts": times[at] + step,
            "gap_end": times[at + 1] - step,
            "missing_bars": distance[at] // step - 1,
        }
    ).cast(GAP_SCHEMA)


def count_missing(ts: TimeArray, timeframe: Timeframe) -> int:
    """Count the grid times between the first and the last of ``ts`` (ms UTC, increasing, on the grid) without a bar."""
    if ts.shape[0] == 0:
        return 0
    return int((ts[-1] - ts[0]) // timeframe.milliseconds) + 1 - int(ts.shape[0])

"""Bars: the one normal form in which market data enters an engine, and the rules it is checked by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.errors import BadBars
from engines.kernel import kernel
from engines.timeframe import Timeframe

FloatArray = npt.NDArray[np.float64]
TimeArray = npt.NDArray[np.int64]

TS_DTYPE = pl.Datetime("ms", "UTC")
PRICE_COLUMNS = ("open", "high", "low", "close")
BAR_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Float64,
    }
)

NO_BAR = np.iinfo(np.int64).min
"""Last-bar time of a state that has seen no bar."""


class BarArrays(NamedTuple):
    """Bars as contiguous arrays of equal length: ``ts`` in ms UTC (open time), prices and volume in float64."""

    ts: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


_RULES = {
    1: "ts is not after the bar before it",
    2: "ts is not after the last bar already seen",
    3: "ts is off the {timeframe} grid",
    4: "a price is null, NaN or infinite",
    5: "a price is not above zero",
    6: "high is below max(open, close)",
    7: "low is above min(open, close)",
    8: "volume is null, NaN, infinite or negative",
}


@kernel
def _first_violation(
    ts: TimeArray,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    last_ts: int,
    step: int,
    offset: int,
) -> tuple[int, int]:
    """Row and rule number of the first bad bar, (-1, 0) if all are good."""
    previous = last_ts
    for t in range(ts.shape[0]):
        if ts[t] <= previous:
            return t, (2 if t == 0 else 1)
        if (ts[t] - offset) % step != 0:
            return t, 3
        o, h, l, c = open_[t], high[t], low[t], close[t]
        if not (np.isfinite(o) and np.isfinite(h) and np.isfinite(l) and np.isfinite(c)):
            return t, 4
        if o <= 0.0 or h <= 0.0 or l <= 0.0 or c <= 0.0:
            return t, 5
        if h < max(o, c):
            return t, 6
        if l > min(o, c):
            return t, 7
        if not np.isfinite(volume[t]) or volume[t] < 0.0:
            return t, 8
        previous = ts[t]
    return -1, 0


def check_bars(bars: BarArrays, timeframe: Timeframe, last_ts: int = NO_BAR) -> None:
    """Raise `BadBars` for the first row that breaks a rule of ENGINES section 1; otherwise return.

    Parameters
    ----------
    bars : BarArrays
    timeframe : Timeframe
        Grid the open times must stand on.
    last_ts : int
        Open time (ms) of the last bar already seen; `NO_BAR` if none.
    """
    row, rule = _first_violation(*bars, last_ts, timeframe.milliseconds, timeframe.offset_ms)
    if rule:
        raise BadBars(_RULES[rule].format(timeframe=timeframe.value), row)


def bar_arrays(bars: pl.DataFrame) -> BarArrays:
    """Take a frame of bars apart into arrays, without copying where polars allows it.

    Raises
    ------
    BadBars
        If a column is missing or of another type, or a value is null.
    """
    for name, dtype in BAR_SCHEMA.items():
        if name not in bars.columns:
            raise BadBars(f"column {name!r} is missing; bars have {', '.join(BAR_SCHEMA.names())}")
        if bars.schema[name] != dtype:
            raise BadBars(f"column {name!r} is {bars.schema[name]}, it must be {dtype}")
    for name in BAR_SCHEMA.names():
        column = bars[name]
        if column.null_count():
            first = column.is_null().arg_max()
            raise BadBars(f"{name} is null", -1 if first is None else first)
    ts = bars["ts"].to_physical().to_numpy()
    columns = [np.ascontiguousarray(bars[name].to_numpy()) for name in BAR_SCHEMA.names()[1:]]
    return BarArrays(np.ascontiguousarray(ts), *columns)

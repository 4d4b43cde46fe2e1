"""Bars: the one normal form in which market data enters an engine, and the rules it is checked by."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.errors import BadBars
from engines.kernel import kernel, lean_kernel
from engines.timeframe import Timeframe

FloatArray = npt.NDArray[np.float64]
TimeArray = npt.NDArray[np.int64]
ScalarT = TypeVar("ScalarT", bound=np.generic)

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
_COLUMNS = tuple(BAR_SCHEMA.items())

NO_BAR = np.iinfo(np.int64).min
"""Last-bar time of a state that has seen no bar."""


class BarArrays(NamedTuple):
    """Bars as contiguous read-only arrays of equal length: ``ts`` in ms UTC (open time), prices and volume in float64.

    They are always read-only because a kernel is compiled apart for each mix of writable and read-only arguments, and
    polars hands out both.
    """

    ts: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


_BLOCK = 256

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


@lean_kernel
def _price_rule(o: float, h: float, l: float, c: float) -> int:
    """Rule that a bad bar breaks: the first of 4 to 7 its prices break, else 8."""
    if not (np.isfinite(o) and np.isfinite(h) and np.isfinite(l) and np.isfinite(c)):
        return 4
    if o <= 0.0 or h <= 0.0 or l <= 0.0 or c <= 0.0:
        return 5
    if h < max(o, c):
        return 6
    if l > min(o, c):
        return 7
    return 8


@lean_kernel
def first_bad_bar(bars: BarArrays, begin: int, end: int, last_ts: int, step: int, offset: int) -> tuple[int, int]:
    """Row and rule number of the first bad bar in ``[begin, end)``, (-1, 0) if all are good.

    Bar 0 is held against ``last_ts``, open times against the grid of ``step`` and ``offset`` ms.
    """
    ts, open_, high, low, close, volume = bars
    previous = ts[begin - 1] if begin else last_ts
    for t in range(begin, end):
        if ts[t] <= previous:
            return t, (2 if t == 0 else 1)
        if (ts[t] - offset) % step != 0:
            return t, 3
        o, h, l, c, v = open_[t], high[t], low[t], close[t], volume[t]
        if not _is_sound(o, h, l, c, v):
            return t, _price_rule(o, h, l, c)
        previous = ts[t]
    return -1, 0


@lean_kernel
def _is_sound(o: float, h: float, l: float, c: float, v: float) -> bool:
    """Whether a bar breaks no rule of prices and volume. A comparison with NaN is false, so NaN is not sound."""
    return (l > 0.0) & (l <= o) & (l <= c) & (o <= h) & (c <= h) & (h < np.inf) & (v >= 0.0) & (v < np.inf)


@kernel
def _is_plain(
    ts: TimeArray,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    step: int,
) -> bool:
    """Whether bars are sound and follow each other without a gap.

    Without a branch a bar, and over slices that begin at 0, so that the compiler makes vector instructions of it.
    """
    odd = False
    for t in range(1, ts.shape[0]):
        odd |= ts[t] - ts[t - 1] != step
    for t in range(ts.shape[0]):
        odd |= not _is_sound(open_[t], high[t], low[t], close[t], volume[t])
    return not odd


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
    bars = BarArrays(ts, open_, high, low, close, volume)
    count = ts.shape[0]
    row, rule = -1, 0
    begin = 0
    while begin < count and rule == 0:
        # The first bar is a block of its own: only it is held against the last bar already seen.
        end = min(begin + _BLOCK, count) if begin else 1
        # The bar before a block is looked at again, for the step from it to the block.
        b = max(begin - 1, 0)
        if b == begin or not _is_plain(
            ts[b:end], open_[b:end], high[b:end], low[b:end], close[b:end], volume[b:end], step
        ):
            row, rule = first_bad_bar(bars, begin, end, last_ts, step, offset)
        begin = end
    return row, rule


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
        raise BadBars(rule_in_words(rule, timeframe), row)


def rule_in_words(rule: int, timeframe: Timeframe) -> str:
    """Rule of a number that `first_bad_bar` returns."""
    return _RULES[rule].format(timeframe=timeframe.value)


def bar_arrays(bars: pl.DataFrame) -> BarArrays:
    """Take a frame of bars apart into arrays, without copying where polars allows it.

    Raises
    ------
    BadBars
        If a column is missing or of another type, or a value is null.
    """
    found = bars.schema
    columns: list[pl.Series] = []
    for name, dtype in _COLUMNS:
        if name not in found:
            raise BadBars(f"column {name!r} is missing; bars have {', '.join(BAR_SCHEMA.names())}")
        if found[name] != dtype:
            raise BadBars(f"column {name!r} is {found[name]}, it must be {dtype}")
        column = bars.get_column(name)
        if column.null_count():
            first = column.is_null().arg_max()
            raise BadBars(f"{name} is null", -1 if first is None else first)
        columns.append(column)
    ts, *values = columns
    return BarArrays(frozen(ts.to_numpy().view(np.int64)), *(frozen(column.to_numpy()) for column in values))


def take_arrays(
    ts: TimeArray,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
) -> BarArrays:
    """Bars from arrays, without copying contiguous ones.

    Raises
    ------
    BadBars
        If an array is not one-dimensional, has another length than ``ts``, or is not int64 (``ts``) or float64.
    """
    length = ts.shape[0] if ts.ndim == 1 else -1
    for name, array in zip(BAR_SCHEMA.names(), (ts, open_, high, low, close, volume), strict=True):
        dtype = np.int64 if name == "ts" else np.float64
        if array.dtype != dtype or array.shape != (length,):
            raise BadBars(
                f"{name} is an array of {array.dtype} and shape {array.shape}, "
                f"it must be {np.dtype(dtype)} and one-dimensional, as long as ts"
            )
    return BarArrays(frozen(ts), frozen(open_), frozen(high), frozen(low), frozen(close), frozen(volume))


def frozen(array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
    """Contiguous read-only view of an array (a copy where it was not contiguous); the array itself stays writable."""
    if not array.flags.writeable and array.flags.c_contiguous:
        return array
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view

"""Higher timeframes from base bars. A higher bar closes only when it is complete."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from engines import versions
from engines.bars import BAR_SCHEMA, TS_DTYPE, BarArrays, FloatArray, TimeArray
from engines.engine import Engine
from engines.errors import BadParameter
from engines.kernel import kernel, lean_kernel
from engines.timeframe import Timeframe

RESAMPLED_SCHEMA = pl.Schema({**BAR_SCHEMA, "base_bars": pl.UInt32()})
"""Schema of the frames that `ResampleEngine.advance` returns."""

OPEN_TIME, COUNT, INCOMPLETE = 0, 1, 2
"""Elements of `PendingBar.clock`: open time (ms) of the higher bar, base bars in it so far, incomplete bars dropped."""


class PendingBar(NamedTuple):
    """A higher bar in the making.

    Attributes
    ----------
    values : ndarray of float64, shape (5,)
        Open, high, low, close, volume so far.
    clock : ndarray of int64, shape (3,)
        `OPEN_TIME`, `COUNT`, `INCOMPLETE`.
    """

    values: FloatArray
    clock: TimeArray


def new_pending_bar() -> PendingBar:
    """State before the first base bar."""
    return PendingBar(np.zeros(5), np.zeros(3, np.int64))


@lean_kernel
def fold_bar(
    ts: int,
    o: float,
    h: float,
    l: float,
    c: float,
    v: float,
    bar_ms: int,
    offset_ms: int,
    base_ms: int,
    values: FloatArray,
    clock: TimeArray,
) -> bool:
    """Take one base bar into the higher bar in the making.

    Parameters
    ----------
    ts, o, h, l, c, v
        The base bar.
    bar_ms, offset_ms : int
        Length and grid offset of the higher timeframe, in ms.
    base_ms : int
        Length of the base timeframe, in ms.
    values, clock : ndarray
        A `PendingBar`, changed in place.

    Returns
    -------
    bool
        True if this base bar completes the higher bar. Then, until the next call, ``values`` holds it and
        ``clock[OPEN_TIME]`` its open time. A bar with a gap inside is never reported; ``clock[INCOMPLETE]`` counts it
        as soon as it is known to be over.
    """
    if clock[COUNT] > 0 and ts >= clock[OPEN_TIME] + bar_ms:
        clock[INCOMPLETE] += 1
        clock[COUNT] = 0
    if clock[COUNT] == 0:
        clock[OPEN_TIME] = ts - (ts - offset_ms) % bar_ms
        values[0], values[1], values[2], values[3], values[4] = o, h, l, c, v
    else:
        values[1] = max(values[1], h)
        values[2] = min(values[2], l)
        values[3] = c
        values[4] += v
    clock[COUNT] += 1
    if ts + base_ms < clock[OPEN_TIME] + bar_ms:
        return False
    complete = clock[COUNT] * base_ms == bar_ms
    if not complete:
        clock[INCOMPLETE] += 1
    clock[COUNT] = 0
    return complete


@kernel
def _advance(
    ts: TimeArray,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    bar_ms: int,
    offset_ms: int,
    base_ms: int,
    values: FloatArray,
    clock: TimeArray,
    out_ts: TimeArray,
    out: FloatArray,
) -> int:
    """Fold all base bars; returns the number of higher bars written."""
    count = ts.shape[0]
    full = bar_ms // base_ms
    rows = 0
    t = 0
    while t < count:
        last = t + full - 1
        # Between bars, a run of `full` base bars without a gap that starts on the grid is a complete bar. Its values are
        # folded in the same order as one by one, so the bits are the same.
        if (
            clock[COUNT] == 0
            and last < count
            and ts[last] - ts[t] == bar_ms - base_ms
            and (ts[t] - offset_ms) % bar_ms == 0
        ):
            h, l, v = high[t], low[t], volume[t]
            for k in range(t + 1, last + 1):
                h = max(h, high[k])
                l = min(l, low[k])
                v += volume[k]
            values[0], values[1], values[2], values[3], values[4] = open_[t], h, l, close[last], v
            clock[OPEN_TIME] = ts[t]
            complete = True
            t = last
        else:
            complete = fold_bar(
                ts[t], open_[t], high[t], low[t], close[t], volume[t], bar_ms, offset_ms, base_ms, values, clock
            )
        if complete:
            out_ts[rows] = clock[OPEN_TIME]
            for k in range(5):
                out[k, rows] = values[k]
            rows += 1
        t += 1
    return rows


class ResampleEngine(Engine[PendingBar]):
    """Bars of a higher timeframe, made from base bars.

    A higher bar is known, and returned, with the last of its base bars, if all of them were there. One with a gap inside is
    not returned at all but counted in `incomplete_bars`; so is the bar that the first base bar falls into midway. A higher
    bar none of whose base bars exists is simply absent, like any gap.

    Parameters
    ----------
    base : Timeframe or str
        Timeframe of the bars it is fed.
    timeframe : Timeframe or str
        Timeframe of the bars it makes; a multiple of ``base``. Weeks open on Monday.

    Raises
    ------
    BadParameter

    Examples
    --------
    >>> engine = ResampleEngine(base="1m", timeframe="1h")
    >>> engine.advance(minute_bars)["base_bars"].unique().to_list()
    [60]
    """

    NAME = "resample"
    VERSION = versions.RESAMPLE

    def __init__(self, *, base: Timeframe | str = "1m", timeframe: Timeframe | str = "15m") -> None:
        self._target = Timeframe(timeframe)
        grid = Timeframe(base)
        if not self._target.is_multiple_of(grid):
            raise BadParameter(f"bars of {self._target.value} cannot be made from bars of {grid.value}")
        super().__init__(grid, {"base": grid.value, "timeframe": self._target.value}, new_pending_bar())

    @property
    def base(self) -> Timeframe:
        """Timeframe of the bars this engine is fed."""
        return self._grid

    @property
    def timeframe(self) -> Timeframe:
        """Timeframe of the bars this engine makes."""
        return self._target

    @property
    def base_bars(self) -> int:
        """Number of base bars in each bar this engine makes."""
        return self._target.milliseconds // self._grid.milliseconds

    @property
    def incomplete_bars(self) -> int:
        """Higher bars that are over and were not returned because base bars were missing from them."""
        return int(self._state.clock[INCOMPLETE])

    @property
    def pending_base_bars(self) -> int:
        """Base bars in the higher bar that is still open."""
        return int(self._state.clock[COUNT])

    def capacity(self, count: int) -> int:
        """Most bars that ``count`` base bars can complete; `advance_arrays` wants room for them."""
        return count // self.base_bars + 1

    def advance(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Higher bars that the next base bars complete.

        Parameters
        ----------
        bars : DataFrame
            Closed base bars in the normal form, after the last one seen.

        Returns
        -------
        DataFrame
            `RESAMPLED_SCHEMA`: bars, and the number of base bars each holds. Volumes are summed in order of time.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        """
        arrays = self.accept(bars)
        room = self.capacity(arrays.ts.shape[0])
        out_ts, out = np.empty(room, np.int64), np.empty((5, room))
        rows = self.advance_checked(arrays, out_ts, out)
        columns = [pl.Series("ts", out_ts[:rows]).cast(TS_DTYPE)]
        columns += [pl.Series(name, row[:rows]) for name, row in zip(BAR_SCHEMA.names()[1:], out, strict=True)]
        return pl.DataFrame([*columns, pl.Series("base_bars", np.full(rows, self.base_bars, np.uint32))])

    def advance_arrays(
        self,
        ts: TimeArray,
        open: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        out_ts: TimeArray,
        out: FloatArray,
    ) -> int:
        """`advance` for arrays: fills ``out_ts`` and ``out`` instead of making a frame.

        Parameters
        ----------
        ts : ndarray of int64, shape (n,)
            Open times, ms UTC.
        open, high, low, close, volume : ndarray of float64, shape (n,)
        out_ts : ndarray of int64, shape (m,)
            With ``m >= capacity(n)``.
        out : ndarray of float64, shape (5, m)
            Rows for open, high, low, close, volume.

        Returns
        -------
        int
            Number of bars written; the rest of ``out_ts`` and ``out`` is untouched.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        BadParameter
            If ``out_ts`` or ``out`` is too small or of another dtype. Nothing was advanced.
        """
        arrays = self.accept_arrays(ts, open, high, low, close, volume)
        room = self.capacity(ts.shape[0])
        if out_ts.dtype != np.int64 or out_ts.ndim != 1 or out_ts.shape[0] < room:
            raise BadParameter(f"out_ts must be an int64 array of at least {room}, not {out_ts.dtype} {out_ts.shape}")
        if out.dtype != np.float64 or out.shape != (5, out_ts.shape[0]):
            raise BadParameter(
                f"out must be a float64 array of shape {(5, out_ts.shape[0])}, not {out.dtype} {out.shape}"
            )
        return self.advance_checked(arrays, out_ts, out)

    def advance_checked(self, bars: BarArrays, out_ts: TimeArray, out: FloatArray) -> int:
        """`advance_arrays` for bars that have been checked already."""
        rows = _advance(
            *bars,
            self._target.milliseconds,
            self._target.offset_ms,
            self._grid.milliseconds,
            *self._state,
            out_ts,
            out,
        )
        self.mark(bars.ts)
        return int(rows)

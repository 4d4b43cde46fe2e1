"""The normal form: rows as a source gives them, brought to bars that every engine accepts, or refused.

Three things are put right and counted, and only these; whatever else is wrong refuses the batch.

Duplicates
    A row equal in time and every value to an earlier one is dropped. Equal in time only, it refuses the batch.
Off-grid times
    A bar is snapped to the grid slot its time lies in if it lies in the *first half* of that slot and no other bar lies
    in the slot. In the first half, "the slot that holds the time" and "the nearest slot" are the same slot; in the second
    half they are not, so there the bar is refused. If several bars lie in one slot, the one on the grid stays and the
    others are refused; if none is on the grid, all are refused. A refused bar is dropped and counted, its batch is not.
    (In the exchange outages of winter 2017-18, bars labelled up to 20.8 s late, snapped this way, add up to the
    exchange's own hourly bars; snapped upwards they do not.)
Gaps
    They stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import BAR_SCHEMA, BarArrays, TimeArray, check_bars
from engines.errors import BadBars
from engines.timeframe import Timeframe

_US_PER_MS = 1_000
_VALUES = BAR_SCHEMA.names()[1:]
_MIN_ROWS_TO_JUDGE_SPACING = 10

MaskArray = npt.NDArray[np.bool_]
ValueArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NormalForm:
    """Bars in normal form and what it took: rows read = ``bars.height + refused + duplicates``.

    Attributes
    ----------
    bars : DataFrame
        `BAR_SCHEMA`, strictly increasing, on the grid.
    snapped : int
        Bars whose time was moved to the grid.
    refused : int
        Bars dropped because their time was off the grid and ambiguous.
    duplicates : int
        Exact repetitions dropped.
    """

    bars: pl.DataFrame
    snapped: int
    refused: int
    duplicates: int


def normal_form(raw: pl.DataFrame, timeframe: Timeframe) -> NormalForm:
    """Bring raw rows into normal form.

    Parameters
    ----------
    raw : DataFrame
        ``ts`` as Datetime in UTC (ms or us), ``open high low close volume`` as Float64, in the order of the source.
    timeframe : Timeframe
        Grid to bring them to.

    Raises
    ------
    BadBars
        For the first row that breaks a rule of the normal form other than the grid, or whose time is that of an earlier
        row with other values; or if the rows are plainly of another timeframe.
    """
    ts, values = _arrays(raw)
    keep = _check(ts, values, timeframe)
    kept_ts = ts[keep]
    check_spacing(kept_ts, timeframe)
    slot, snapped, ambiguous = _snap(kept_ts, timeframe)
    rows = np.flatnonzero(keep)[~ambiguous]
    bars = pl.DataFrame(
        {"ts": slot[~ambiguous] // _US_PER_MS, **dict(zip(_VALUES, (column[rows] for column in values), strict=True))}
    ).cast({"ts": BAR_SCHEMA["ts"]})
    return NormalForm(
        bars=bars,
        snapped=int(np.count_nonzero(snapped)),
        refused=int(np.count_nonzero(ambiguous)),
        duplicates=int(ts.shape[0] - kept_ts.shape[0]),
    )


def _arrays(raw: pl.DataFrame) -> tuple[TimeArray, list[ValueArray]]:
    """Times in microseconds and the five value columns; refuses nulls."""
    for name in BAR_SCHEMA.names():
        column = raw[name]
        if column.null_count():
            row = column.is_null().arg_max()
            raise BadBars(f"{name} is null", -1 if row is None else row)
    ts = raw["ts"].dt.cast_time_unit("us").to_physical().to_numpy()
    return ts, [np.ascontiguousarray(raw[name].to_numpy()) for name in _VALUES]


def _check(ts: TimeArray, values: list[ValueArray], timeframe: Timeframe) -> MaskArray:
    """Mask of the rows that are no repetition; raises for the first row that breaks a rule."""
    faults: list[BadBars] = []
    # The engines' own check judges the values; a made-up grid keeps it from judging the times, which may be put right.
    grid = np.arange(ts.shape[0], dtype=np.int64) * timeframe.milliseconds + timeframe.offset_ms
    try:
        check_bars(BarArrays(grid, *values), timeframe)
    except BadBars as fault:
        faults.append(fault)
    keep = np.ones(ts.shape[0], dtype=np.bool_)
    if np.any(np.diff(ts) <= 0):
        try:
            keep = _without_repetitions(ts, values)
        except BadBars as fault:
            faults.append(fault)
    if faults:
        raise min(faults, key=lambda fault: fault.row)
    return keep


def _without_repetitions(ts: TimeArray, values: list[ValueArray]) -> MaskArray:
    """Mask of the first occurrence of each time; raises for a contradiction or for rows out of order."""
    order = np.argsort(ts, kind="stable")
    sorted_ts = ts[order]
    starts = np.concatenate(([True], sorted_ts[1:] != sorted_ts[:-1]))
    first_of_run = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    first = np.empty(ts.shape[0], dtype=np.int64)
    first[order] = first_of_run
    keep: MaskArray = first == np.arange(ts.shape[0], dtype=np.int64)
    differs = np.zeros(ts.shape[0], dtype=np.bool_)
    for column in values:
        bits = column.view(np.int64)
        differs |= bits != bits[first]
    rows = np.flatnonzero(keep)
    late = rows[1:][np.diff(ts[keep]) <= 0]
    contradictions = np.flatnonzero(differs)
    if contradictions.size and (not late.size or contradictions[0] <= late[0]):
        row = int(contradictions[0])
        raise BadBars(f"ts is that of row {int(first[row])}, but the values differ", row)
    if late.size:
        raise BadBars("ts is not after the bar before it", int(late[0]))
    return keep


def check_spacing(ts_us: TimeArray, timeframe: Timeframe) -> None:
    """Refuse rows that are plainly of another timeframe than they are said to be.

    Parameters
    ----------
    ts_us : ndarray of int64, shape (n,)
        Times in microseconds, strictly increasing. Fewer than ten are not judged.
    timeframe : Timeframe
        What the rows are said to be.
    """
    if ts_us.shape[0] < _MIN_ROWS_TO_JUDGE_SPACING:
        return
    step = timeframe.milliseconds * _US_PER_MS
    distance = np.diff(ts_us)
    typical = int(np.median(distance))
    # Judged coarser only if no two bars anywhere stand closer than two steps: quiet markets have many small gaps.
    common = int(np.gcd.reduce(distance))
    if typical < step or common > step:
        apart = (typical if typical < step else common) / (60_000 * _US_PER_MS)
        raise BadBars(f"bars stand {apart:g} minutes apart, so they are not {timeframe.value} bars")


def _snap(ts: TimeArray, timeframe: Timeframe) -> tuple[TimeArray, MaskArray, MaskArray]:
    """Slot (us) of each bar, and masks of the bars that were moved to it and of those that are ambiguous."""
    step = timeframe.milliseconds * _US_PER_MS
    late_by = (ts - timeframe.offset_ms * _US_PER_MS) % step
    slot = ts - late_by
    off_grid = late_by != 0
    if not np.any(off_grid):
        return slot, off_grid, off_grid
    follows = np.concatenate(([False], slot[1:] == slot[:-1]))
    shared = follows | np.concatenate((follows[1:], [False]))
    ambiguous = off_grid & (shared | (late_by * 2 >= step))
    return slot, off_grid & ~ambiguous, ambiguous

"""What signals and their outcomes look like: schemas of the frames, arrays of the kernels, and the way between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import TS_DTYPE, FloatArray, TimeArray, frozen
from engines.errors import EngineError

SideArray = npt.NDArray[np.int8]

SIGNAL_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "signal_id": pl.String,
        "strategy": pl.String,
        "direction": pl.Int8,
        "entry": pl.Float64,
        "stop": pl.Float64,
        "target_1": pl.Float64,
        "target_2": pl.Float64,
        "risk_reward": pl.Float64,
        "score": pl.Float64,
        "reasons": pl.List(pl.String),
        "zone_id": pl.String,
    }
)

OUTCOME_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "signal_id": pl.String,
        "strategy": pl.String,
        "direction": pl.Int8,
        "outcome": pl.String,
        "price": pl.Float64,
        "r_multiple": pl.Float64,
        "bars_held": pl.UInt32,
        "signal_ts": TS_DTYPE,
    }
)


class BadSignals(EngineError):
    """Signals or outcomes that break a rule. Nothing was advanced.

    Attributes
    ----------
    row : int
        Zero-based index of the first bad row; -1 if the frame as a whole is bad.
    rule : str
        The rule that row breaks, in words.
    """

    def __init__(self, rule: str, row: int = -1) -> None:
        self.rule = rule
        self.row = row
        where = f"row {row}: " if row >= 0 else ""
        super().__init__(f"bad signals: {where}{rule}")


class Outcome(StrEnum):
    """What became of a signal. All but `TARGET_1` of a signal with a second target end it."""

    TARGET_1 = "target_1"
    TARGET_2 = "target_2"
    STOPPED = "stopped"
    EXPIRED = "expired"


OUTCOMES = tuple(Outcome)
"""Outcome by its code in `OutcomeRows`."""


class SignalArrays(NamedTuple):
    """Signals as arrays of equal length, in order of ``ts``; ``target_2`` is NaN where there is none."""

    ts: TimeArray
    direction: SideArray
    entry: FloatArray
    stop: FloatArray
    target_1: FloatArray
    target_2: FloatArray


class OutcomeRows(NamedTuple):
    """Outcomes as arrays of equal length.

    ``handle`` is the signal's running number since the engine's first; ``outcome`` indexes `OUTCOMES`.
    """

    ts: TimeArray
    handle: TimeArray
    outcome: SideArray
    price: FloatArray
    r_multiple: FloatArray
    bars_held: TimeArray


NULLABLE = frozenset({"target_2", "zone_id"})
"""Columns of signals that may be null."""


def check_columns(frame: pl.DataFrame, schema: pl.Schema, what: str, nullable: frozenset[str] = NULLABLE) -> None:
    """Raise `BadSignals` unless the frame has the columns of ``schema`` in their types, null only where it may be."""
    for name, dtype in schema.items():
        if name not in frame.columns:
            raise BadSignals(f"column {name!r} of the {what} is missing; they have {', '.join(schema.names())}")
        if frame.schema[name] != dtype:
            raise BadSignals(f"column {name!r} of the {what} is {frame.schema[name]}, it must be {dtype}")
        if name not in nullable and frame[name].null_count():
            first = frame[name].is_null().arg_max()
            raise BadSignals(f"{name} is null", -1 if first is None else first)


def floats(column: pl.Series) -> FloatArray:
    """Float column as an array, null as NaN."""
    filled = column.fill_null(float("nan")) if column.null_count() else column
    return frozen(filled.to_numpy())


def times(column: pl.Series) -> TimeArray:
    """Time column as int64 milliseconds."""
    return frozen(column.to_physical().to_numpy())


def time_series(name: str, values: npt.NDArray[Any]) -> pl.Series:
    """Int64 milliseconds as a time column."""
    return pl.Series(name, values, pl.Int64).cast(TS_DTYPE)


def geometry_rules(
    direction: SideArray, entry: FloatArray, stop: FloatArray, target_1: FloatArray, target_2: FloatArray
) -> tuple[tuple[npt.NDArray[np.bool_], str], ...]:
    """For each rule on the prices of signals: which signals break it, and the rule in words."""
    side = direction.astype(np.float64)
    return (
        (np.abs(direction) != 1, "direction must be +1 or -1"),
        (~(np.isfinite(entry) & np.isfinite(stop) & np.isfinite(target_1)), "entry, stop and target_1 must be finite"),
        (~((entry - stop) * side > 0.0), "stop is not on the losing side of entry"),
        (~((target_1 - entry) * side > 0.0), "target_1 is not on the winning side of entry"),
        (~(((target_2 - target_1) * side > 0.0) | np.isnan(target_2)), "target_2 is not beyond target_1"),
    )


def signal_arrays(signals: pl.DataFrame) -> SignalArrays:
    """Take a frame of signals apart and check each: order, geometry, finite prices.

    Raises
    ------
    BadSignals
        For the first signal that is out of order, or whose stop or targets are on the wrong side of its entry.
    """
    check_columns(signals, SIGNAL_SCHEMA, "signals")
    arrays = SignalArrays(
        times(signals["ts"]),
        frozen(signals["direction"].to_numpy()),
        *(floats(signals[name]) for name in ("entry", "stop", "target_1", "target_2")),
    )
    ts = arrays.ts
    for broken, rule in geometry_rules(*arrays[1:]):
        if broken.any():
            raise BadSignals(rule, int(broken.argmax()))
    if ts.shape[0] > 1 and (ts[1:] < ts[:-1]).any():
        raise BadSignals("ts is before the row above it", int((ts[1:] < ts[:-1]).argmax()) + 1)
    return arrays


def frozen_signals(signals: SignalArrays) -> SignalArrays:
    """The same signals, read-only: a kernel is compiled apart for writable and for read-only arguments."""
    ts, direction, entry, stop, target_1, target_2 = signals
    return SignalArrays(frozen(ts), frozen(direction), frozen(entry), frozen(stop), frozen(target_1), frozen(target_2))


def require_bars(ts: TimeArray, bars_ts: TimeArray, what: str) -> None:
    """Raise `BadSignals` for the first row whose ``ts`` is not the open time of one of the bars of the same call."""
    if not ts.shape[0]:
        return
    found = np.zeros(ts.shape[0], np.bool_)
    if bars_ts.shape[0]:
        place = np.minimum(np.searchsorted(bars_ts, ts), bars_ts.shape[0] - 1)
        found = bars_ts[place] == ts
    if not found.all():
        raise BadSignals(
            f"ts is not the open time of a bar of this call; advance bars and their {what} together",
            int((~found).argmax()),
        )

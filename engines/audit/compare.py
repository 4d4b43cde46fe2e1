"""Compare two versions of a table of readings: which were rewritten, which are gone, which came late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.audit.findings import BadReading, Change, Finding, Replay, TableAudit
from engines.bars import TS_DTYPE

Mask = npt.NDArray[np.bool_]

_NTH = "@nth"
"""Number of a reading among those of the same key; no frame of a user has such a column."""
_ROW_BEFORE, _ROW_AFTER = "@before", "@after"
_LOOSE_KEYS = 500_000


@dataclass(frozen=True)
class Readings:
    """Which columns of a table are what.

    Attributes
    ----------
    table : str
    key : tuple of str
        Columns that, with ``ts``, tell a reading from others. Readings that have all of them in common are told apart by
        their order.
    columns : tuple of str or None
        Columns that must stay what they were; None for all.
    words : tuple of str or None
        Columns that say to a person which reading it is; None for the key.
    """

    table: str
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    words: tuple[str, ...] | None = None

    @property
    def identity(self) -> list[str]:
        """``ts`` and the key."""
        return ["ts", *self.key]

    def check(self, frame: object, who: str, last: datetime) -> pl.DataFrame:
        """Frame of readings with ``ts`` in the type of bars.

        Parameters
        ----------
        frame : object
            What was returned.
        who : str
            Who returned it, for messages.
        last : datetime
            Open time of the last bar that was given.

        Raises
        ------
        BadReading
            If it is no frame, has no such columns, or has rows of bars that were not given.
        """
        if not isinstance(frame, pl.DataFrame):
            raise BadReading(
                f"{who} returned {type(frame).__name__}; it must return a polars DataFrame with a column ts"
            )
        wanted = [*self.identity, *(self.columns or ()), *(self.words or ())]
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise BadReading(
                f"{who} returned no column {', '.join(missing)}; it has {', '.join(frame.columns) or 'none'}"
            )
        dtype = frame.schema["ts"]
        if not isinstance(dtype, pl.Datetime):
            raise BadReading(f"{who} returned ts as {dtype}; it must be the open time of a bar, {TS_DTYPE}")
        if frame["ts"].null_count():
            row = int(frame["ts"].is_null().to_numpy().argmax())
            raise BadReading(f"{who} returned no ts in row {row}; every reading must say at which bar it was known")
        if dtype.time_zone is None:
            frame = frame.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))
        if frame.schema["ts"] != TS_DTYPE:
            frame = frame.with_columns(pl.col("ts").cast(TS_DTYPE))
        if frame.height and cast("datetime", frame["ts"].max()) > last:
            raise BadReading(f"{who} returned a row of {frame['ts'].max():%Y-%m-%d %H:%M}, a bar it was not given")
        return frame


@dataclass
class Tally:
    """Counts and findings of one table while its versions are compared.

    Parameters
    ----------
    readings : Readings
    limit : int
        Findings to keep of each kind and replay; all are counted.
    """

    readings: Readings
    limit: int = 20
    findings: list[Finding] = field(default_factory=list[Finding])
    compared: int = 0
    _changed: dict[Change, list[pl.DataFrame]] = field(default_factory=dict[Change, list[pl.DataFrame]])

    def compare(
        self, before: pl.DataFrame, after: pl.DataFrame, shown: datetime, known: datetime, replay: Replay
    ) -> None:
        """Hold the readings shown when ``shown`` was the last bar against a later version of them.

        Parameters
        ----------
        before, after : DataFrame
            Of ``after`` only the rows stamped up to ``shown`` are looked at.
        shown, known : datetime
            Open times of the last bars the two were made of.
        replay : Replay
        """
        if before.columns != after.columns and set(before.columns) != set(after.columns):
            odd = ", ".join(sorted(set(before.columns) ^ set(after.columns)))
            raise BadReading(f"{self.readings.table} has other columns after more bars ({odd}); they must be the same")
        after = after.select(before.columns)
        if after.height and cast("datetime", after["ts"].max()) > shown:
            after = after.filter(pl.col("ts") <= shown)
        self.compared += before.height
        seen = _Sight(shown, known, replay)
        if _aligned(before, after, self.readings.identity):
            self._note_rewritten(before, after, seen)
            return
        left, right = self._numbered(before, _ROW_BEFORE), self._numbered(after, _ROW_AFTER)
        keys = [*self.readings.identity, _NTH]
        pairs = left.join(right, on=keys, how="inner", nulls_equal=True).sort(_ROW_BEFORE)
        gone = left.join(right, on=keys, how="anti", nulls_equal=True).sort(_ROW_BEFORE)
        late = right.join(left, on=keys, how="anti", nulls_equal=True).sort(_ROW_AFTER)
        self._note_rewritten(before[pairs[_ROW_BEFORE]], after[pairs[_ROW_AFTER]], seen)
        self._note_rows(Change.WITHDRAWN, before, gone, _ROW_BEFORE, seen)
        self._note_rows(Change.LATE, after, late, _ROW_AFTER, seen)

    def finish(self, last: pl.DataFrame) -> TableAudit:
        """Counts, given the last version of the table."""
        shown = [self._numbered(last, _ROW_AFTER).drop(_ROW_AFTER), *self._changed.get(Change.WITHDRAWN, [])]
        changed = [frame for kind, frames in self._changed.items() if kind is not Change.STORED for frame in frames]
        return TableAudit(
            self.readings.table,
            self._distinct(*shown),
            self.compared,
            *(
                self._distinct(*self._changed.get(kind, []))
                for kind in (Change.REWRITTEN, Change.WITHDRAWN, Change.LATE)
            ),
            changed=self._distinct(*changed),
            differing=self._distinct(*self._changed.get(Change.STORED, [])),
        )

    def _note_rewritten(self, before: pl.DataFrame, after: pl.DataFrame, seen: _Sight) -> None:
        """Compare rows that are versions of each other."""
        identity = self.readings.identity
        names = [name for name in self.readings.columns or before.columns if name not in identity]
        masks = {name: _differing(before[name], after[name]) for name in names}
        masks = {name: mask for name, mask in masks.items() if mask.any()}
        if not masks:
            return
        rows = np.flatnonzero(np.logical_or.reduce(list(masks.values())))
        self._count(Change.REWRITTEN, self._numbered(before, _ROW_BEFORE)[rows].drop(_ROW_BEFORE), seen)
        for row in rows[: self._room(Change.REWRITTEN, seen)].tolist():
            name = next(name for name, mask in masks.items() if mask[row])
            self._keep(Change.REWRITTEN, before, row, name, before[name][row], after[name][row], seen)

    def _note_rows(self, kind: Change, frame: pl.DataFrame, rows: pl.DataFrame, number: str, seen: _Sight) -> None:
        """Note rows of a frame that came or went as a whole."""
        if rows.is_empty():
            return
        self._count(kind, rows.select(*self.readings.identity, _NTH), seen)
        for row in rows[number].head(self._room(kind, seen)).to_list():
            self._keep(kind, frame, row, None, None, None, seen)

    def _count(self, kind: Change, keys: pl.DataFrame, seen: _Sight) -> None:
        frames = self._changed.setdefault(Change.STORED if seen.replay is Replay.STORE else kind, [])
        frames.append(keys)
        # What changes everything with every bar must not fill the memory: of each reading one key is kept.
        if len(frames) > 1 and sum(frame.height for frame in frames) > max(_LOOSE_KEYS, 8 * frames[0].height):
            frames[:] = [pl.concat(frames, how="vertical_relaxed").unique()]

    def _keep(
        self, kind: Change, frame: pl.DataFrame, row: int, column: str | None, before: Any, after: Any, seen: _Sight
    ) -> None:
        words = self.readings.key if self.readings.words is None else self.readings.words
        self.findings.append(
            Finding(
                kind=kind,
                table=self.readings.table,
                ts=frame["ts"][row],
                key=tuple((name, frame[name][row]) for name in self.readings.key),
                words=" ".join(str(frame[name][row]) for name in words if frame[name][row] is not None),
                column=column,
                before=_plain(before),
                after=_plain(after),
                shown=seen.shown,
                known=seen.known,
                replay=seen.replay,
            )
        )

    def _room(self, kind: Change, seen: _Sight) -> int:
        kept = sum(1 for one in self.findings if one.kind is kind and one.replay is seen.replay)
        return max(self.limit - kept, 0)

    def _numbered(self, frame: pl.DataFrame, row: str) -> pl.DataFrame:
        """Identity of each row, its number among rows of the same identity, and its row number."""
        identity = self.readings.identity
        ts = frame["ts"].to_physical().to_numpy()
        number = pl.int_range(pl.len())
        # One reading a bar is common, and numbering within groups is slow.
        nth = pl.lit(0, pl.Int64) if (ts[1:] > ts[:-1]).all() else number.over(identity)
        return frame.select(identity).with_columns(nth.alias(_NTH), number.alias(row))

    def _distinct(self, *keys: pl.DataFrame) -> int:
        return pl.concat(keys, how="vertical_relaxed").unique().height if keys else 0


@dataclass(frozen=True)
class _Sight:
    """Under what two versions were made."""

    shown: datetime
    known: datetime
    replay: Replay


def _aligned(before: pl.DataFrame, after: pl.DataFrame, identity: list[str]) -> bool:
    """Whether the rows are versions of each other one by one."""
    return before.height == after.height and not any(_differing(before[name], after[name]).any() for name in identity)


def _differing(before: pl.Series, after: pl.Series) -> Mask:
    """Mask of values that are not the same: null is not NaN, NaN is NaN, and other floats are equal in every bit."""
    if before.dtype != after.dtype:
        before, after = _alike(before, after)
    if not before.dtype.is_float():
        return before.ne_missing(after).to_numpy()
    a, b = before.fill_null(0.0).to_numpy(), after.fill_null(0.0).to_numpy()
    bits = f"i{a.itemsize}"
    mask = a.view(bits) != b.view(bits)
    if mask.any():
        mask &= ~(np.isnan(a) & np.isnan(b))
    if before.null_count() or after.null_count():
        mask |= before.is_null().to_numpy() != after.is_null().to_numpy()
    return mask


def _alike(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Two columns in one type: a column without values has often another type than with some."""
    if before.dtype == pl.Null:
        return before.cast(after.dtype), after
    if after.dtype == pl.Null:
        return before, after.cast(before.dtype)
    if before.dtype.is_numeric() and after.dtype.is_numeric():
        return before.cast(pl.Float64), after.cast(pl.Float64)
    return before.cast(pl.String), after.cast(pl.String)


def _plain(value: Any) -> Any:
    return value.to_list() if isinstance(value, pl.Series) else value

"""Advance an engine over the stored bars of a series, from its stored state, writing rows and new states.

A stage is a fold over a series' bars. The fold never skips a bar: asking for a month also makes the rows before it that
are not there yet. Rows are written before the state that covers them, so a run that dies is simply run again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from assets.partitions import month_start, next_month
from stores.engine_states import EngineState, newest_valid_state, save_states
from stores.warehouse import IN_SERIES, Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

_log = logging.getLogger(__name__)

_BARS_PER_WRITE = 200_000
_MILLISECOND = timedelta(milliseconds=1)
_BAR_COLUMNS = "ts, open, high, low, close, volume"


class Engine(Protocol):
    """What a fold needs of an engine."""

    def snapshot(self) -> bytes:
        """Encode the state."""
        ...


class Fold(Protocol):
    """A stage: which engine turns bars (and rows of earlier stages) into rows of which tables.

    Attributes
    ----------
    name : str
        Name the engine's states are stored under.
    version : str
        Version of the rows: changes when this engine or one it depends on defines its rows anew.
    tables : tuple of str
        Tables the rows go to.
    inputs : tuple of str
        Tables of earlier stages whose rows of the same bars are handed in.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def tables(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def inputs(self) -> tuple[str, ...]: ...  # noqa: D102

    def start(self, series: Series) -> Engine:
        """Make an engine that has seen no bar."""
        ...

    def restore(self, series: Series, snapshot: bytes) -> Engine:
        """Make an engine from a stored state."""
        ...

    def advance(self, engine: Any, bars: pl.DataFrame, inputs: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Advance the engine over bars; returns the new rows by table."""
        ...


@dataclass
class FoldResult:
    """What one advance of a fold did.

    Attributes
    ----------
    bars : int
        Bars the engine was advanced over.
    rows : dict of str to int
        Rows written, by table.
    replaced : int
        Rows that stood there before: leftovers of a run that died, or rows of an older definition or history.
    first, last : datetime or None
        Open times of the first and last bar.
    seconds : float
        Time spent, reading and writing included.
    failures : list of str
        Parts of engines that were switched off, such as a strategy that raised, each with its series and bar.
    """

    bars: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    replaced: int = 0
    first: datetime | None = None
    last: datetime | None = None
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, other: FoldResult) -> None:
        """Add another series' result to this one."""
        self.bars += other.bars
        self.replaced += other.replaced
        self.seconds += other.seconds
        self.failures += other.failures
        for table, count in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + count
        self.first = min(filter(None, (self.first, other.first)), default=None)
        self.last = max(filter(None, (self.last, other.last)), default=None)


def advance_series(
    warehouse: Warehouse, series: Series, fold: Fold, until: datetime, recompute_from: datetime | None = None
) -> FoldResult:
    """Bring the rows of a series up to ``until``.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    fold : Fold
    until : datetime
        Bars that open before this instant (UTC) are folded.
    recompute_from : datetime, optional
        Make the rows from this instant on anew, even where they stand.
    """
    began = time.perf_counter()
    result = FoldResult(rows=dict.fromkeys(fold.tables, 0))
    state = newest_valid_state(warehouse, series, fold.name, fold.version, recompute_from)
    engine, seen, after = _take_up(fold, series, state)
    for start, end in _spans(warehouse, series, after, until):
        bars = read_bars(warehouse, series, start, end)
        if bars.is_empty():
            continue
        inputs = {table: read_rows(warehouse, table, series, start, end) for table in fold.inputs}
        written: dict[str, list[pl.DataFrame]] = {table: [] for table in fold.tables}
        states: list[EngineState] = []
        for month, month_bars in _by_month(bars):
            month_end = next_month(month)
            rows_before = {
                table: frame.filter((frame["ts"] >= month) & (frame["ts"] < month_end))
                for table, frame in inputs.items()
            }
            for table, rows in fold.advance(engine, month_bars, rows_before).items():
                written[table].append(rows)
            seen += month_bars.height
            last_ts: datetime = month_bars["ts"][-1]
            states.append(EngineState(fold.name, fold.version, last_ts, seen, engine.snapshot()))
            result.first = result.first or month_bars["ts"][0]
            result.last = last_ts
            result.bars += month_bars.height
        _write(warehouse, series, start, end, written, result)
        save_states(warehouse, series, states)
    result.failures += [f"{series}: {failure}" for failure in getattr(engine, "failures", ())]
    result.seconds = time.perf_counter() - began
    return result


def _take_up(fold: Fold, series: Series, state: EngineState | None) -> tuple[Engine, int, datetime | None]:
    """Engine to go on with, the bars it has seen and the time of the last of them."""
    from engines.errors import StateMismatch

    if state is not None:
        try:
            return fold.restore(series, state.snapshot), state.bars, state.last_ts
        except StateMismatch as error:
            # The state is only a short cut: without it the same rows are made from the first bar on.
            _log.warning("%s: the stored state of %s is not used: %s", series, fold.name, error)
    return fold.start(series), 0, None


def _write(
    warehouse: Warehouse,
    series: Series,
    start: datetime,
    end: datetime,
    written: Mapping[str, list[pl.DataFrame]],
    result: FoldResult,
) -> None:
    import polars as pl

    for table, frames in written.items():
        rows = pl.concat(frames)
        result.replaced += warehouse.write_range(table, series, start, end, rows)
        result.rows[table] += rows.height


def _spans(
    warehouse: Warehouse, series: Series, after: datetime | None, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Cut the bars after ``after`` and before ``until`` into spans of whole months, a bounded number of bars each."""
    months = warehouse.query_rows(
        f"SELECT toStartOfMonth(ts) AS month, count() AS bars FROM market.candles "
        f"WHERE {IN_SERIES} AND ts < {{until:DateTime64(3, 'UTC')}} AND ts > {{after:DateTime64(3, 'UTC')}} "
        "GROUP BY month ORDER BY month",
        {**series.parameters, "until": until, "after": after or datetime(1970, 1, 1, tzinfo=UTC)},
    )
    start: datetime | None = None
    bars = 0
    end = until
    for row in months:
        month = datetime(row["month"].year, row["month"].month, 1, tzinfo=UTC)
        if start is None:
            start = month if after is None else max(month, after + _MILLISECOND)
        bars += row["bars"]
        end = min(next_month(month), until)
        if bars >= _BARS_PER_WRITE:
            yield start, end
            start, bars = None, 0
    if start is not None:
        yield start, end


def _by_month(bars: pl.DataFrame) -> Iterator[tuple[datetime, pl.DataFrame]]:
    for (month,), frame in bars.group_by(bars["ts"].dt.truncate("1mo"), maintain_order=True):
        yield month_start(month), frame  # pyright: ignore[reportArgumentType]


def read_bars(warehouse: Warehouse, series: Series, start: datetime, end: datetime) -> pl.DataFrame:
    """Newest version of the bars of a series that open in ``[start, end)``, in order."""
    return read_rows(warehouse, "market.candles", series, start, end, _BAR_COLUMNS)


def read_rows(
    warehouse: Warehouse, table: str, series: Series, start: datetime, end: datetime, columns: str = ""
) -> pl.DataFrame:
    """Rows of a series in ``[start, end)``, ordered by time and then by their other columns, without the series columns.

    Parameters
    ----------
    warehouse : Warehouse
    table : str
    series : Series
    start, end : datetime
        UTC.
    columns : str
        Comma-separated columns; all but the series columns if empty.
    """
    selected = columns or "* EXCEPT (exchange, symbol, timeframe)"
    return warehouse.query_polars(
        f"SELECT {selected} FROM {table} FINAL WHERE {IN_SERIES} "
        "AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')} ORDER BY ALL",
        {**series.parameters, "start": start, "end": end},
    )

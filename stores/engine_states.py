"""Stored engine states: what an engine knew after the last bar of a month, so that the next run starts there."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from stores.warehouse import IN_SERIES, Series, Warehouse

_TABLE = "market.engine_states"


@dataclass(frozen=True)
class EngineState:
    """A snapshot and where in its series it was taken.

    Attributes
    ----------
    engine : str
    version : str
        Versions of the engine and of those its rows are computed from.
    last_ts : datetime
        Open time of the last bar seen, UTC.
    bars : int
        Bars seen since the first of the series.
    snapshot : bytes
    """

    engine: str
    version: str
    last_ts: datetime
    bars: int
    snapshot: bytes

    @property
    def month(self) -> datetime:
        """First instant of the month of the last bar."""
        return self.last_ts.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def save_states(warehouse: Warehouse, series: Series, states: Iterable[EngineState]) -> None:
    """Store states; of several in one month the one stored last stands."""
    import polars as pl

    now = datetime.now(UTC)
    rows = [
        {
            **series.parameters,
            "ts": state.month,
            "engine": state.engine,
            "last_ts": state.last_ts,
            "bars": state.bars,
            "version": state.version,
            "state": state.snapshot,
            "updated_at": now,
        }
        for state in states
    ]
    schema = {
        "exchange": pl.String,
        "symbol": pl.String,
        "timeframe": pl.String,
        "ts": pl.Datetime("ms", "UTC"),
        "engine": pl.String,
        "last_ts": pl.Datetime("ms", "UTC"),
        "bars": pl.UInt64,
        "version": pl.String,
        "state": pl.Binary,
        "updated_at": pl.Datetime("us", "UTC"),
    }
    warehouse.insert(_TABLE, pl.DataFrame(rows, schema=schema))


def newest_valid_state(
    warehouse: Warehouse, series: Series, engine: str, version: str, before: datetime | None = None
) -> EngineState | None:
    """Find the newest state that still stands on the stored bars.

    A state is valid when the bars stored up to its last one are as many as it has seen: history that was added, or a
    gap that was filled, makes every later state invalid, and the engine goes on from the one before. Where a state of another
    version was stored later, rows of that version stand in between: none of this version's is valid.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    engine : str
    version : str
        Only states of this version count.
    before : datetime, optional
        Only states whose last bar is before this instant count.
    """
    import polars as pl

    states = warehouse.query_polars(
        f"SELECT last_ts, bars FROM {_TABLE} FINAL "
        f"WHERE {IN_SERIES} AND engine = {{engine:String}} AND version = {{version:String}} "
        f"AND updated_at >= (SELECT max(updated_at) FROM {_TABLE} FINAL "
        f"WHERE {IN_SERIES} AND engine = {{engine:String}} AND version != {{version:String}}) ORDER BY last_ts DESC",
        {**series.parameters, "engine": engine, "version": version},
    )
    if before is not None:
        states = states.filter(pl.col("last_ts") < before)
    for last_ts, bars in states.iter_rows():
        stored = warehouse.scalar(
            f"SELECT count() FROM market.candles FINAL WHERE {IN_SERIES} AND ts <= {{last_ts:DateTime64(3, 'UTC')}}",
            {**series.parameters, "last_ts": last_ts},
        )
        if int(stored) == bars:
            return _load(warehouse, series, engine, version, last_ts)
    return None


def _load(warehouse: Warehouse, series: Series, engine: str, version: str, last_ts: datetime) -> EngineState:
    rows = warehouse.query_polars(
        f"SELECT bars, base64Encode(state) AS state FROM {_TABLE} FINAL "
        f"WHERE {IN_SERIES} AND engine = {{engine:String}} AND version = {{version:String}} "
        "AND last_ts = {last_ts:DateTime64(3, 'UTC')}",
        {**series.parameters, "engine": engine, "version": version, "last_ts": last_ts},
    )
    return EngineState(engine, version, last_ts, int(rows["bars"][0]), base64.b64decode(rows["state"][0]))

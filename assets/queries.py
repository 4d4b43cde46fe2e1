"""Reads of one series in a window of months, and the short ones for the pictures in asset metadata."""

from __future__ import annotations

from collections.abc import Sequence

from assets.partitions import MarketWindow
from stores.warehouse import IN_SERIES, Series, Warehouse

IN_WINDOW = f"{IN_SERIES} AND ts >= {{start:DateTime64(3, 'UTC')}} AND ts < {{end:DateTime64(3, 'UTC')}}"
"""Condition that selects the rows of one series in a window; its parameters are `window_parameters`."""


def window_parameters(window: MarketWindow, timeframe: str) -> dict[str, object]:
    """Query parameters of `IN_WINDOW`."""
    return {**Series(window.market, timeframe).parameters, "start": window.start, "end": window.end}


def recent_column(
    warehouse: Warehouse, table: str, column: str, windows: Sequence[MarketWindow], timeframe: str, rows: int = 500
) -> list[float]:
    """Read the last values of a column in the first window, in time order."""
    if not windows:
        return []
    frame = warehouse.query_polars(
        f"SELECT {column} AS value FROM {table} WHERE {IN_WINDOW} AND {column} IS NOT NULL "
        "ORDER BY ts DESC LIMIT {rows:UInt32}",
        {**window_parameters(windows[0], timeframe), "rows": rows},
    )
    return [float(value) for value in frame["value"].reverse()]


def daily_counts(warehouse: Warehouse, table: str, windows: Sequence[MarketWindow], timeframe: str) -> list[float]:
    """Count a table's rows a UTC day in the first window, days in order, days without a row left out."""
    if not windows:
        return []
    frame = warehouse.query_polars(
        f"SELECT toStartOfDay(ts) AS day, count() AS value FROM {table} WHERE {IN_WINDOW} GROUP BY day ORDER BY day",
        window_parameters(windows[0], timeframe),
    )
    return [float(value) for value in frame["value"]]

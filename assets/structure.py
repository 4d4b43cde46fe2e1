"""Stage `structure`: pivots, breaks of structure, changes of character, equal highs and lows."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.partitions import MarketWindow
from assets.plots import line_plot
from assets.queries import daily_counts
from engines.versions import CHAIN_ROWS
from stores.warehouse import Warehouse

SPEC = dg.AssetSpec(
    "structure_events",
    deps=["candles", "indicators"],
    group_name="structure",
    code_version=CHAIN_ROWS,
    kinds={"clickhouse", "numba"},
    description="Log of structure events, each stamped with the bar at whose close it became known and never changed.",
)


def plot(warehouse: Warehouse, windows: Sequence[MarketWindow], timeframe: str) -> str:
    """Picture of the events a day in the first window."""
    values = daily_counts(warehouse, "market.structure_events", windows, timeframe)
    return line_plot(values, label=f"structure events a day, {timeframe}")

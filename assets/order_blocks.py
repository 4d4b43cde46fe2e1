"""Stage `orderblock`: order blocks, breakers, fair value gaps and liquidity pools, and the whole life of each."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.partitions import MarketWindow
from assets.plots import line_plot
from assets.queries import daily_counts
from engines.versions import CHAIN_ROWS
from stores.warehouse import Warehouse

SPEC = dg.AssetSpec(
    "zone_events",
    deps=["candles", "structure_events"],
    group_name="orderblock",
    code_version=CHAIN_ROWS,
    kinds={"clickhouse", "numba"},
    description="Log of zone events: created, touched, mitigated, and how each zone ended.",
)


def plot(warehouse: Warehouse, windows: Sequence[MarketWindow], timeframe: str) -> str:
    """Picture of the events a day in the first window."""
    values = daily_counts(warehouse, "market.zone_events", windows, timeframe)
    return line_plot(values, label=f"zone events a day, {timeframe}")

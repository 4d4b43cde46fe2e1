"""Stage `signal`: what the strategies decided, at the close of the bar they decided it on. Never changed afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.partitions import MarketWindow
from assets.plots import line_plot
from assets.queries import daily_counts
from engines.versions import CHAIN_ROWS
from stores.warehouse import Warehouse

SPEC = dg.AssetSpec(
    "signals",
    deps=["candles", "indicators", "structure_events", "zone_events"],
    group_name="signal",
    code_version=CHAIN_ROWS,
    kinds={"clickhouse", "numba"},
    description="Direction, entry, stop, targets and reasons of every signal.",
)


def plot(warehouse: Warehouse, windows: Sequence[MarketWindow], timeframe: str) -> str:
    """Picture of the signals a day in the first window."""
    values = daily_counts(warehouse, "market.signals", windows, timeframe)
    return line_plot(values, label=f"signals a day, {timeframe}")

"""Stage `indicator`: one row a bar, everything in it known at the bar's close."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.partitions import MarketWindow
from assets.plots import line_plot
from assets.queries import recent_column
from engines.versions import CHAIN_ROWS
from stores.warehouse import Warehouse

SPEC = dg.AssetSpec(
    "indicators",
    deps=["candles"],
    group_name="indicator",
    code_version=CHAIN_ROWS,
    kinds={"clickhouse", "numba"},
    description="Moving averages, momentum, volatility, volume and the dealing range of every closed bar.",
)


def plot(warehouse: Warehouse, windows: Sequence[MarketWindow], timeframe: str) -> str:
    """Picture of the relative strength index at the end of the first window."""
    values = recent_column(warehouse, "market.indicators", "rsi_14", windows, timeframe)
    return line_plot(values, label=f"RSI 14, {timeframe}")

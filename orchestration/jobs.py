"""Jobs, each in one process: the whole chain for a market's months, and its two halves for many markets."""

from __future__ import annotations

import dagster as dg

ADVANCE_MARKET = dg.define_asset_job(
    "advance_market",
    selection=dg.AssetSelection.groups(
        "ingestion", "indicator", "structure", "orderblock", "signal", "risk", "serving"
    ),
    executor_def=dg.in_process_executor,
    description="Bring a market's candles in and advance every stage up to the published signals.",
)

ADVANCE_SERIES = dg.define_asset_job(
    "advance_series",
    selection=dg.AssetSelection.groups("ingestion", "indicator", "structure", "orderblock", "signal"),
    executor_def=dg.in_process_executor,
    description="Bring a market's candles in and advance every stage up to the signals and their outcomes.",
)

DECIDE = dg.define_asset_job(
    "decide",
    selection=dg.AssetSelection.groups("risk", "serving"),
    executor_def=dg.in_process_executor,
    description="Decide the signals of several markets in the order in which they became known, and publish them.",
)

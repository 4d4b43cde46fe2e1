"""Jobs: the whole chain for a market's months, in one process."""

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

"""The main code location: assembly only."""

from __future__ import annotations

import warnings

import dagster as dg

import assets
from orchestration.jobs import ADVANCE_MARKET, ADVANCE_SERIES, DECIDE
from orchestration.resources import RESOURCES
from orchestration.schedules import hourly_ingestion
from orchestration.sensors import new_candles

OWNERS = ["team:data"]

# `map_asset_specs` is a preview function of the pinned Dagster: one policy over all assets is worth it.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

defs = dg.Definitions(
    assets=dg.load_assets_from_package_module(assets),
    asset_checks=dg.load_asset_checks_from_package_module(assets),
    resources=RESOURCES,
    jobs=[ADVANCE_MARKET, ADVANCE_SERIES, DECIDE],
    sensors=[new_candles],
    schedules=[hourly_ingestion],
    executor=dg.in_process_executor,
).map_asset_specs(func=lambda spec: spec.replace_attributes(owners=OWNERS))

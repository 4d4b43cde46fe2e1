"""The marts' code location: assembly only. dbt's manifest is made ahead by ``python -m orchestration.marts.manifest``."""

from __future__ import annotations

import warnings

import dagster as dg

from orchestration.marts.assets import MARTS
from orchestration.pipeline_request import Silent
from orchestration.resources import settings_resource

OWNERS = ["team:data"]

# `map_asset_specs` is a preview function of the pinned Dagster: one policy over all assets is worth it.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

BUILD_MARTS = dg.define_asset_job(
    "build_marts",
    selection=dg.AssetSelection.assets(*MARTS),
    executor_def=dg.in_process_executor,
    description="Fold the logs into the marts and test them.",
)

nightly_marts = dg.ScheduleDefinition(
    name="nightly_marts",
    job=BUILD_MARTS,
    cron_schedule="20 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="After the last bars of the day have come in.",
)

defs = dg.Definitions(
    assets=MARTS,
    jobs=[BUILD_MARTS],
    schedules=[nightly_marts],
    resources={
        "settings": settings_resource,
        "progress": dg.ResourceDefinition.hardcoded_resource(Silent()),
    },
    executor=dg.in_process_executor,
).map_asset_specs(func=lambda spec: spec.replace_attributes(owners=OWNERS))

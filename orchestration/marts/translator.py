"""How the dbt project appears in the graph: keys, groups and checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

GROUP = "marts"


class MartsTranslator(DagsterDbtTranslator):
    """Names models after their layer: ``marts/order_blocks``, ``staging/stg_market__candles``.

    Sources carry the key of the asset that writes them, so that the lineage joins that of the main code location. Several
    tables of one asset (bars, gaps, reports) share its key.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Layer and name of a model; the key in the metadata of a source."""
        if dbt_resource_props["resource_type"] != "model":
            return super().get_asset_key(dbt_resource_props)
        # models/<engine>/<layer>/...
        layer = PurePosixPath(dbt_resource_props["original_file_path"]).parts[2]
        return dg.AssetKey([layer, dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """One group for all of them."""
        del dbt_resource_props
        return GROUP

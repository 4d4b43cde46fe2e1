"""The dbt project as assets: one set for the warehouse, one for the serving database.

No `from __future__ import annotations` here: Dagster reads the annotation of ``context`` as it stands.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
from dagster_dbt.dbt_manifest import validate_manifest

from orchestration.marts.environment import Target
from orchestration.marts.manifest import require_manifest
from orchestration.marts.runner import DbtFailed, run_dbt
from orchestration.marts.store_access import only_build, row_counts
from orchestration.marts.translator import GROUP, MartsTranslator
from orchestration.pipeline_request import ProgressListener
from stores.settings import Settings

TRANSLATOR = MartsTranslator()

# Unit tests hold the SQL against made-up rows: they belong to the test suite, not to a run over the real ones.
_BUILD = ("build", "--exclude-resource-type", "unit_test")


def build_target(
    context: dg.AssetExecutionContext,
    settings: Settings,
    progress: ProgressListener,
    target: Target,
    manifest: Mapping[str, Any],
) -> Iterator[Any]:
    """Build the selected models of a target and test them.

    Yields
    ------
    Output or AssetCheckResult
        One a model and one a test, as they end.

    Raises
    ------
    dagster.Failure
        If a model cannot be built or a test fails.
    """
    selection, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select="fqn:*",
        exclude=None,
        selector=None,
        dagster_dbt_translator=TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    if indirect is not None:
        selection = [*selection, "--indirect-selection", indirect]
    marts = {key.to_python_identifier(): key.path[-1] for key in context.selected_asset_keys if key.path[0] == GROUP}
    try:
        with only_build(settings, target), row_counts(settings, target) as count:
            for event in run_dbt(settings, target, [*_BUILD, *selection]):
                context.log.info(f"{event.node}: {event.status}")
                progress.advance()
                message = DbtCoreCliEventMessage(raw_event=event.raw, event_history_metadata={})
                for asset_event in message.to_default_asset_events(manifest, TRANSLATOR, context):
                    if isinstance(asset_event, dg.Output) and asset_event.output_name in marts:
                        rows = count(marts[asset_event.output_name])
                        yield asset_event.with_metadata({**asset_event.metadata, "dagster/row_count": rows})
                    else:
                        yield asset_event
    except DbtFailed as error:
        raise dg.Failure(f"dbt could not build the {target} marts: {error}", allow_retries=False) from error


WAREHOUSE_MANIFEST = validate_manifest(require_manifest(Target.WAREHOUSE))
SERVING_MANIFEST = validate_manifest(require_manifest(Target.SERVING))


@dbt_assets(manifest=WAREHOUSE_MANIFEST, dagster_dbt_translator=TRANSLATOR, name="warehouse_marts")
def warehouse_marts(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    progress: dg.ResourceParam[ProgressListener],
) -> Iterator[Any]:
    """Folds of the warehouse's logs, on ClickHouse."""
    yield from build_target(context, settings, progress, Target.WAREHOUSE, WAREHOUSE_MANIFEST)


@dbt_assets(manifest=SERVING_MANIFEST, dagster_dbt_translator=TRANSLATOR, name="serving_marts")
def serving_marts(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    progress: dg.ResourceParam[ProgressListener],
) -> Iterator[Any]:
    """Folds of what is served, on Postgres."""
    yield from build_target(context, settings, progress, Target.SERVING, SERVING_MANIFEST)


MARTS = (warehouse_marts, serving_marts)

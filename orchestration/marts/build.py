"""Build the marts in this process, with Dagster's record of it: what ``cap run`` does at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestration.marts.environment import Target
from orchestration.pipeline_request import PipelineError, ProgressListener, Silent
from stores.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


class MartsFailed(PipelineError):
    """A mart could not be built, or a test of one failed."""


def warm_up() -> None:
    """Import what a build needs. It takes seconds: call it on a thread while something else is being waited for."""
    import dbt.adapters.clickhouse.connections
    import dbt.adapters.postgres.connections
    import dbt.cli.main  # noqa: F401

    import orchestration.marts.assets  # noqa: F401


def build_marts(
    settings: Settings,
    instance: dg.DagsterInstance | None = None,
    listener: ProgressListener | None = None,
    targets: Sequence[Target] = tuple(Target),
) -> int:
    """Build and test all marts, as one run of Dagster.

    Parameters
    ----------
    settings : Settings
        With the URLs of the stores of the targets.
    instance : DagsterInstance, optional
        Where the run, its materializations and its checks are recorded. Unset, they are not kept.
    listener : ProgressListener, optional
        Is told of each model and test as it ends.
    targets : sequence of Target
        Engines to build on.

    Returns
    -------
    int
        How many marts were built; staging and intermediate models are not counted.

    Raises
    ------
    MartsFailed
        With what dbt said.
    orchestration.marts.manifest.MissingManifest
        If the project has not been parsed.
    """
    import dagster as dg

    from orchestration.marts.assets import serving_marts, warehouse_marts

    progress = listener or Silent()
    chosen = {Target.WAREHOUSE: warehouse_marts, Target.SERVING: serving_marts}
    assets = [chosen[target] for target in targets]
    nodes = sum(len(list(one.keys)) + len(list(one.check_keys)) for one in assets)
    job = dg.Definitions(
        assets=assets,
        resources={
            "settings": dg.ResourceDefinition.hardcoded_resource(settings),
            "progress": dg.ResourceDefinition.hardcoded_resource(progress),
        },
        jobs=[dg.define_asset_job("build_marts")],
    ).resolve_job_def("build_marts")
    progress.stage("Building the marts", nodes)
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    if not result.success:
        raise MartsFailed(_reason(result))
    progress.done()
    built = {event.asset_key for event in result.get_asset_materialization_events()}
    return sum(1 for key in built if key is not None and key.path[0] == "marts")


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """Innermost messages of what failed; the rest is in the run's log."""
    reasons: list[str] = []
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            reasons.append(error.message.strip())
    return "\n".join(dict.fromkeys(reasons)) or f"run {result.run_id} failed"

"""One run of the graph in this process, on stores that run already."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

from deploy.cli.errors import CommandFailed
from deploy.cli.options import request_of
from deploy.cli.progress import TerminalProgress
from deploy.cli.summary import SIMULATED
from deploy.local.dagster_home import write_dagster_home
from deploy.local.home import Home
from deploy.local.stack import export_environment
from orchestration.pipeline_request import PipelineSummary, SourceOutOfReach
from stores.settings import Settings


class _Announcing(TerminalProgress):
    """Also tells once when the source has answered: the stage after the first begins."""

    def __init__(self, console: Console, answered: Callable[[], None]) -> None:
        super().__init__(console)
        self._answered: Callable[[], None] | None = answered
        self._stages = 0

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage."""
        super().stage(name, total)
        self._stages += 1
        if self._stages > 1 and self._answered is not None:
            self._answered()
            self._answered = None


def prepare_stores(settings: Settings) -> None:
    """Migrate both databases and make Dagster's tables, before several processes want to at once."""
    from stores import database, warehouse

    write_dagster_home(Home(settings.home).dagster)
    export_environment(settings)
    warehouse.migrate(settings)
    database.migrate(settings)
    import dagster as dg

    with dg.DagsterInstance.get():
        pass


def run_graph(
    settings: Settings,
    console: Console,
    *,
    recompute: bool = False,
    or_simulate: bool = False,
    answered: Callable[[Settings], None] | None = None,
) -> PipelineSummary:
    """Run the whole graph once.

    Parameters
    ----------
    settings : Settings
        With all URLs; their variables are put into this process's environment.
    console : rich.console.Console
    recompute : bool
        Make rows anew that stand already.
    or_simulate : bool
        Take a simulated market if the source does not answer.
    answered : callable, optional
        Told once, with the settings then in force, when the source has answered.

    Raises
    ------
    CommandFailed
        If the source does not answer and no other may take its place.
    orchestration.pipeline_request.PipelineError
        If the run fails.
    """
    from orchestration.pipeline import run_pipeline

    export_environment(settings)
    try:
        with _Announcing(console, lambda: answered(settings) if answered else None) as progress:
            return run_pipeline(request_of(settings, recompute=recompute), settings, progress)
    except SourceOutOfReach as error:
        if not or_simulate:
            raise CommandFailed(
                f"{error}; check the connection, or give candle files with --source files:PATH "
                "or a simulated market with --source sim"
            ) from error
        console.print(f"{error}. Going on with a simulated market instead.", style="yellow", highlight=False)
        console.print(SIMULATED, style="bold yellow")
    return run_graph(settings.model_copy(update={"source": "sim"}), console, recompute=recompute, answered=answered)

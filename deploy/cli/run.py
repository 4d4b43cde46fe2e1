"""``cap run``: the whole graph once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.cli.errors import CommandFailed
from deploy.cli.graph import prepare_stores, run_graph
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import Options, read_settings
from deploy.cli.quiet import terminal
from deploy.cli.summary import show_summary
from deploy.local.home import Home
from deploy.local.stack import LocalStack, settings_with_urls
from stores.settings import Settings


def run_once(options: Options, home: Path | None, *, recompute: bool, debug: bool) -> None:
    """Run the graph on the stores of the environment, of a running instance, or of its own.

    Raises
    ------
    CommandFailed
        If the run or a check of its data failed.
    """
    settings = options.over(read_settings(home))
    with raise_on_signals(), running_stores(settings) as ready:
        log = None if debug else Home(ready.home).logs / "run.log"
        with terminal(log) as console:
            prepare_stores(ready)
            summary = run_graph(ready, console, recompute=recompute)
            show_summary(console, summary)
    if summary.failed_checks:
        raise CommandFailed(
            f"the run went through, but {len(summary.failed_checks)} checks of its data failed: "
            f"{', '.join(summary.failed_checks)}; the Dagster UI shows what they found"
        )


@contextmanager
def running_stores(settings: Settings) -> Iterator[Settings]:
    """Settings with all URLs, for as long as the stores run."""
    home = Home(settings.home)
    record = home.record()
    if record.running and record.command == "up":
        settings = settings_with_urls(settings, record.urls)
    if settings.clickhouse_url and settings.postgres_url and settings.redis_url:
        home.create()
        yield settings.model_copy(update={"home": home.path})
        return
    with LocalStack(settings, command="run") as stack:
        yield stack.settings

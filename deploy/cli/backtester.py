"""``cap backtester``: run the backtests that people ask for, until told to stop."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path

from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import read_settings
from deploy.local.home import Home
from deploy.local.stack import settings_with_urls


def run_backtests(home: Path | None) -> None:
    """Run them on the stores of the environment, or of a running instance.

    Raises
    ------
    stores.settings.MissingStore
        If there is no database.
    """
    from api import logs
    from deploy.backtests.runner import Runner

    settings = read_settings(home)
    record = Home(settings.home).record()
    if record.running:
        settings = settings_with_urls(settings, record.urls)
    settings.require("postgres_url")
    settings.require("clickhouse_url")
    logs.configure(settings)
    # A polite end puts back what is being run, for the next one to take up at once.
    with closing(Runner(settings)) as runner, suppress(KeyboardInterrupt), raise_on_signals():
        runner.run(threading.Event())

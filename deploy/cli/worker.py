"""``cap worker``: send what waits, until told to stop."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from deploy.cli.options import read_settings
from deploy.local.home import Home
from deploy.local.stack import settings_with_urls


def work(home: Path | None) -> None:
    """Run a worker on the stores of the environment, or of a running instance.

    Raises
    ------
    stores.settings.MissingStore
        If there is no database.
    """
    from api.delivery.worker import run_worker

    settings = read_settings(home)
    folder = Home(settings.home)
    record = folder.record()
    if record.running:
        settings = settings_with_urls(settings, record.urls)
        if settings.secret_key is None:
            settings = settings.model_copy(update={"secret_key": SecretStr(folder.secret("secret_key"))})
    settings.require("postgres_url")
    run_worker(settings)

"""The runner of backtests as a service of the local stack."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.local.service import Service, giving_way


class Backtester(Service):
    """One runner. It answers to nobody: what it does is in the database."""

    NAME: str = "backtester"
    TITLE: str = "The runner of backtests"
    STOP_SECONDS: float = 20.0

    def command(self) -> Sequence[str]:
        """Run ``cap backtester``; its settings are in the environment."""
        return giving_way(["deploy.cli.main", "backtester"])

    def ready(self) -> bool:
        """Nothing has to wait for it."""
        return True

    @property
    def url(self) -> str:
        """None: it does not listen."""
        return ""

"""What a reader may see and do. The one place where plans turn into rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session


@dataclass(frozen=True)
class Entitlements:
    """Rights of one reader.

    Attributes
    ----------
    plan : str
    markets, timeframes : tuple of str, optional
        Those he may see; None for all.
    signal_delay : timedelta
        How long after it was known a signal is shown.
    history : timedelta, optional
        How far back he may look; None for all there is.
    streams, alerts, webhooks, api_keys : int
        Most of each.
    requests_per_minute, burst : int
    export : bool
        Whether signals may be downloaded in bulk.
    """

    plan: str
    markets: tuple[str, ...] | None
    timeframes: tuple[str, ...] | None
    signal_delay: timedelta
    history: timedelta | None
    streams: int
    alerts: int
    webhooks: int
    api_keys: int
    requests_per_minute: int
    burst: int
    export: bool

    def allows(self, market: str, timeframe: str) -> bool:
        """Whether a series may be seen."""
        return (self.markets is None or market in self.markets) and (
            self.timeframes is None or timeframe in self.timeframes
        )

    def known_before(self, now: datetime) -> datetime:
        """Instant up to which what was known is shown."""
        return now - self.signal_delay

    def known_since(self, now: datetime) -> datetime | None:
        """Instant from which on what was known is shown; None for all there is."""
        return None if self.history is None else now - self.history


FREE = Entitlements(
    plan="free",
    markets=None,
    timeframes=None,
    signal_delay=timedelta(minutes=15),
    history=None,
    streams=1,
    alerts=1,
    webhooks=1,
    api_keys=1,
    requests_per_minute=300,
    burst=100,
    export=False,
)


def entitlements_of(session: Session, user_id: str | None, now: datetime) -> Entitlements:
    """Rights of a person; of somebody who is not signed in for None."""
    del session, user_id, now
    return FREE

"""What a reader may see and do. The one place where plans turn into rights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from sqlalchemy import text
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
    backtests : int
        How many he may ask for in 24 hours.
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
    backtests: int
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


# What holds where the table of plans has no row of it; otherwise the row counts.
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
    backtests=3,
    export=False,
)


_HELD_BY: LiteralString = """
WITH held AS (
    SELECT CASE WHEN next_plan_id IS NOT NULL AND period_end <= {now} THEN next_plan_id ELSE plan_id END AS plan_id
    FROM serving.subscriptions WHERE user_id = {user} AND entitled_until > {now}
    UNION ALL
    SELECT plan_id FROM serving.grants
    WHERE user_id = {user} AND until > {now} AND revoked_at IS NULL
    UNION ALL
    SELECT 'free'
)
SELECT p.plan_id, p.markets, p.timeframes, p.signal_delay_s, p.history_s, p.streams, p.alerts, p.webhooks, p.api_keys,
    p.requests_per_minute, p.burst, p.backtests, p.export
FROM held JOIN serving.plans AS p USING (plan_id) ORDER BY p.position DESC LIMIT 1
"""


def held_by(user: LiteralString, now: LiteralString) -> LiteralString:
    """SQL that finds the plan of a person, as `of_plan` reads it; for statements that find the person as well.

    Parameters
    ----------
    user, now : str
        SQL for a uuid and an instant.
    """
    return _HELD_BY.format(user=user, now=now)


_HELD = text(held_by("CAST(:user AS uuid)", ":now"))
_HELD_BY_MANY = text(
    "SELECT u.user_id, i.moment, h.* FROM unnest(CAST(:users AS uuid[])) AS u (user_id) "
    "CROSS JOIN unnest(CAST(:moments AS timestamptz[])) AS i (moment) "
    f"CROSS JOIN LATERAL ({held_by('u.user_id', 'i.moment')}) AS h"
)


def entitlements_of(session: Session, user_id: str | None, now: datetime) -> Entitlements:
    """Rights of a person: of the best plan among his subscriptions and what administrators gave him, else the free one.

    Parameters
    ----------
    session : Session
    user_id : str, optional
        None for somebody who is not signed in.
    now : datetime
    """
    row = session.connection().execute(_HELD, {"user": user_id, "now": now}).mappings().one_or_none()
    return FREE if row is None else of_plan(row)


def entitlements_of_many(
    session: Session, user_ids: Collection[str | None], moments: Sequence[datetime]
) -> dict[tuple[str | None, datetime], Entitlements]:
    """Rights of many people at several instants, in one query; as `entitlements_of` finds them.

    Parameters
    ----------
    session : Session
    user_ids : collection of str
        None for somebody who is not signed in.
    moments : sequence of datetime
    """
    found = {(user, moment): FREE for user in user_ids for moment in moments}
    rows = session.connection().execute(_HELD_BY_MANY, {"users": list(user_ids), "moments": list(moments)})
    for row in rows.mappings():
        user = None if row["user_id"] is None else str(row["user_id"])
        found[user, row["moment"]] = of_plan(row)
    return found


def of_plan(row: Mapping[Any, Any]) -> Entitlements:
    """Rights a row of ``plans`` gives; those of the free plan if there is none, not even one for that."""
    if row["plan_id"] is None:
        return FREE
    return Entitlements(
        plan=row["plan_id"],
        markets=None if row["markets"] is None else tuple(row["markets"]),
        timeframes=None if row["timeframes"] is None else tuple(row["timeframes"]),
        signal_delay=timedelta(seconds=row["signal_delay_s"]),
        history=None if row["history_s"] is None else timedelta(seconds=row["history_s"]),
        streams=row["streams"],
        alerts=row["alerts"],
        webhooks=row["webhooks"],
        api_keys=row["api_keys"],
        requests_per_minute=row["requests_per_minute"],
        burst=row["burst"],
        backtests=row["backtests"],
        export=row["export"],
    )

"""How the platform does: stores, lag, queues, what was materialized when, space."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.dependencies import Context
from api.problems import StoreUnavailable
from api.times import format_instant
from engines.timeframe import Timeframe

_QUEUES = """
SELECT topic, state, count(*) AS messages, min(available_at) FILTER (WHERE state = 'pending') AS oldest
FROM serving.outbox GROUP BY topic, state ORDER BY topic, state
"""
# Dagster keeps its storage in the same database where one is shared; elsewhere there is nothing to show.
_DAGSTER = "SELECT to_regclass('public.asset_keys') IS NOT NULL"
_ASSETS = """
SELECT asset_key, last_materialization_timestamp AS at FROM public.asset_keys
WHERE last_materialization_timestamp IS NOT NULL ORDER BY asset_key
"""


async def read_status(context: Context) -> dict[str, Any]:
    """Ask everything; what cannot be asked is null."""
    import asyncio

    from api.store_faults import StoreName

    checks = asyncio.gather(*(context.stores.check(name) for name in StoreName))
    found, schema = await asyncio.gather(checks, context.stores.schema())
    now = context.clock()
    serving = await _or_none(context.stores.in_session(lambda session: _serving(session, now)))
    series = await _or_none(context.stores.warehouse.read(lambda client: _series(context, client, now)))
    streams = await _or_none(context.stores.cache.read(_relayed))
    return {
        "at": format_instant(now),
        "stores": [
            {"name": one.name, "status": one.status, "latency_ms": one.latency_ms, "detail": one.detail}
            for one in found
        ],
        "migrations": {"status": schema.status},
        "series": series,
        **(serving or {"queues": None, "signals": None, "assets": None, "database_bytes": None}),
        "relayed_sequence": streams,
        "disk": _disk(context),
    }


async def _or_none(reading: Any) -> Any:
    try:
        return await reading
    except StoreUnavailable:
        return None


def _serving(session: Session, now: datetime) -> dict[str, Any]:
    connection = session.connection()
    queues = [
        {
            "topic": row.topic,
            "state": row.state,
            "messages": row.messages,
            "oldest_s": None if row.oldest is None else max(0.0, (now - row.oldest).total_seconds()),
        }
        for row in connection.execute(text(_QUEUES))
    ]
    newest = connection.execute(
        text(
            "SELECT (SELECT max(known_at) FROM serving.published_signals) AS known_at, "
            "(SELECT max(sequence) FROM serving.signal_events) AS sequence, pg_database_size(current_database()) AS size"
        )
    ).one()
    assets = None
    if connection.execute(text(_DAGSTER)).scalar_one():
        assets = [
            {"asset": _plain(row.asset_key), "materialized_at": _moment(row.at)}
            for row in connection.execute(text(_ASSETS))
        ]
    return {
        "queues": queues,
        "signals": {
            "newest_known_at": newest.known_at and format_instant(newest.known_at),
            "sequence": newest.sequence,
        },
        "assets": assets,
        "database_bytes": newest.size,
    }


def _plain(key: str) -> str:
    import orjson

    try:
        parts = orjson.loads(key)
    except ValueError:
        return key
    return "/".join(str(part) for part in parts) if isinstance(parts, list) else key


def _moment(value: Any) -> str | None:
    if isinstance(value, datetime):
        return format_instant(_aware(value))
    return None if value is None else format_instant(datetime.fromtimestamp(float(value), UTC))


def _series(context: Context, client: Any, now: datetime) -> list[Mapping[str, Any]]:
    return [
        {
            "market": str(one.series.market),
            "timeframe": one.series.timeframe,
            "last_bar": format_instant(one.last_bar),
            "bars": one.bars,
            "lag_s": (now - _aware(one.last_bar)).total_seconds()
            - Timeframe(one.series.timeframe).milliseconds / 1_000,
        }
        for one in context.directory.stored(client)
    ]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _relayed(client: Any) -> int:
    from api.streams.relay import last_relayed

    return last_relayed(client)


def _disk(context: Context) -> dict[str, int] | None:
    try:
        usage = shutil.disk_usage(context.settings.home)
    except OSError:
        return None
    return {"total_bytes": usage.total, "free_bytes": usage.free}

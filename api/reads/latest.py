"""The newest bar of many series with the day behind it, kept in Redis for a moment so that a thousand watchlists cost one read.

Redis holds no only copy: without it every reader asks the warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from api.connections import Stores
from api.problems import StoreUnavailable
from api.reads.series import instant
from stores.warehouse import IN_SERIES, Series, Warehouse

if TYPE_CHECKING:
    from redis import Redis

_KEPT_MS = 1_000
_DAY_S = 86_400

# The day behind the newest bar, not behind now: a market that stands still keeps its numbers, and its age says so.
_LATEST = f"""
SELECT {instant("max(r.ts)")} AS ts,
    argMax(r.close, r.ts) AS close,
    argMin(r.open, r.ts) AS open_24h,
    max(r.high) AS high_24h,
    min(r.low) AS low_24h,
    sum(r.volume) AS volume_24h,
    if(open_24h > 0, close / open_24h - 1, NULL) AS change_24h
FROM (SELECT * FROM market.candles WHERE {IN_SERIES} ORDER BY ts DESC, ingested_at DESC LIMIT 1 BY ts LIMIT {{bars:UInt32}}) AS r
WHERE r.ts > (SELECT max(ts) FROM market.candles WHERE {IN_SERIES}) - toIntervalSecond({_DAY_S})
HAVING count() > 0
"""


async def read_latest(stores: Stores, wanted: Sequence[Series]) -> list[dict[str, Any]]:
    """Read the newest bars; a series without bars is left out."""
    kept = await _kept(stores, wanted)
    missing = [series for series in wanted if series not in kept]
    if missing:
        found = await stores.warehouse.read(lambda warehouse: {one: _read(warehouse, one) for one in missing})
        await _keep(stores, found)
        kept |= found
    return [orjson.loads(kept[series]) for series in wanted if kept[series]]


def _read(warehouse: Warehouse, series: Series) -> bytes:
    from engines.timeframe import Timeframe

    bars = max(1, _DAY_S * 1_000 // Timeframe(series.timeframe).milliseconds)
    lines = warehouse.query_json_lines(_LATEST, {**series.parameters, "bars": bars})
    if not lines:
        return b""
    head = orjson.dumps(
        {"market": str(series.market), "timeframe": series.timeframe, "simulated": series.market.simulated}
    )
    return head[:-1] + b"," + lines[0][1:]


def _name(series: Series) -> str:
    return f"cap:latest:{series.market}:{series.timeframe}"


async def _kept(stores: Stores, wanted: Sequence[Series]) -> dict[Series, bytes]:
    def read(client: Redis) -> list[bytes | None]:
        return client.mget([_name(series) for series in wanted])  # pyright: ignore[reportReturnType] - not awaited

    try:
        values = await stores.cache.read(read, deadline_s=0.5)
    except StoreUnavailable:
        return {}
    return {series: value for series, value in zip(wanted, values, strict=True) if value is not None}


async def _keep(stores: Stores, found: dict[Series, bytes]) -> None:
    def write(client: Redis) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for series, value in found.items():
                pipeline.set(_name(series), value, px=_KEPT_MS)
            pipeline.execute()

    try:
        await stores.cache.read(write, deadline_s=0.5)
    except StoreUnavailable:
        return

"""What zone events look like: names and codes, arrays of the kernels, schema of the frame, the way from one to the other."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import polars as pl

from engines.bars import TS_DTYPE, FloatArray, TimeArray
from engines.identity import ids, zone_prefix
from engines.kernel import kernel
from engines.structure.rows import SCALE_NAMES, CodeArray, names_of
from engines.timeframe import Timeframe


class ZoneKind(IntEnum):
    """What a zone is."""

    ORDER_BLOCK = 0
    BREAKER = 1
    FVG = 2
    LIQUIDITY = 3


class ZoneEvent(IntEnum):
    """What happened to a zone. From `INVALIDATED` on they end it."""

    CREATED = 0
    TOUCHED = 1
    MITIGATED = 2
    INVALIDATED = 3
    FILLED = 4
    SWEPT = 5
    BROKEN = 6
    EXPIRED = 7


KIND_NAMES = tuple(kind.name.lower() for kind in ZoneKind)
"""Name in frames by `ZoneKind`."""
EVENT_NAMES = tuple(event.name.lower() for event in ZoneEvent)
"""Name in frames by `ZoneEvent`."""
NO_SCALE = -1
"""Code where there is no scale: gaps."""

ZONE_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "zone_id": pl.String,
        "kind": pl.String,
        "event": pl.String,
        "side": pl.Int8,
        "scale": pl.String,
        "top": pl.Float64,
        "bottom": pl.Float64,
        "origin_ts": TS_DTYPE,
        "volume": pl.Float64,
        "sequence": pl.UInt32,
    }
)


class ZoneRows(NamedTuple):
    """Zone events as arrays of equal length, in order of ``ts`` and, within a bar, of ENGINES section 4.

    Attributes
    ----------
    ts : ndarray of int64
        Open time (ms UTC) of the bar at whose close the event is known.
    zone : ndarray of int64
        Running number of the zone since the engine's first, in order of creation.
    kind, event : ndarray of int8
        `ZoneKind` and `ZoneEvent`.
    side : ndarray of int8
        +1 demand, -1 supply.
    scale : ndarray of int8
        `engines.structure.Scale`, or `NO_SCALE` for gaps.
    top, bottom : ndarray of float64
    origin_ts : ndarray of int64
        Open time of the bar the zone is drawn from.
    created_ts : ndarray of int64
        Open time of the bar that made it.
    volume : ndarray of float64
        Volume of the origin bar, base asset; NaN for liquidity.
    sequence : ndarray of int64
        Order of the event within its bar, from 0.
    """

    ts: TimeArray
    zone: TimeArray
    kind: CodeArray
    event: CodeArray
    side: CodeArray
    scale: CodeArray
    top: FloatArray
    bottom: FloatArray
    origin_ts: TimeArray
    created_ts: TimeArray
    volume: FloatArray
    sequence: TimeArray


def empty_rows(count: int) -> ZoneRows:
    """Unfilled arrays for ``count`` events."""
    return ZoneRows(
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
        np.empty(count, np.float64),
        np.empty(count, np.float64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.float64),
        np.empty(count, np.int64),
    )


@kernel
def _distinct(zone: TimeArray, least: int, place: TimeArray, first: TimeArray, which: TimeArray) -> int:
    """Number zones in order of their first row; ``place`` is -1 everywhere and as long as the span of numbers."""
    found = 0
    for i in range(zone.shape[0]):
        k = zone[i] - least
        if place[k] < 0:
            place[k] = found
            first[found] = i
            found += 1
        which[i] = place[k]
    return found


def zone_ids(rows: ZoneRows, count: int, market: str, timeframe: Timeframe | str) -> pl.Series:
    """Ids (`engines.identity.zone_id`) of the zones of the first ``count`` rows."""
    zone = rows.zone[:count]
    first, which = np.arange(count), None
    span = int(zone.max()) - int(zone.min()) + 1 if count else 0
    # Each zone is hashed once, unless few rows speak of zones far apart in age: then a table would cost more.
    if 0 < span <= 64 * count:
        which = np.empty(count, np.int64)
        found = int(_distinct(zone, int(zone.min()), np.full(span, -1, np.int64), first, which))
        first = first[:found]
    kind, scale = rows.kind[first].astype(np.int64), rows.scale[first].astype(np.int64) + 1
    down = (rows.side[first] < 0).astype(np.int64)
    scales = (None, *SCALE_NAMES)
    prefixes = [zone_prefix(market, timeframe, k, side, s) for k in KIND_NAMES for side in (1, -1) for s in scales]
    prefix = (kind * 2 + down) * len(scales) + scale
    series = ids(prefixes, prefix, rows.origin_ts[first], rows.created_ts[first])
    return series if which is None else series.gather(which)


def zone_frame(rows: ZoneRows, count: int, market: str, timeframe: Timeframe | str) -> pl.DataFrame:
    """First ``count`` events as a frame of `ZONE_SCHEMA`."""
    cut = ZoneRows(*(column[:count].copy() for column in rows))  # pyright: ignore[reportArgumentType] - one type a field
    return named_zone_frame(cut, zone_ids(cut, count, market, timeframe))


def named_zone_frame(cut: ZoneRows, ids: pl.Series) -> pl.DataFrame:
    """Frame of `ZONE_SCHEMA` of all of ``cut``, whose memory it shares, and the ids of the zones."""
    return pl.DataFrame(
        {
            "ts": pl.Series(cut.ts).cast(TS_DTYPE),
            "zone_id": ids,
            "kind": names_of(cut.kind, KIND_NAMES),
            "event": names_of(cut.event, EVENT_NAMES),
            "side": cut.side,
            "scale": names_of(cut.scale, SCALE_NAMES, NO_SCALE),
            "top": cut.top,
            "bottom": cut.bottom,
            "origin_ts": pl.Series(cut.origin_ts).cast(TS_DTYPE),
            "volume": pl.Series(cut.volume, nan_to_null=True),
            "sequence": cut.sequence.astype(np.uint32),
        },
        schema=ZONE_SCHEMA,
    )

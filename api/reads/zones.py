"""Zones as they stand: the log of their events, folded when it is read, so that nothing waits for a nightly mart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from api.arrow import ArrowPage, table_of, write_stream
from api.pagination import Cursors, Key
from api.parameters import SeriesPage
from api.reads.series import Conditions, Lines, cut, instant, milliseconds
from api.times import parse_instant, to_milliseconds
from engines.timeframe import Timeframe
from stores.warehouse import IN_SERIES, Series, Warehouse

_ENDS = ("invalidated", "filled", "swept", "broken", "expired")
_IS_END = "e.event IN (" + ", ".join(f"'{event}'" for event in _ENDS) + ")"

# Each event happens to a zone at most once, so least and any are the same whether or not a row was stored twice.
_LIFE = f"""
SELECT e.zone_id AS zone_id,
    minOrNullIf(e.ts, e.event = 'touched') AS touched,
    minOrNullIf(e.ts, e.event = 'mitigated') AS mitigated,
    minOrNullIf(e.ts, {_IS_END}) AS ended,
    anyOrNullIf(toString(e.event), {_IS_END}) AS end_kind
FROM market.zone_events AS e
"""

_BIRTH = """
SELECT e.zone_id AS zone_id, e.ts AS created, e.kind AS kind, e.side AS side, e.scale AS scale, e.top AS top,
    e.bottom AS bottom, e.origin_ts AS origin, e.volume AS volume
FROM market.zone_events AS e
"""


@dataclass(frozen=True)
class ZoneFilter:
    """Which zones of a series.

    Attributes
    ----------
    kind, scale : str, optional
    side : int, optional
    active : bool, optional
        Only zones that live, or only those that have ended.
    as_of : datetime, optional
        What was known at this instant; None for all that is known.
    ended_after : datetime, optional
        Only zones that live, or whose end became known after this instant.
    """

    kind: str | None = None
    scale: str | None = None
    side: int | None = None
    active: bool | None = None
    as_of: datetime | None = None
    ended_after: datetime | None = None


def read_zones(warehouse: Warehouse, page: SeriesPage, wanted: ZoneFilter) -> Lines:
    """Read one page of zones by the bar of their creation; ``page.start`` and ``page.end`` bound that bar."""
    instants = [str(wanted.as_of), str(wanted.ended_after)]
    filters = [*page.filters, wanted.kind, wanted.scale, wanted.side, wanted.active, *instants]
    cursors = Cursors("zones", filters, (int, str))
    # What a bar brings is known at its close: a bar that opened one timeframe before the instant is the last to count.
    known = Conditions([IN_SERIES], dict(page.series.parameters))
    length = timedelta(milliseconds=Timeframe(page.series.timeframe).milliseconds)
    if wanted.as_of is not None:
        known.add(f"e.ts <= {milliseconds('last_known')}", last_known=to_milliseconds(wanted.as_of - length))
    born = Conditions(["e.event = 'created'", *known.clauses], dict(known.parameters))
    born.add_range("e.ts", page.earliest, page.end)
    born.add_equal("e.kind", wanted.kind, "String", "kind")
    born.add_equal("e.scale", wanted.scale, "String", "scale")
    born.add_equal("e.side", wanted.side, "Int8", "side")
    if wanted.active is not None:
        ended = f"SELECT e.zone_id FROM market.zone_events AS e WHERE {known} AND {_IS_END}"
        born.add(f"e.zone_id {'NOT IN' if wanted.active else 'IN'} ({ended})")
    if wanted.ended_after is not None:
        over = f"e.ts <= {milliseconds('last_over')}"
        ended = f"SELECT e.zone_id FROM market.zone_events AS e WHERE {known} AND {over} AND {_IS_END}"
        born.add(f"e.zone_id NOT IN ({ended})", last_over=to_milliseconds(wanted.ended_after - length))
    _add_cursor(born, page, cursors.read(page.cursor))
    direction = page.order.value.upper()
    births = (
        f"{_BIRTH} WHERE {born} "
        f"ORDER BY e.ts {direction}, e.zone_id {direction} LIMIT 1 BY e.ts, e.zone_id LIMIT {page.limit + 1}"
    )
    lines = warehouse.query_json_lines(
        _folded(births, known) + f" ORDER BY b.created {direction}, b.zone_id {direction}", born.parameters
    )
    return cut(lines, page.limit, cursors, _key)


_TIMES = ("origin_ts", "created_ts", "touched_ts", "mitigated_ts", "ended_ts")


def read_zones_arrow(warehouse: Warehouse, page: SeriesPage, wanted: ZoneFilter) -> ArrowPage:
    """Read one page of zones as an Arrow stream."""
    found = read_zones(warehouse, page, wanted)
    table = table_of([orjson.loads(line) for line in found.lines], _TIMES, ("side",))
    return ArrowPage(write_stream(table, page.series), found.next_cursor)


def read_zone(warehouse: Warehouse, series: Series, zone_id: str) -> dict[str, Any] | None:
    """Read one zone as it stands; None if there is none of this id in the series."""
    known = Conditions([IN_SERIES, "e.zone_id = {zone_id:String}"], {**series.parameters, "zone_id": zone_id})
    births = f"{_BIRTH} WHERE e.event = 'created' AND {known} LIMIT 1"
    lines = warehouse.query_json_lines(_folded(births, known), known.parameters)
    return orjson.loads(lines[0]) if lines else None


def _folded(births: str, known: Conditions) -> str:
    """SQL that puts the lives of zones beside their births."""
    lives = f"{_LIFE} WHERE {known} AND e.zone_id IN (SELECT zone_id FROM ({births})) GROUP BY e.zone_id"
    return (
        "SELECT b.zone_id AS zone_id, b.kind AS kind, b.side AS side, b.scale AS scale, b.top AS top, "
        f"b.bottom AS bottom, {instant('b.origin')} AS origin_ts, b.volume AS volume, "
        f"{instant('b.created')} AS created_ts, {instant('l.touched')} AS touched_ts, "
        f"{instant('l.mitigated')} AS mitigated_ts, {instant('l.ended')} AS ended_ts, "
        "coalesce(l.end_kind, 'live') AS status "
        f"FROM ({births}) AS b INNER JOIN ({lives}) AS l ON l.zone_id = b.zone_id"
    )


def _add_cursor(born: Conditions, page: SeriesPage, key: Key | None) -> None:
    if key is None:
        return
    after, at = page.order.after, milliseconds("cursor_ts")
    born.add(f"e.ts {after}= {at}", cursor_ts=key[0])
    born.add(f"(e.ts {after} {at} OR e.zone_id {after} {{cursor_zone:String}})", cursor_zone=key[1])


def _key(zone: Mapping[str, Any]) -> Key:
    return (to_milliseconds(parse_instant(zone["created_ts"])), zone["zone_id"])

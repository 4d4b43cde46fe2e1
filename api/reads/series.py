"""Pages of time series, read from the warehouse as JSON lines the engine wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from api.arrow import ArrowPage, read_stream, write_stream
from api.pagination import Cursors, Key
from api.parameters import SeriesPage
from api.schemas import Candle, IndicatorRow
from api.times import parse_instant, to_milliseconds
from stores.warehouse import IN_SERIES, Warehouse


def instant(expression: str) -> str:
    """SQL that writes a DateTime64(3) as RFC 3339; null stays null."""
    return f"concat(replaceOne(toString({expression}), ' ', 'T'), 'Z')"


def milliseconds(parameter: str) -> str:
    """SQL of an instant handed over as milliseconds since 1970 in ``parameter``."""
    return f"fromUnixTimestamp64Milli({{{parameter}:Int64}}, 'UTC')"


@dataclass(frozen=True)
class SeriesTable:
    """A table whose rows are listed by time.

    Columns are always written with the table's alias ``r``: without it ClickHouse would read the name of a formatted
    column in a condition as the formatted text.

    Attributes
    ----------
    name : str
    columns : str
        Select list of JSON rows: times as text.
    typed : str
        Select list of Arrow rows: columns as they are stored.
    rank : str, optional
        Expression that orders the rows of one bar and tells them apart; none where a bar has one row.
    rank_of : callable, optional
        The same of a row that was read.
    version : str, optional
        Column of which the highest stands if a row was stored more than once.
    """

    name: str
    columns: str
    typed: str
    rank: str | None = None
    rank_of: Callable[[Mapping[str, Any]], int] | None = None
    version: str | None = None

    @property
    def key_shape(self) -> tuple[type[int], ...]:
        """Types of the parts of a key: milliseconds, and the rank where there is one."""
        return (int,) if self.rank is None else (int, int)


def _plain(names: Sequence[str]) -> str:
    return ", ".join(f"r.{name} AS {name}" for name in names if name != "ts")


_TS = f"{instant('r.ts')} AS ts"
_CANDLE = _plain(tuple(Candle.model_fields))

CANDLES = SeriesTable("market.candles", f"{_TS}, {_CANDLE}", f"r.ts AS ts, {_CANDLE}", version="r.ingested_at")


def indicators(columns: Sequence[str] = ()) -> SeriesTable:
    """Table of indicators with some of its columns, or with all of them."""
    chosen = _plain(tuple(columns) or tuple(IndicatorRow.model_fields))
    return SeriesTable("market.indicators", f"{_TS}, {chosen}", f"r.ts AS ts, {chosen}")


# The order in which events of one bar happen: by scale, and in each pivot, equal level, up-break, down-break.
_SCALES = ("micro", "internal", "swing")
_STEPS = ("swing_high", "swing_low", "eqh", "eql", "up-break", "down-break")


def _sql_list(texts: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"


_STEP = "if(r.kind IN ('bos', 'choch'), if(r.direction > 0, 'up-break', 'down-break'), toString(r.kind))"
_RANK = (
    f"(toInt32(indexOf({_sql_list(_SCALES)}, toString(r.scale))) * {len(_STEPS) + 1} "
    f"+ toInt32(indexOf({_sql_list(_STEPS)}, {_STEP})))"
)


def structure_rank(event: Mapping[str, Any]) -> int:
    """Place of a structure event among those of its bar; the same number as in SQL, which counts from 1."""
    step = event["kind"]
    if step in ("bos", "choch"):
        step = "up-break" if event["direction"] > 0 else "down-break"
    return (_SCALES.index(event["scale"]) + 1) * (len(_STEPS) + 1) + _STEPS.index(step) + 1


STRUCTURE = SeriesTable(
    "market.structure_events",
    f"{_TS}, r.scale AS scale, r.kind AS kind, r.direction AS direction, r.level AS level, "
    f"{instant('r.origin_ts')} AS origin_ts, r.label AS label, r.bias AS bias",
    "r.ts AS ts, toString(r.scale) AS scale, toString(r.kind) AS kind, r.direction AS direction, r.level AS level, "
    "r.origin_ts AS origin_ts, r.label AS label, r.bias AS bias",
    rank=_RANK,
    rank_of=structure_rank,
)


@dataclass
class Conditions:
    """Conditions of a query, joined by AND, and the parameters in them."""

    clauses: list[str]
    parameters: dict[str, Any] = field(default_factory=dict)

    def add(self, clause: str, **parameters: Any) -> None:
        """Add a condition."""
        self.clauses.append(clause)
        self.parameters.update(parameters)

    def add_range(self, column: str, start: datetime | None, end: datetime | None) -> None:
        """Add the condition that ``column`` is in ``[start, end)``."""
        if start is not None:
            self.add(f"{column} >= {milliseconds('start')}", start=to_milliseconds(start))
        if end is not None:
            self.add(f"{column} < {milliseconds('end')}", end=to_milliseconds(end))

    def add_equal(self, column: str, value: str | int | None, kind: str, parameter: str) -> None:
        """Add the condition that ``column`` has a value, if one is asked for."""
        if value is not None:
            self.add(f"{column} = {{{parameter}:{kind}}}", **{parameter: value})

    def __str__(self) -> str:
        return " AND ".join(self.clauses)


@dataclass(frozen=True)
class Lines:
    """A page of JSON objects, and the cursor of the next one."""

    lines: list[bytes]
    next_cursor: str | None


def read_series(
    warehouse: Warehouse,
    table: SeriesTable,
    page: SeriesPage,
    equal: Mapping[str, tuple[str | int | None, str]] | None = None,
) -> Lines:
    """Read one page.

    Parameters
    ----------
    warehouse : Warehouse
    table : SeriesTable
    page : SeriesPage
    equal : mapping of str to (value, ClickHouse type), optional
        Columns that must have a value; None for any.
    """
    sql, parameters, cursors = _query(table, page, equal or {}, table.columns)
    return cut(warehouse.query_json_lines(sql, parameters), page.limit, cursors, lambda row: _key(table, row))


def read_series_arrow(
    warehouse: Warehouse,
    table: SeriesTable,
    page: SeriesPage,
    equal: Mapping[str, tuple[str | int | None, str]] | None = None,
) -> ArrowPage:
    """Read one page as an Arrow stream; the parameters are those of `read_series`."""
    sql, parameters, cursors = _query(table, page, equal or {}, table.typed)
    found = read_stream(warehouse.query_arrow_stream(sql, parameters))
    following = None
    if found.num_rows > page.limit:
        found = found.slice(0, page.limit)
        following = cursors.write(_key(table, found.slice(page.limit - 1).to_pylist()[0]))
    return ArrowPage(write_stream(found, page.series), following)


def _query(
    table: SeriesTable, page: SeriesPage, equal: Mapping[str, tuple[str | int | None, str]], columns: str
) -> tuple[str, dict[str, Any], Cursors]:
    filters = [*page.filters, {name: value for name, (value, _) in equal.items()}]
    cursors = Cursors(table.name, filters, table.key_shape)
    where = Conditions([IN_SERIES], dict(page.series.parameters))
    where.add_range("r.ts", page.earliest, page.end)
    for name, (value, kind) in equal.items():
        where.add_equal(f"r.{name}", value, kind, name)
    _add_cursor(where, table, page, cursors.read(page.cursor))
    # Rows are told apart here rather than by FINAL: in the table's own order the engine stops at the limit.
    by = ["r.ts"] if table.rank is None else ["r.ts", table.rank]
    order = [f"{part} {page.order.value.upper()}" for part in by]
    if table.version is not None:
        order.append(f"{table.version} DESC")
    sql = (
        f"SELECT {columns} FROM {table.name} AS r WHERE {where} "
        f"ORDER BY {', '.join(order)} LIMIT 1 BY {', '.join(by)} LIMIT {page.limit + 1}"
    )
    return sql, where.parameters, cursors


def cut(lines: list[bytes], limit: int, cursors: Cursors, key: Callable[[Mapping[str, Any]], Key]) -> Lines:
    """Cut a page off ``limit + 1`` lines; the one too many says that there is a next page."""
    if len(lines) <= limit:
        return Lines(lines, None)
    kept = lines[:limit]
    return Lines(kept, cursors.write(key(orjson.loads(kept[-1]))))


def _add_cursor(where: Conditions, table: SeriesTable, page: SeriesPage, key: Key | None) -> None:
    if key is None:
        return
    after = page.order.after
    at = milliseconds("cursor_ts")
    if table.rank is None:
        where.add(f"r.ts {after} {at}", cursor_ts=key[0])
    else:
        # The first half repeats what the second implies, in a form the primary key can use.
        where.add(f"r.ts {after}= {at}", cursor_ts=key[0])
        where.add(f"(r.ts {after} {at} OR {table.rank} {after} {{cursor_rank:Int64}})", cursor_rank=key[1])


def _key(table: SeriesTable, row: Mapping[str, Any]) -> Key:
    ts = to_milliseconds(row["ts"] if isinstance(row["ts"], datetime) else parse_instant(row["ts"]))
    return (ts,) if table.rank_of is None else (ts, table.rank_of(row))

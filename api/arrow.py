"""Rows as an Arrow stream, for notebooks: typed columns that a data frame takes over without parsing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stores.warehouse import Series

if TYPE_CHECKING:
    import pyarrow as pa

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
MAX_ROWS = 200_000
"""Most rows of one page."""


@dataclass(frozen=True)
class ArrowPage:
    """A page as an Arrow stream, and the cursor of the next one."""

    stream: bytes
    next_cursor: str | None


def write_stream(table: pa.Table, series: Series) -> bytes:
    """Write a table as an Arrow stream that says in its metadata what it is of."""
    import pyarrow as pa

    about = {
        "market": str(series.market),
        "timeframe": series.timeframe,
        "simulated": "true" if series.market.simulated else "false",
    }
    sink = pa.BufferOutputStream()
    labelled = table.replace_schema_metadata(about)
    with pa.ipc.new_stream(sink, labelled.schema) as writer:
        writer.write_table(labelled)
    return sink.getvalue().to_pybytes()


def read_stream(stream: bytes) -> pa.Table:
    """Read the warehouse's Arrow stream."""
    import pyarrow as pa

    with pa.ipc.open_stream(stream) as reader:
        return reader.read_all()


def table_of(rows: Sequence[Mapping[str, Any]], times: Sequence[str], integers: Sequence[str]) -> pa.Table:
    """Make a table of rows as the API shows them: ``times`` are instants in text, the rest text and numbers."""
    import pyarrow as pa

    from api.times import parse_instant

    instant = pa.timestamp("ms", "UTC")
    columns: dict[str, pa.Array] = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        if name in times:
            columns[name] = pa.array([None if one is None else parse_instant(one) for one in values], instant)
        elif name in integers:
            columns[name] = pa.array(values, pa.int8())
        else:
            columns[name] = pa.array(values)
    return pa.table(columns)

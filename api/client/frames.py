"""Market data as data frames, by Arrow: typed columns, nothing parsed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from api.client.transport import Transport

if TYPE_CHECKING:
    import polars as pl

Table: TypeAlias = Literal["candles", "indicators", "structure", "zones"]


def read_frame(
    transport: Transport,
    table: Table,
    market: str,
    timeframe: str,
    *,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
) -> pl.DataFrame:
    """Read all rows of a table in ``[start, end)``, however many pages that takes.

    Returns
    -------
    polars.DataFrame
        Times are UTC, in milliseconds. Bars as the engines take them, for ``candles``.
    """
    import io

    import polars as pl

    frames: list[pl.DataFrame] = []
    cursor: str | None = None
    while True:
        query = {"market": market, "timeframe": timeframe, "start": start, "end": end, "cursor": cursor}
        reply = transport.send("GET", f"/v1/{table}", query={**query, "format": "arrow"})
        frames.append(pl.read_ipc_stream(io.BytesIO(reply.content)))
        cursor = reply.headers.get("x-next-cursor")
        if cursor is None:
            return pl.concat(frames, how="vertical_relaxed")

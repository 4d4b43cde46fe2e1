"""Query parameters that several routes share, and the order pages come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BeforeValidator, StringConstraints

from api.pagination import CursorText
from api.problems import invalid
from api.times import Instant, to_milliseconds
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.warehouse import Series

MAX_ROWS = 5_000
"""Most rows of one page of a time series."""


class Order(StrEnum):
    """Order of a list in time."""

    ASC = "asc"
    DESC = "desc"

    @property
    def after(self) -> str:
        """Comparison that holds for what comes later in the list."""
        return ">" if self is Order.ASC else "<"


_DIRECTIONS = {"1": 1, "long": 1, "up": 1, "-1": -1, "short": -1, "down": -1}


def _direction(value: Any) -> Any:
    # An unescaped plus sign reaches a server as a space.
    return _DIRECTIONS.get(value.strip().replace("+", ""), value) if isinstance(value, str) else value


DirectionParameter = Annotated[
    Literal[1, -1] | None,
    BeforeValidator(_direction),
    Query(description="`1` (up, long, demand) or `-1` (down, short, supply); `long` and `short` are understood too."),
]


MarketText = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$")]
MarketParameter = Annotated[MarketText, Query(description="Exchange and symbol.", examples=["binance:BTCUSDT"])]
MarketFilter = Annotated[MarketText | None, Query(description="Only this market.", examples=["binance:BTCUSDT"])]
TimeframeParameter = Annotated[Timeframe, Query(description="Length of the bars.", examples=["15m"])]
TimeframeFilter = Annotated[Timeframe | None, Query(description="Only this timeframe.", examples=["15m"])]
StrategyParameter = Annotated[
    str | None,
    Query(description="Only this strategy.", examples=["smc_pullback"], max_length=64, pattern=r"^[A-Za-z0-9_.-]+$"),
]
CursorParameter = Annotated[
    CursorText | None, Query(description="`next_cursor` of the page before; the filters must be the same.")
]


@dataclass(frozen=True)
class SeriesPage:
    """Which rows of one series a request asks for.

    Attributes
    ----------
    series : Series
    start, end : datetime, optional
        Bars that open in ``[start, end)``.
    order : Order
    limit : int
    cursor : str, optional
    """

    series: Series
    start: datetime | None
    end: datetime | None
    order: Order
    limit: int
    cursor: str | None

    @property
    def filters(self) -> list[object]:
        """What ties a cursor to these filters."""
        return [str(self.series), _ms(self.start), _ms(self.end), self.order.value]


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_milliseconds(moment)


def _series_page(
    market: MarketParameter,
    timeframe: TimeframeParameter,
    start: Annotated[
        Instant | None, Query(description="Only bars that open at or after this instant (RFC 3339, or a day).")
    ] = None,
    end: Annotated[Instant | None, Query(description="Only bars that open before this instant.")] = None,
    order: Annotated[Order, Query(description="`asc`: oldest first. `desc`: newest first.")] = Order.ASC,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS, description="Most rows in the page.")] = 500,
    cursor: CursorParameter = None,
) -> SeriesPage:
    if start is not None and end is not None and start > end:
        raise invalid("start", "is after end; the range is from start up to, and without, end")
    return SeriesPage(Series(Market.parse(market), timeframe.value), start, end, order, limit, cursor)


SeriesPageParameters = Annotated[SeriesPage, Depends(_series_page)]

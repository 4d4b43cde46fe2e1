"""Query parameters that several routes share, and the order pages come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BeforeValidator, StringConstraints

from api import arrow
from api.dependencies import ClockDependency
from api.pagination import CursorText
from api.problems import Problem, invalid
from api.security.principal import PrincipalDependency
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
    arrow : bool
        Whether the rows are wanted as an Arrow stream.
    floor : datetime, optional
        Before it the reader's plan shows nothing.
    """

    series: Series
    start: datetime | None
    end: datetime | None
    order: Order
    limit: int
    cursor: str | None
    arrow: bool = False
    floor: datetime | None = None

    @property
    def earliest(self) -> datetime | None:
        """From where on bars are shown; None for all there are."""
        return max((one for one in (self.start, self.floor) if one is not None), default=None)

    @property
    def filters(self) -> list[object]:
        """What ties a cursor to these filters."""
        return [str(self.series), _ms(self.start), _ms(self.end), self.order.value]


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_milliseconds(moment)


class Format(StrEnum):
    """How rows are written."""

    JSON = "json"
    ARROW = "arrow"


async def _series_page(
    who: PrincipalDependency,
    clock: ClockDependency,
    market: MarketParameter,
    timeframe: TimeframeParameter,
    start: Annotated[
        Instant | None, Query(description="Only bars that open at or after this instant (RFC 3339, or a day).")
    ] = None,
    end: Annotated[Instant | None, Query(description="Only bars that open before this instant.")] = None,
    order: Annotated[Order, Query(description="`asc`: oldest first. `desc`: newest first.")] = Order.ASC,
    limit: Annotated[
        int | None,
        Query(
            ge=1,
            le=arrow.MAX_ROWS,
            description=f"Most rows in the page: up to {MAX_ROWS:,} as JSON (500 if not given), up to {arrow.MAX_ROWS:,} as "
            "an Arrow stream (all of those if not given).",
        ),
    ] = None,
    cursor: CursorParameter = None,
    format: Annotated[
        Format, Query(description="`arrow`: an Arrow IPC stream with typed columns; the next cursor is in a header.")
    ] = Format.JSON,
) -> SeriesPage:
    if start is not None and end is not None and start > end:
        raise invalid("start", "is after end; the range is from start up to, and without, end")
    as_arrow = format is Format.ARROW
    if not as_arrow and limit is not None and limit > MAX_ROWS:
        raise invalid("limit", f"Input should be less than or equal to {MAX_ROWS}; format=arrow gives more at once")
    if limit is None:
        limit = arrow.MAX_ROWS if as_arrow else 500
    if not who.entitlements.allows(market, timeframe.value):
        raise Problem("not-in-plan", f"{market} {timeframe.value} is not in the plan {who.entitlements.plan!r}")
    series = Series(Market.parse(market), timeframe.value)
    return SeriesPage(series, start, end, order, limit, cursor, as_arrow, who.entitlements.known_since(clock()))


SeriesPageParameters = Annotated[SeriesPage, Depends(_series_page)]

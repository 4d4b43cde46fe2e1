"""Candles, indicators and structure events: series of one market and timeframe."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import arrow
from api.connections import Stores
from api.dependencies import DirectoryDependency, StoresDependency
from api.directory import MarketDirectory
from api.parameters import DirectionParameter, SeriesPage, SeriesPageParameters
from api.problems import documented
from api.reads import series as reads
from api.replies import Freshness, arrow_reply, conditional, series_reply
from api.schemas import Candle, IndicatorRow, SeriesReply, StructureEvent
from api.security.access import public
from api.security.principal import Scope
from stores.warehouse import Warehouse

router = APIRouter(prefix="/v1", tags=["market data"])

PROBLEMS: dict[int | str, dict[str, Any]] = documented(
    "unknown-market", "not-in-plan", "invalid-parameters", "invalid-cursor", "internal-error", "store-unavailable"
)
PROBLEMS[200] = {"content": {arrow.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
PROBLEMS[304] = {"description": "The client has it already: its `If-None-Match` names the reply's `ETag`."}

if TYPE_CHECKING:
    IndicatorColumn: TypeAlias = str
else:
    # Made of the row's own fields, so that neither can have one that the other has not.
    IndicatorColumn = StrEnum("IndicatorColumn", [(name, name) for name in IndicatorRow.model_fields if name != "ts"])
StructureKind: TypeAlias = Literal["swing_high", "swing_low", "bos", "choch", "eqh", "eql"]
StructureScale: TypeAlias = Literal["micro", "internal", "swing"]


async def _reply(
    request: Request,
    stores: Stores,
    directory: MarketDirectory,
    table: reads.SeriesTable,
    page: SeriesPage,
    equal: dict[str, tuple[str | int | None, str]] | None = None,
) -> Response:
    def read(warehouse: Warehouse) -> Response:
        directory.require(warehouse, page.series)
        if page.arrow:
            return arrow_reply(page.series, reads.read_series_arrow(warehouse, table, page, equal))
        found = reads.read_series(warehouse, table, page, equal)
        return series_reply(page.series, found.lines, found.next_cursor)

    return conditional(request, await stores.warehouse.read(read), freshness_of(page))


def freshness_of(page: SeriesPage) -> Freshness:
    """How long a page of bars holds: a range with an end in the past is not added to."""
    return Freshness.MINUTE if page.end is not None and page.end <= datetime.now(UTC) else Freshness.ASK


@router.get(
    "/candles",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listCandles",
    response_model=SeriesReply[Candle],
    summary="Candles",
    responses=PROBLEMS,
)
async def list_candles(
    request: Request, page: SeriesPageParameters, stores: StoresDependency, directory: DirectoryDependency
) -> Response:
    """List closed bars. Missing bars are missing: a gap is never filled."""
    return await _reply(request, stores, directory, reads.CANDLES, page)


@router.get(
    "/indicators",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listIndicators",
    response_model=SeriesReply[IndicatorRow],
    summary="Indicators",
    responses=PROBLEMS,
)
async def list_indicators(
    request: Request,
    page: SeriesPageParameters,
    stores: StoresDependency,
    directory: DirectoryDependency,
    column: Annotated[
        list[IndicatorColumn] | None,
        Query(max_length=60, description="Only these indicators, with the time of the bar; all if none is given."),
    ] = None,
) -> Response:
    """List indicator values, one row a bar, each from that bar and earlier ones only."""
    return await _reply(request, stores, directory, reads.indicators(column or ()), page)


@router.get(
    "/structure",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listStructure",
    response_model=SeriesReply[StructureEvent],
    summary="Market structure",
    responses=PROBLEMS,
)
async def list_structure(
    request: Request,
    page: SeriesPageParameters,
    stores: StoresDependency,
    directory: DirectoryDependency,
    kind: Annotated[StructureKind | None, Query(description="Only events of this kind.")] = None,
    scale: Annotated[StructureScale | None, Query(description="Only events of this pivot scale.")] = None,
    direction: DirectionParameter = None,
) -> Response:
    """List pivots, equal levels and breaks under the bar at whose close each became known. None is ever taken back."""
    equal = {"kind": (kind, "String"), "scale": (scale, "String"), "direction": (direction, "Int8")}
    return await _reply(request, stores, directory, reads.STRUCTURE, page, equal)

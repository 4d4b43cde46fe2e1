"""Order blocks, breakers, fair value gaps and liquidity pools."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import DirectoryDependency, StoresDependency
from api.parameters import DirectionParameter, SeriesPageParameters
from api.reads.zones import ZoneFilter, read_zones, read_zones_arrow
from api.replies import Freshness, arrow_reply, conditional, series_reply
from api.routers.series import PROBLEMS, freshness_of
from api.schemas import SeriesReply, Zone
from api.security.access import public
from api.security.principal import Scope
from api.times import Instant
from stores.warehouse import Warehouse

router = APIRouter(prefix="/v1", tags=["market data"])


@router.get(
    "/zones",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listZones",
    response_model=SeriesReply[Zone],
    summary="Zones",
    responses=PROBLEMS,
)
async def list_zones(
    request: Request,
    page: SeriesPageParameters,
    stores: StoresDependency,
    directory: DirectoryDependency,
    kind: Annotated[
        Literal["order_block", "breaker", "fvg", "liquidity"] | None, Query(description="Only zones of this kind.")
    ] = None,
    scale: Annotated[
        Literal["micro", "internal", "swing"] | None,
        Query(description="Only zones of this pivot scale; gaps have none."),
    ] = None,
    side: DirectionParameter = None,
    active: Annotated[
        bool | None, Query(description="`true`: only zones that still live. `false`: only those that have ended.")
    ] = None,
    as_of: Annotated[
        Instant | None,
        Query(description="Show what was known at this instant: later zones are left out, and later events of a life."),
    ] = None,
    ended_after: Annotated[
        Instant | None,
        Query(description="Only zones that live, or whose end became known after this instant."),
    ] = None,
) -> Response:
    """List zones with their lives so far, by the bar that created them; `start` and `end` bound that bar."""
    wanted = ZoneFilter(kind, scale, side, active, as_of, ended_after)

    def read(warehouse: Warehouse) -> Response:
        directory.require(warehouse, page.series)
        if page.arrow:
            return arrow_reply(page.series, read_zones_arrow(warehouse, page, wanted))
        found = read_zones(warehouse, page, wanted)
        return series_reply(page.series, found.lines, found.next_cursor)

    # A zone's life goes on after its range, unless it is asked for as of an instant.
    freshness = freshness_of(page) if as_of is not None else Freshness.ASK
    return conditional(request, await stores.warehouse.read(read), freshness)

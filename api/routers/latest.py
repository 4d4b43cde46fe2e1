"""The newest bars of many markets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import DirectoryDependency, StoresDependency
from api.parameters import MarketText, TimeframeParameter
from api.problems import documented
from api.reads.latest import read_latest
from api.replies import Freshness, conditional, json_reply
from api.schemas import LatestBar, Page
from api.security.access import public
from api.security.principal import PrincipalDependency, Scope
from stores.markets import Market
from stores.warehouse import Series

router = APIRouter(prefix="/v1", tags=["market data"])


@router.get(
    "/latest",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listLatest",
    response_model=Page[LatestBar],
    summary="Newest bars",
    responses=documented("invalid-parameters", "internal-error", "store-unavailable"),
)
async def list_latest(
    request: Request,
    who: PrincipalDependency,
    stores: StoresDependency,
    directory: DirectoryDependency,
    timeframe: TimeframeParameter,
    market: Annotated[
        list[MarketText] | None,
        Query(max_length=100, description="These markets, in this order; all that are stored if none is given."),
    ] = None,
) -> Response:
    """List the newest closed bar of each market with the 24 hours up to it; for watchlists. A second old at most.

    Markets without bars of the timeframe, or outside the caller's plan, are left out.
    """
    if market is None:
        stored = await stores.warehouse.read(directory.stored)
        names = [str(one.series.market) for one in stored if one.series.timeframe == timeframe.value][:100]
    else:
        names = list(dict.fromkeys(market))
    wanted = [
        Series(Market.parse(name), timeframe.value) for name in names if who.entitlements.allows(name, timeframe.value)
    ]
    items = await read_latest(stores, wanted) if wanted else []
    return conditional(request, json_reply({"items": items, "next_cursor": None}), Freshness.ASK)

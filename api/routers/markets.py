"""Which markets there are."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import DirectoryDependency, StoresDependency
from api.directory import StoredSeries
from api.pagination import Cursors
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page, StoredMarket
from api.security.access import public
from api.security.principal import Scope
from api.times import format_instant

router = APIRouter(prefix="/v1", tags=["market data"])


@router.get(
    "/markets",
    dependencies=[public(Scope.MARKET_READ)],
    operation_id="listMarkets",
    response_model=Page[StoredMarket],
    summary="Markets",
    responses=documented("invalid-parameters", "invalid-cursor", "internal-error", "store-unavailable"),
)
async def list_markets(
    stores: StoresDependency,
    directory: DirectoryDependency,
    limit: Annotated[int, Query(ge=1, le=500, description="Most markets in the page.")] = 100,
    cursor: CursorParameter = None,
) -> Response:
    """List the stored markets by name, with what is stored of each. A few seconds old at most."""
    cursors = Cursors("markets", None, (str,))
    key = cursors.read(cursor)
    stored = await stores.warehouse.read(directory.stored)
    markets = [
        _market(str(market), list(series))
        for market, series in groupby(stored, key=lambda one: one.series.market)
        if key is None or str(market) > str(key[0])
    ]
    page = markets[:limit]
    following = cursors.write((page[-1]["market"],)) if len(markets) > limit else None
    return json_reply({"items": page, "next_cursor": following})


def _market(name: str, stored: list[StoredSeries]) -> dict[str, Any]:
    market = stored[0].series.market
    return {
        "market": name,
        "exchange": market.exchange,
        "symbol": market.symbol,
        "simulated": market.simulated,
        "timeframes": [
            {
                "timeframe": one.series.timeframe,
                "first_bar": format_instant(one.first_bar),
                "last_bar": format_instant(one.last_bar),
                "bars": one.bars,
            }
            for one in stored
        ],
    }

"""The track record of what was published."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import StoresDependency
from api.parameters import CursorParameter
from api.problems import documented
from api.reads.track_records import read_track_records
from api.replies import json_reply
from api.schemas import TrackRecords
from api.security.access import public
from api.security.principal import Scope
from api.signal_parameters import TrackRecordParameters

router = APIRouter(prefix="/v1", tags=["signals"])


@router.get(
    "/performance",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="listPerformance",
    response_model=TrackRecords,
    summary="Track record",
    responses=documented("not-in-plan", "invalid-parameters", "invalid-cursor", "internal-error", "store-unavailable"),
)
async def list_performance(
    stores: StoresDependency,
    asked: TrackRecordParameters,
    limit: Annotated[int, Query(ge=1, le=500, description="Most track records in the page.")] = 100,
    cursor: CursorParameter = None,
) -> Response:
    """Show how the published signals of each strategy, market and timeframe ended.

    Every published signal counts, none is left out. The whole position is followed to its last outcome: nothing is
    closed at the first target while a second one stands. Costs are not included. A plan with a delay counts what was known
    that long ago.
    """
    found = await stores.reading(lambda session: read_track_records(session, asked.wanted, asked.sight, limit, cursor))
    return json_reply({"items": found.items, "next_cursor": found.next_cursor, "costs_included": False})

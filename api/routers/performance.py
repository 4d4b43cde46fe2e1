"""The track record of what was published."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import StoresDependency
from api.parameters import MAX_ROWS, CursorParameter
from api.problems import documented
from api.reads.record_curve import read_curve
from api.reads.track_records import read_track_records
from api.replies import json_reply
from api.schemas import PerformanceCurve, TrackRecords
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


@router.get(
    "/performance/curve",
    dependencies=[public(Scope.SIGNALS_READ)],
    operation_id="getPerformanceCurve",
    response_model=PerformanceCurve,
    summary="Result over time",
    responses=documented("not-in-plan", "invalid-parameters", "internal-error", "store-unavailable"),
)
async def get_performance_curve(
    stores: StoresDependency,
    asked: TrackRecordParameters,
    simulated: Annotated[
        bool | None,
        Query(
            description="`true` for simulated markets, `false` for real ones; they are never added together. Left out: "
            "the kind of the market that is asked for, or real ones."
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_ROWS, description="Most points: the last ones. All that came before count in them.")
    ] = MAX_ROWS,
) -> Response:
    """Add up what became of the published signals, in the order in which they ended, and by month.

    Every published signal that has ended counts once, one that was taken down too. Costs are not included. A plan with a
    delay counts what was known that long ago.
    """
    market = asked.wanted.market
    kind = simulated if simulated is not None else market is not None and market.simulated
    return json_reply(await stores.reading(lambda session: read_curve(session, asked.wanted, asked.sight, kind, limit)))

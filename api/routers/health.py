"""Whether the process lives, whether it can answer, and what it has been doing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import metrics
from api.connections import StoreName
from api.dependencies import MetricsDependency, StoresDependency
from api.problems import documented
from api.replies import json_reply
from api.schemas import Alive, Readiness
from api.security.access import unchecked

router = APIRouter(tags=["operations"])

_REQUIRED = (StoreName.CLICKHOUSE, StoreName.POSTGRES)


@router.get("/healthz", dependencies=[unchecked()], operation_id="getHealth", response_model=Alive, summary="Liveness")
async def health() -> Response:
    """Answer as long as the process can; asks no store."""
    return json_reply({"status": "ok"})


@router.get(
    "/readyz",
    dependencies=[unchecked()],
    operation_id="getReadiness",
    response_model=Readiness,
    summary="Readiness",
    responses={
        503: {"model": Readiness, "description": "A required store does not answer."},
        **documented("invalid-parameters"),
    },
)
async def readiness(
    stores: StoresDependency,
    require: Annotated[
        list[StoreName] | None,
        Query(
            description="Stores without which this instance counts as not ready. A load balancer that must keep serving "
            "signals while the warehouse is down asks with `require=postgres`."
        ),
    ] = None,
) -> Response:
    """Ask every store, all at once, and say which answer."""
    required = set(require or _REQUIRED)
    found = await asyncio.gather(*(stores.check(name) for name in StoreName))
    down = {one.name for one in found if one.status != "ok"}
    status = "down" if down & required else "degraded" if down else "ok"
    body = {
        "status": status,
        "stores": [
            {
                "name": one.name,
                "status": one.status,
                "required": one.name in required,
                "latency_ms": one.latency_ms,
                "detail": one.detail,
            }
            for one in found
        ],
    }
    return json_reply(body, 503 if status == "down" else 200)


@router.get(
    "/metrics",
    dependencies=[unchecked()],
    operation_id="getMetrics",
    summary="Metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
async def read_metrics(collected: MetricsDependency) -> Response:
    """Write rate, errors and duration by route, and of reads from each store, for Prometheus."""
    return Response(collected.render(), headers={"Content-Type": metrics.CONTENT_TYPE})

"""Whether the process lives, whether it can answer, and what it has been doing."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import metrics
from api.dependencies import ContextDependency, MetricsDependency
from api.problems import documented
from api.replies import json_reply
from api.schemas import Alive, Readiness
from api.security.access import unchecked
from api.store_faults import StoreName

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
        503: {"model": Readiness, "description": "A required store does not answer, or this process is about to stop."},
        **documented("invalid-parameters"),
    },
)
async def readiness(
    context: ContextDependency,
    require: Annotated[
        list[StoreName] | None,
        Query(
            description="Stores without which this instance counts as not ready. A load balancer that must keep serving "
            "signals while the warehouse is down asks with `require=postgres`."
        ),
    ] = None,
) -> Response:
    """Ask every store, all at once, and say which answer; no, too, from when this process was told to stop."""
    required = set(require or _REQUIRED)
    stores = context.stores
    found, schema = await asyncio.gather(asyncio.gather(*(stores.check(name) for name in StoreName)), stores.schema())
    down = {one.name for one in found if one.status != "ok"}
    status = "down" if down & required or schema.status == "behind" else "degraded" if down else "ok"
    if context.draining.begun:
        status = "draining"
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
        "migrations": asdict(schema),
    }
    return json_reply(body, 200 if status in ("ok", "degraded") else 503)


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

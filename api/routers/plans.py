"""Plans on offer."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.billing import plans
from api.billing.schemas import PlanList
from api.dependencies import StoresDependency
from api.problems import documented
from api.replies import json_reply
from api.security.access import public

router = APIRouter(prefix="/v1/plans", tags=["billing"])


@router.get(
    "",
    dependencies=[public()],
    operation_id="listPlans",
    response_model=PlanList,
    summary="Plans",
    responses=documented("unauthenticated", "internal-error", "store-unavailable"),
)
async def list_plans(stores: StoresDependency) -> Response:
    """List the plans on offer, in their order, with what each of them gives."""
    return json_reply({"items": await stores.in_session(plans.offered), "next_cursor": None})

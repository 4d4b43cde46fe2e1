"""What the problems mean that the API answers with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.problems import TYPES, Problem, documented
from api.replies import json_reply
from api.schemas import ProblemKind
from api.security.access import unchecked

router = APIRouter(tags=["operations"])


@router.get(
    "/problems/{name}",
    dependencies=[unchecked()],
    operation_id="getProblemType",
    response_model=ProblemKind,
    summary="What a problem means",
    responses=documented("not-found", "invalid-parameters"),
)
async def get_problem_type(name: Annotated[str, Path(max_length=64, examples=["unknown-market"])]) -> Response:
    """Describe the kind of problem that a reply's `type` points at."""
    kind = TYPES.get(name)
    if kind is None:
        raise Problem("not-found", f"there is no such kind of problem; there are: {', '.join(TYPES)}")
    return json_reply({"type": kind.uri, "title": kind.title, "status": kind.status, "meaning": kind.meaning})

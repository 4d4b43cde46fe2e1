"""A route of the tests' own that makes something, as every write of the API does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import Response

from api import audit
from api.outbox import Topic, enqueue
from api.security.access import signed_in
from api.security.principal import PrincipalDependency, Scope
from api.writes import Made, WriteDependency

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def things() -> APIRouter:
    """POST /v1/things: an outbox row, an audit record and a secret that is shown once."""
    router = APIRouter()

    @router.post("/v1/things", dependencies=[signed_in(Scope.ACCOUNT_WRITE)])
    async def make_thing(write: WriteDependency, who: PrincipalDependency, fail: bool = False) -> Response:
        def work(session: Session) -> Made:
            thing = str(uuid.uuid4())
            # Far in the future: no worker takes it.
            enqueue(session, Topic.MAIL, {}, key=f"thing {thing}", now=NOW, available_at=NOW.replace(year=2100))
            audit.record(session, audit.Actor(who.user_id, who.means), "thing.made", target=f"thing:{thing}", now=NOW)
            if fail:
                raise ValueError("after the change")
            return Made(201, {"thing": thing, "secret": "shown once"}, {"Location": f"/v1/things/{thing}"})

        return await write(work)

    return router

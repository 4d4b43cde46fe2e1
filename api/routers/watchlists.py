"""Watchlists."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from sqlmodel import Session
from starlette.responses import Response

from api.dependencies import ContextDependency
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import signed_in
from api.security.principal import PrincipalDependency, Scope
from api.users import watchlists
from api.users.schemas import WatchlistChanges, WatchlistSettings, WatchlistShown
from api.versions import ExpectedVersion, versioned
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/watchlists", tags=["users"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
WatchlistId = Annotated[UUID, Path(description="`watchlist_id` of the list.")]


@router.get(
    "",
    dependencies=[signed_in(Scope.ACCOUNT_READ)],
    operation_id="listWatchlists",
    response_model=Page[WatchlistShown],
    summary="Watchlists",
    responses=documented(*_ALWAYS),
)
async def list_watchlists(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List your watchlists, oldest first."""
    found = await context.stores.in_session(lambda session: watchlists.read_all(session, who.person))
    return json_reply({"items": found, "next_cursor": None})


@router.post(
    "",
    dependencies=[signed_in(Scope.ACCOUNT_WRITE)],
    operation_id="createWatchlist",
    status_code=201,
    response_model=WatchlistShown,
    summary="Make a watchlist",
    responses=documented("conflict", "idempotency-conflict", *_ALWAYS),
)
async def create_watchlist(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: WatchlistSettings
) -> Response:
    """Make a list of markets, in the order you want them."""

    def work(session: Session) -> Made:
        made = watchlists.create(session, who.person, body.name, body.markets, context.clock())
        return Made(201, made, {"Location": f"/v1/watchlists/{made['watchlist_id']}"})

    return await write(work)


@router.get(
    "/{watchlist_id}",
    dependencies=[signed_in(Scope.ACCOUNT_READ)],
    operation_id="getWatchlist",
    response_model=WatchlistShown,
    summary="One watchlist",
    responses=_OF_ONE,
)
async def get_watchlist(context: ContextDependency, who: PrincipalDependency, watchlist_id: WatchlistId) -> Response:
    """Show one list."""
    return versioned(
        await context.stores.in_session(lambda session: watchlists.read(session, who.person, str(watchlist_id)))
    )


@router.patch(
    "/{watchlist_id}",
    dependencies=[signed_in(Scope.ACCOUNT_WRITE)],
    operation_id="updateWatchlist",
    response_model=WatchlistShown,
    summary="Change a watchlist",
    responses=documented("not-found", "precondition-failed", *_ALWAYS),
)
async def update_watchlist(
    context: ContextDependency,
    who: PrincipalDependency,
    watchlist_id: WatchlistId,
    body: WatchlistChanges,
    version: ExpectedVersion,
) -> Response:
    """Change the name, or the markets and their order. With `If-Match` no change made elsewhere is overwritten."""
    changes = body.model_dump(include=body.model_fields_set)
    return versioned(
        await context.stores.in_session(
            lambda session: watchlists.update(session, who.person, str(watchlist_id), changes, version)
        )
    )


@router.delete(
    "/{watchlist_id}",
    dependencies=[signed_in(Scope.ACCOUNT_WRITE)],
    operation_id="deleteWatchlist",
    status_code=204,
    summary="Delete a watchlist",
    responses=_OF_ONE,
)
async def delete_watchlist(context: ContextDependency, who: PrincipalDependency, watchlist_id: WatchlistId) -> Response:
    """Delete a list."""
    await context.stores.in_session(lambda session: watchlists.delete(session, who.person, str(watchlist_id)))
    return Response(status_code=204)

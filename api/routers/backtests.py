"""Backtests: asked for, followed, read."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlmodel import Session
from starlette.responses import Response

from api.backtests import requests
from api.backtests.schemas import BacktestChoices, BacktestCurve, BacktestShown, BacktestSweep, BacktestWanted
from api.dependencies import ContextDependency
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import signed_in
from api.security.principal import PrincipalDependency, Scope
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/backtests", tags=["backtests"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
BacktestId = Annotated[UUID, Path(description="`backtest_id` of the backtest.")]

# The page is one file with its own scripts; they run apart from everything that belongs to this origin.
_REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get(
    "/choices",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktestChoices",
    response_model=BacktestChoices,
    summary="What can be backtested",
    responses=documented(*_ALWAYS),
)
async def get_choices(context: ContextDependency, who: PrincipalDependency) -> Response:
    """Tell which strategies there are, what can be set, and how many backtests your plan still allows today."""

    def work(session: Session) -> dict[str, Any]:
        left = requests.left(session, who.person, who.entitlements, context.clock())
        return {**requests.choices(session), "left_today": left}

    return json_reply(await context.stores.reading(work))


@router.get(
    "",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="listBacktests",
    response_model=Page[BacktestShown],
    summary="Your backtests",
    responses=documented("invalid-cursor", *_ALWAYS),
)
async def list_backtests(
    context: ContextDependency,
    who: PrincipalDependency,
    limit: Annotated[int, Query(ge=1, le=100, description="Most backtests in the page.")] = 20,
    cursor: CursorParameter = None,
) -> Response:
    """List your backtests, newest first."""
    return json_reply(
        await context.stores.reading(lambda session: requests.read_page(session, who.person, limit, cursor))
    )


@router.post(
    "",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="createBacktest",
    status_code=202,
    response_model=BacktestShown,
    summary="Ask for a backtest",
    responses=documented("not-in-plan", "plan-limit", "idempotency-conflict", *_ALWAYS),
)
async def create_backtest(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: BacktestWanted
) -> Response:
    """Ask for a backtest of stored bars. It is run as soon as a runner is free; ask for it again to see how far it is.

    Nothing is in it that your plan does not show yet.
    """

    def work(session: Session) -> Made:
        made = requests.ask(session, who.person, who.entitlements, body, context.clock())
        return Made(202, made, {"Location": f"/v1/backtests/{made['backtest_id']}"})

    return await write(work)


@router.get(
    "/{backtest_id}",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktest",
    response_model=BacktestShown,
    summary="One backtest",
    responses=_OF_ONE,
)
async def get_backtest(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Show how far a backtest is, and what came of it."""
    return json_reply(
        await context.stores.reading(lambda session: requests.read(session, who.person, str(backtest_id)))
    )


@router.post(
    "/{backtest_id}/cancel",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="cancelBacktest",
    response_model=BacktestShown,
    summary="Give a backtest up",
    responses=_OF_ONE,
)
async def cancel_backtest(
    context: ContextDependency, who: PrincipalDependency, write: WriteDependency, backtest_id: BacktestId
) -> Response:
    """Stop a backtest, or do not begin it. One that has ended stays as it is."""

    def work(session: Session) -> Made:
        return Made(200, requests.cancel(session, who.person, str(backtest_id), context.clock()))

    return await write(work)


@router.delete(
    "/{backtest_id}",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="deleteBacktest",
    status_code=204,
    summary="Delete a backtest",
    responses=_OF_ONE,
)
async def delete_backtest(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Delete a backtest and all that came of it. It still counts for the day."""
    await context.stores.in_session(
        lambda session: requests.delete(session, who.person, str(backtest_id), context.clock())
    )
    return Response(status_code=204)


@router.get(
    "/{backtest_id}/curve",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktestCurve",
    response_model=BacktestCurve,
    summary="Equity of a backtest",
    responses=_OF_ONE,
)
async def get_curve(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Read equity and drawdown over time, to draw or compare them."""
    return await _document(context, who, backtest_id, "curve")


@router.get(
    "/{backtest_id}/sweep",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktestSweep",
    response_model=BacktestSweep,
    summary="Parameter sets of a sweep",
    responses=_OF_ONE,
)
async def get_sweep(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Read every parameter set that was tried, with its metrics."""
    return await _document(context, who, backtest_id, "sweep")


@router.get(
    "/{backtest_id}/result",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktestResult",
    response_model=dict[str, Any],
    summary="Everything a backtest found",
    responses=_OF_ONE,
)
async def get_result(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Read configuration, metrics, baselines, robustness and verdict, as `cap backtest --json` writes them."""
    return await _document(context, who, backtest_id, "result")


@router.get(
    "/{backtest_id}/report",
    dependencies=[signed_in(Scope.BACKTESTS)],
    operation_id="getBacktestReport",
    response_class=Response,
    summary="Report of a backtest",
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **_OF_ONE},
)
async def get_report(context: ContextDependency, who: PrincipalDependency, backtest_id: BacktestId) -> Response:
    """Read the report: one page that needs nothing else."""
    reply = await _document(context, who, backtest_id, "report")
    reply.headers["Content-Security-Policy"] = _REPORT_POLICY
    return reply


async def _document(
    context: ContextDependency,
    who: PrincipalDependency,
    backtest_id: UUID,
    name: Literal["report", "result", "curve", "sweep"],
) -> Response:
    body, media_type = await context.stores.reading(
        lambda session: requests.document(session, who.person, str(backtest_id), name)
    )
    return Response(body, media_type=media_type)

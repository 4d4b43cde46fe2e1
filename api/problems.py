"""Every error of the API in one shape: RFC 9457, ``application/problem+json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("api")


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem: what `type` names and what does not change from one occurrence to the next."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        """Address of its description, relative to the API."""
        return f"/problems/{self.name}"


_TYPES = (
    ProblemType(
        "unauthenticated", 401, "Not signed in", "No credentials came with the request, or none that are good now."
    ),
    ProblemType("forbidden", 403, "Not allowed", "The caller is known and may not do this."),
    ProblemType("not-in-plan", 403, "Not in the plan", "The caller's plan does not include what was asked for."),
    ProblemType("plan-limit", 403, "Plan limit reached", "The plan allows no more of these."),
    ProblemType("switched-off", 403, "Switched off", "A feature is not on for the caller at present."),
    ProblemType("csrf", 403, "Foreign page", "A browser sent this for a page that is not ours, or without its token."),
    ProblemType("not-found", 404, "Nothing is here", "The path or the id names nothing that exists."),
    ProblemType(
        "unknown-market", 404, "Unknown market", "No candles of this market, or of this timeframe, are stored."
    ),
    ProblemType("method-not-allowed", 405, "Method not allowed", "The path exists and takes other methods; see Allow."),
    ProblemType("not-acceptable", 406, "Not acceptable", "The path answers in other forms than those in Accept."),
    ProblemType("too-large", 413, "Request too large", "The request's body is larger than the API reads."),
    ProblemType(
        "invalid-parameters", 422, "Invalid parameters", "A parameter is missing or wrong; errors[] says which."
    ),
    ProblemType("invalid-cursor", 422, "Invalid cursor", "The cursor is not one this list gave for these filters."),
    ProblemType("idempotency-conflict", 422, "Key used before", "The Idempotency-Key was used for another request."),
    ProblemType(
        "invalid-token", 422, "Token not good", "What was sent by mail or shown once is not, or no longer, good."
    ),
    ProblemType("conflict", 409, "Conflict", "What is asked for does not go together with what there is."),
    ProblemType(
        "precondition-failed", 412, "Changed meanwhile", "What is to be changed is not as the caller knows it."
    ),
    ProblemType("too-many-requests", 429, "Too many requests", "Wait as long as Retry-After says."),
    ProblemType("too-many-streams", 429, "Too many streams", "The plan allows no more streams at once; close one."),
    ProblemType("payment-failed", 402, "Payment failed", "The payment did not go through; nothing was changed."),
    ProblemType("bad-signature", 400, "Bad signature", "The message is not signed by its sender, or is too old."),
    ProblemType(
        "provider-unavailable", 503, "Payment provider unavailable", "The payment provider did not answer; try again."
    ),
    ProblemType("not-configured", 501, "Not configured", "This instance was not set up for what was asked."),
    ProblemType("internal-error", 500, "Internal error", "A fault of the server; quote request_id when reporting it."),
    ProblemType("busy", 503, "Busy", "More is asked at once than can be answered; wait as long as Retry-After says."),
    ProblemType("store-unavailable", 503, "A store is unavailable", "A data store did not answer in time; try again."),
)
TYPES: Mapping[str, ProblemType] = {kind.name: kind for kind in _TYPES}
"""All problem types of their own by name. Other HTTP errors are of type ``about:blank``."""


class FieldError(BaseModel):
    """What is wrong with one parameter."""

    field: str = Field(examples=["limit"])
    message: str = Field(examples=["Input should be less than or equal to 5000"])


class ProblemBody(BaseModel):
    """An error reply, by RFC 9457."""

    type: str = Field(
        description="Names the kind of problem; resolves to its description.", examples=["/problems/unknown-market"]
    )
    title: str = Field(examples=["Unknown market"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong this time, and what to do.")
    instance: str = Field(description="Path of the request.", examples=["/v1/candles"])
    request_id: str = Field(description="Finds this request in the server's logs.")
    errors: list[FieldError] | None = Field(
        default=None, description="One entry a wrong parameter; only with status 422."
    )


class Problem(Exception):
    """Raised anywhere in a request to answer it with a problem.

    Parameters
    ----------
    name : str
        Key of `TYPES`.
    detail : str
        What is wrong this time and what to do, for people.
    errors : sequence of (field, message), optional
    headers : mapping, optional
    """

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = TYPES[name]
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class StoreUnavailable(Problem):
    """A store did not answer, or not in time."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__("store-unavailable", f"{store} {reason}; try again shortly", headers={"Retry-After": "2"})
        self.store = store
        self.reason = reason


def invalid(field: str, message: str) -> Problem:
    """Make the problem of one wrong parameter."""
    return Problem("invalid-parameters", f"{field}: {message}", errors=[(field, message)])


def respond(request: Request, problem: Problem) -> Response:
    """Write a problem as a reply."""
    return _respond(
        request,
        problem.kind.uri,
        problem.kind.title,
        problem.kind.status,
        problem.detail,
        problem.errors,
        problem.headers,
    )


def _respond(
    request: Request,
    type_: str,
    title: str,
    status: int,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": type_,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if errors:
        body["errors"] = [{"field": field, "message": message} for field, message in errors]
    return Response(_dump(body), status, dict(headers or {}), MEDIA_TYPE)


def _dump(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        # A path may hold lone surrogates, which are no Unicode text.
        return orjson.dumps(
            {
                key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
                for key, value in body.items()
            }
        )


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    if isinstance(error, StoreUnavailable):
        _log.warning("store_unavailable", store=error.store, reason=error.reason)
    return await _answer(request, respond(request, error))


async def _answer(connection: HTTPConnection, response: Response) -> Response:
    # Whoever asked for a WebSocket gets the same answer instead of one.
    if isinstance(connection, WebSocket) and connection.application_state is WebSocketState.CONNECTING:
        await connection.send_denial_response(response)
    return response


async def _on_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, (RequestValidationError, WebSocketRequestValidationError)):
        raise error
    found = [
        (".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]), one["msg"]) for one in error.errors()
    ]
    errors = [(field, message.removeprefix("Value error, ")) for field, message in found]
    detail = "; ".join(f"{field}: {message}" for field, message in errors)
    return await _answer(request, respond(request, Problem("invalid-parameters", detail, errors=errors)))


_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
_DETAILS = {
    404: "there is nothing at this path; /openapi.json lists what there is",
    405: "this path takes other methods; the Allow header lists them",
    413: "send a smaller body",
}


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    name = _BY_STATUS.get(error.status_code)
    detail = _DETAILS.get(error.status_code, error.detail or phrase)
    if name is None:
        return _respond(request, "about:blank", phrase, error.status_code, detail, headers=error.headers)
    return respond(request, Problem(name, detail, headers=error.headers))


def internal_error(request: Request) -> Response:
    """Answer a fault of the server's own: nothing of it is shown."""
    return respond(request, Problem("internal-error", "something went wrong here; it has been logged under request_id"))


def too_large(request: Request) -> Response:
    """Refuse a body before it is read."""
    return respond(request, Problem("too-large", _DETAILS[413]))


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(WebSocketRequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


def documented(*names: str) -> dict[int | str, dict[str, Any]]:
    """Make the ``responses`` of a route that may answer with these problems."""
    by_status: dict[int | str, list[str]] = {}
    for name in names:
        by_status.setdefault(TYPES[name].status, []).append(TYPES[name].meaning)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": " ".join(meanings), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, meanings in by_status.items()
    }

"""Requests with credentials, and tried again where that does no harm."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from api.client.errors import ApiError, NoAnswer, WrongField

_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_S = 60.0


class Transport:
    """Sends the requests of one client. Safe to share between threads.

    Reads are repeated when the connection breaks or the server is busy; so are writes, each under an
    ``Idempotency-Key`` of its own that stays the same over the tries, so that none takes effect twice.

    Parameters
    ----------
    base_url : str
    token : str, optional
        An API key or an access token.
    tries : int
        Most tries of a request.
    timeout_s : float
        Of one try.
    verify : bool or str
        Whether, or with which bundle, the server's certificate is checked.
    wait : callable
        Called with seconds between two tries.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        tries: int = 4,
        timeout_s: float = 30.0,
        verify: bool | str = True,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._tries = tries
        self._wait = wait
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout_s, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def headers(self) -> dict[str, str]:
        """Credentials."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def call(
        self,
        method: str,
        path: str,
        answer: Any,
        *,
        query: Mapping[str, Any] | None = None,
        body: BaseModel | Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send a request and read its answer as ``answer``: a model, ``bytes``, or ``None``'s type for nothing.

        Raises
        ------
        ApiError
            If the API answers with a problem.
        NoAnswer
            If it does not answer.
        """
        reply = self.send(method, path, query=query, body=body, headers=headers)
        if answer is bytes:
            return reply.content
        if not reply.content:
            return None
        return TypeAdapter(answer).validate_json(reply.content)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: BaseModel | Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Send a request, again where that does no harm; raises what `call` does."""
        sent = self.headers | {name: str(value) for name, value in (headers or {}).items() if value is not None}
        if method == "POST":
            sent.setdefault("Idempotency-Key", uuid.uuid4().hex)
        content = _json(body)
        parameters = httpx.QueryParams(tuple(_parameters(query or {})))
        for attempt in range(1, self._tries + 1):
            try:
                reply = self._http.request(method, path, params=parameters, json=content, headers=sent)
            except httpx.TransportError as error:
                if attempt == self._tries:
                    raise NoAnswer(f"{self.base_url} did not answer after {attempt} tries: {error}") from error
                self._wait(_pause(attempt))
                continue
            if reply.is_success or reply.status_code == 304:
                return reply
            problem = _problem(reply)
            if reply.status_code not in _AGAIN or attempt == self._tries:
                raise problem
            self._wait(_pause(attempt) if problem.retry_after is None else min(problem.retry_after, _LONGEST_WAIT_S))
        raise AssertionError("the last try returns or raises")


def part(value: object) -> str:
    """Write a value as one part of a path."""
    return quote(str(value), safe="")


def _pause(attempt: int) -> float:
    return random.uniform(0, min(0.2 * 2**attempt, _LONGEST_WAIT_S))  # noqa: S311 - spreads load, hides nothing


def _json(body: BaseModel | Mapping[str, Any] | None) -> Any:
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return body


def _parameters(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    given: list[tuple[str, str]] = []
    for name, value in query.items():
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        given += [(name, _text(one)) for one in several if one is not None]
    return given


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value if isinstance(value, Enum) else value)


def _problem(reply: httpx.Response) -> ApiError:
    try:
        body = reply.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    try:
        retry_after = float(reply.headers["retry-after"])
    except (KeyError, ValueError):
        retry_after = None
    return ApiError(
        reply.status_code,
        str(body.get("type", "about:blank")).rpartition("/")[2],
        str(body.get("title", reply.reason_phrase)),
        str(body.get("detail", "the answer does not say more")),
        str(body.get("request_id", reply.headers.get("x-request-id", ""))),
        [WrongField(str(one.get("field")), str(one.get("message"))) for one in body.get("errors", ())],
        retry_after,
    )

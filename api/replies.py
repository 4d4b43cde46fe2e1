"""Replies written straight to bytes: rows are not turned into objects on the way."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api import arrow
from stores.warehouse import Series

_JSON = "application/json"


def json_reply(body: Any, status: int = 200) -> Response:
    """Write a value as JSON; not-a-number and infinities become null."""
    return json_text_reply(orjson.dumps(body), status)


def json_text_reply(body: bytes, status: int = 200) -> Response:
    """Send what is JSON already."""
    return Response(body, status, media_type=_JSON)


def series_reply(series: Series, lines: Sequence[bytes], next_cursor: str | None) -> Response:
    """Write a page of rows that are JSON already."""
    head = orjson.dumps(
        {
            "market": str(series.market),
            "timeframe": series.timeframe,
            "simulated": series.market.simulated,
            "next_cursor": next_cursor,
        }
    )
    return Response(head[:-1] + b',"items":[' + b",".join(lines) + b"]}", media_type=_JSON)


def arrow_reply(series: Series, page: arrow.ArrowPage) -> Response:
    """Write a page of rows that are an Arrow stream already."""
    headers = {"X-Market": str(series.market), "X-Timeframe": series.timeframe}
    headers["X-Simulated"] = "true" if series.market.simulated else "false"
    if page.next_cursor is not None:
        headers["X-Next-Cursor"] = page.next_cursor
    return Response(page.stream, headers=headers, media_type=arrow.MEDIA_TYPE)


class Freshness(StrEnum):
    """How long a client may use a reply without asking again."""

    ASK = "private, no-cache"
    """It may have grown: asked again each time, and answered with 304 if it has not."""

    MINUTE = "private, max-age=60"
    """Nothing is added to it by time passing; a restated bar may take a minute to be seen."""


def conditional(request: Request, reply: Response, freshness: Freshness) -> Response:
    """Give a reply its entity tag, or answer 304 if the client has it already."""
    tag = f'W/"{blake2b(bytes(reply.body), digest_size=12).hexdigest()}"'
    # Compressed on the way out, so the tag is weak; what it stands for depends on who asks.
    kept = {"ETag": tag, "Cache-Control": freshness.value, "Vary": "Authorization, Cookie, X-API-Key, Accept-Encoding"}
    if tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=kept)
    reply.headers.update(kept)
    return reply

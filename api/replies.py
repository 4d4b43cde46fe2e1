"""Replies written straight to bytes: rows are not turned into objects on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from stores.warehouse import Series

_JSON = "application/json"


def json_reply(body: Any, status: int = 200) -> Response:
    """Write a value as JSON; not-a-number and infinities become null."""
    return Response(orjson.dumps(body), status, media_type=_JSON)


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

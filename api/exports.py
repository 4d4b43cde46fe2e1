"""Signals in bulk, as CSV or as lines of JSON, written page by page."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Any

import orjson

from api.connections import Stores
from api.reads.signals import read_oldest_first
from api.signal_parameters import Asked

_PAGE = 1_000
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

COLUMNS = (
    "signal_id",
    "market",
    "timeframe",
    "simulated",
    "strategy",
    "direction",
    "ts",
    "known_at",
    "published_at",
    "entry",
    "stop",
    "target_1",
    "target_2",
    "risk_reward",
    "score",
    "reasons",
    "zone_id",
    "decision",
    "size",
    "notional",
    "risk_amount",
    "risk_fraction",
    "status",
    "target_1_ts",
    "outcome",
    "outcome_ts",
    "result_r",
    "bars_held",
    "taken_down_at",
    "takedown_reason",
)


class ExportFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def media_type(self) -> str:
        """Content type."""
        return "text/csv; charset=utf-8" if self is ExportFormat.CSV else "application/jsonl"


async def export(stores: Stores, asked: Asked, form: ExportFormat) -> AsyncGenerator[bytes]:
    """Write every signal asked for, oldest first."""
    write = _csv if form is ExportFormat.CSV else _lines
    if form is ExportFormat.CSV:
        yield _csv_rows([COLUMNS])
    after = None
    while True:
        items, after = await _page(stores, asked, after)
        if items:
            yield write(items)
        if after is None:
            return


async def _page(stores: Stores, asked: Asked, after: Any) -> tuple[list[dict[str, Any]], Any]:
    return await stores.in_session(lambda session: read_oldest_first(session, asked.wanted, asked.sight, after, _PAGE))


def _lines(items: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


def _csv(items: list[dict[str, Any]]) -> bytes:
    rows: list[tuple[Any, ...]] = []
    for item in items:
        takedown = item["takedown"] or {}
        flat = {
            **item,
            "reasons": "; ".join(item["reasons"]),
            "taken_down_at": takedown.get("taken_down_at"),
            "takedown_reason": takedown.get("reason"),
        }
        rows.append(tuple(_cell(flat[name]) for name in COLUMNS))
    return _csv_rows(rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _csv_rows(rows: list[tuple[Any, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()

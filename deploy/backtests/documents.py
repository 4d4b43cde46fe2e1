"""What is kept of a backtest that somebody asked for: a summary to list, documents to open."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from deploy.reports.content import Line, ReportContent
from deploy.reports.curves import equity_line
from deploy.reports.exports import as_json
from deploy.reports.page import page
from deploy.reports.plots import thin

if TYPE_CHECKING:
    from engines.backtest.sweeps import SweepResult

_COLUMNS = 500
_HTML, _JSON = "text/html; charset=utf-8", "application/json"
_SUMMARIZED = ("bars", "first", "last", "metrics", "buy_and_hold", "out_of_sample", "verdict", "versions", "notes")


@dataclass(frozen=True)
class Document:
    """Something to open.

    Attributes
    ----------
    name, media_type : str
    body : bytes
    """

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Findings:
    """What came of a backtest.

    Attributes
    ----------
    summary : dict
    documents : tuple of Document
    """

    summary: dict[str, Any]
    documents: tuple[Document, ...] = field(default=())


def of_study(content: ReportContent) -> Findings:
    """Findings of a run or of walk-forward."""
    whole = as_json(content)
    return Findings(
        {name: whole[name] for name in _SUMMARIZED if name in whole},
        (
            Document("report", _HTML, page(content).encode()),
            Document("result", _JSON, _written(whole)),
            Document("curve", _JSON, _written(_curve(content))),
        ),
    )


def of_sweep(result: SweepResult, varied: list[str]) -> Findings:
    """Findings of a sweep."""
    rows = [_plain(row) for row in result.table.to_dicts()]
    chance = result.overfitting()
    overfitting = None if chance is None else _number(chance.probability)
    best = result.best()
    found = None if best is None else next(row for row in rows if all(row[name] == best[name] for name in varied))
    return Findings(
        {"sets": len(rows), "best": found, "overfitting": overfitting},
        (Document("sweep", _JSON, _written({"parameters": varied, "sets": rows, "overfitting": overfitting})),),
    )


def _curve(content: ReportContent) -> dict[str, Any]:
    own = _traded(content)
    drawdown = own.equity / np.maximum.accumulate(own.equity) - 1.0
    at, equity = thin(own.ts.astype(np.float64), own.equity, _COLUMNS)
    ts = at.astype(np.int64)
    held = content.baselines.buy_and_hold
    beside = None
    if held is not None and held.ts.shape[0]:
        beside = held.equity[np.clip(np.searchsorted(held.ts, ts, side="right") - 1, 0, None)].tolist()
    return {
        "ts": ts.tolist(),
        "equity": equity.tolist(),
        "drawdown": drawdown[np.searchsorted(own.ts, ts)].tolist(),
        "buy_and_hold": beside,
    }


def _traded(content: ReportContent) -> Line:
    """The curve the verdict is about: out of sample where there is one."""
    if content.out_of_sample is not None and content.out_of_sample.curve.ts.shape[0]:
        return content.out_of_sample.curve
    return equity_line(content.result.equity)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(value) if isinstance(value, float) else value for name, value in row.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _written(body: Any) -> bytes:
    return json.dumps(body, allow_nan=False, ensure_ascii=False, sort_keys=True, default=str).encode()

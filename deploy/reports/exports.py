"""A backtest in files for other programs. Every file is written under another name first and then takes its place."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.reports.content import ReportContent, Result
from deploy.reports.verdict import Verdict
from engines.backtest.result import BacktestResult


def write_json(path: Path, content: ReportContent) -> Path:
    """Write configuration, metrics, verdict and versions. Keys are sorted; what is not defined is null.

    Parameters
    ----------
    path : Path
        Replaced when the file is complete. Its folder is made.
    content : ReportContent

    Returns
    -------
    Path
        The same path.
    """
    made = json.dumps(as_json(content), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return write_whole(path, lambda at: at.write_text(f"{made}\n", encoding="utf-8"))


def as_json(content: ReportContent) -> dict[str, Any]:
    """What `write_json` writes."""
    result = content.result
    made: dict[str, Any] = {
        "title": content.title,
        "markets": list(result.markets),
        "timeframe": str(result.timeframe),
        "bars": content.bars.height,
        "first": _time(content.bars["ts"].min()),
        "last": _time(content.bars["ts"].max()),
        "config": result.config.as_json(),
        "parameters": {name: _value(value) for name, value in content.parameters.items()},
        "metrics": _numbers(result.metrics),
        "verdict": _verdict(content.verdict),
        "versions": dict(content.versions),
        "notes": list(content.notes),
    }
    if content.baselines.buy_and_hold is not None:
        made["buy_and_hold"] = _numbers(content.baselines.buy_and_hold.metrics)
    if content.out_of_sample is not None:
        made["out_of_sample"] = _numbers(content.out_of_sample.curve.metrics)
        made["walk_forward"] = {
            "windows": [_row(row) for row in content.out_of_sample.windows.iter_rows(named=True)],
            "facts": dict(content.out_of_sample.facts),
        }
    if content.robustness.stress:
        made["stress"] = {str(name): _numbers(row) for name, row in content.robustness.stress.metrics.items()}
    return made


def write_parquet(folder: Path, result: BacktestResult | Result) -> list[Path]:
    """Write ``trades.parquet``, ``fills.parquet`` and ``equity.parquet``, columns as `engines.backtest.rows` defines them.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    result : BacktestResult or Result

    Returns
    -------
    list of Path
    """
    frames = {"trades": result.trades, "fills": result.fills, "equity": result.equity}
    return [
        write_whole(folder / f"{name}.parquet", lambda at, frame=frame: frame.write_parquet(at, compression="zstd"))
        for name, frame in frames.items()
    ]


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a new file in the same folder, then put it in the place of ``path``; nothing is left if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    made = Path(name)
    try:
        write(made)
        made.chmod(0o644)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return path


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "finding": str(verdict.finding),
        "sentence": verdict.sentence,
        "out_of_sample": verdict.out_of_sample,
        "trades": verdict.trades,
        "measure": str(verdict.measure),
        "mean": _value(verdict.expectancy.mean),
        "interval": [_value(verdict.expectancy.low), _value(verdict.expectancy.high)],
        "probabilistic_sharpe": _value(verdict.probabilistic_sharpe),
        "p_random": _value(verdict.p_random),
    }


def _numbers(metrics: Mapping[str, float]) -> dict[str, Any]:
    return {name: _value(value) for name, value in metrics.items()}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _time(value) if isinstance(value, datetime) else _value(value) for name, value in row.items()}


def _value(value: object) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _time(value: Any) -> str | None:
    return None if value is None else value.isoformat()

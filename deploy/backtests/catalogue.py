"""What can be backtested, in the form in which those are told who cannot look at the engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, cast, get_type_hints

_GROUPS = ("fees", "slippage", "trailing")
_LISTED = "target_fractions"
"""A pair of numbers, which no form has a field for."""


def catalogue(strategies: Path | None) -> dict[str, Any]:
    """Strategies, fields of the account and metrics.

    Parameters
    ----------
    strategies : Path, optional
        Folder of the user's own; a bad one among them is left out.
    """
    return {"strategies": _strategies(strategies), "configuration": _configuration(), "metrics": _metrics()}


def _strategies(folder: Path | None) -> list[dict[str, Any]]:
    from engines.backtest.moving_average_cross import DEFAULTS, MovingAverageCross
    from engines.signals.compiling import BadStrategy
    from engines.signals.loading import load_strategies
    from engines.signals.strategy import registered, registered_names

    try:
        load_strategies(folder)
    except BadStrategy:
        # The folder is not there; the built-in ones are.
        load_strategies(None)
    made = [
        {
            "name": one.name,
            "version": one.version,
            "own": one.file is not None,
            "reasons": list(one.reasons),
            "stops": True,
            "parameters": _parameters(cast("Any", one.parameters)._asdict()),
        }
        for one in map(registered, registered_names())
    ]
    cross = {"name": MovingAverageCross.NAME, "version": 1, "own": False, "reasons": [], "stops": False}
    return [*made, {**cross, "parameters": _parameters(DEFAULTS)}]


def _parameters(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "default": value, "kind": _kind(value)} for name, value in values.items()]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "text"


def _configuration() -> list[dict[str, Any]]:
    from engines.backtest.config import BacktestConfig, Trailing

    config = BacktestConfig()
    made = _fields(config, "")
    for group in _GROUPS:
        part = getattr(config, group)
        made += _fields(Trailing() if part is None else part, f"{group}.")
    return made


def _fields(owner: Any, prefix: str) -> list[dict[str, Any]]:
    types = get_type_hints(type(owner))
    made: list[dict[str, Any]] = []
    for one in fields(owner):
        if one.name in (*_GROUPS, _LISTED):
            continue
        value, kind = getattr(owner, one.name), types[one.name]
        choices = [str(choice) for choice in kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else None
        plain = str(value) if choices else value
        row = {"name": f"{prefix}{one.name}", "default": plain, "kind": "choice" if choices else _kind(value)}
        made.append({**row, "choices": choices} if choices else row)
    return made


def _metrics() -> list[dict[str, Any]]:
    from engines.backtest.metrics.catalogue import CATALOGUE

    return [
        {
            "name": one.name,
            "title": one.title,
            "unit": str(one.unit),
            "better": str(one.better),
            "group": str(one.group),
            "definition": one.definition,
        }
        for one in CATALOGUE
    ]

"""Rows of signals and outcomes as the API writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.times import format_instant

_PUBLISHED = (
    "strategy",
    "direction",
    "entry",
    "stop",
    "target_1",
    "target_2",
    "risk_reward",
    "score",
    "reasons",
    "decision",
    "size",
    "notional",
    "risk_amount",
    "risk_fraction",
    "timeframe",
    "simulated",
)
_TIMES = ("ts", "known_at", "published_at")


def signal_item(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Write what was published of a signal; none of it ever changes."""
    return {
        "signal_id": str(row["signal_id"]),
        "market": f"{row['exchange']}:{row['symbol']}",
        **{name: row[name] for name in _PUBLISHED},
        **{name: format_instant(row[name]) for name in _TIMES},
        "zone_id": None if row["zone_id"] is None else str(row["zone_id"]),
    }


def outcome_item(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Write an outcome."""
    same = ("outcome", "price", "r_multiple", "bars_held")
    return {
        **{name: row[name] for name in same},
        "ts": format_instant(row["ts"]),
        "known_at": format_instant(row["known_at"]),
    }

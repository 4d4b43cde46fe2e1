"""Rows to publish, for tests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST_BAR = datetime(2024, 1, 1, tzinfo=UTC)
BAR = timedelta(minutes=15)


def signal_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Row of a signal decided at the close of bar ``number``; its id follows from the number and the market."""
    ts = FIRST_BAR + number * BAR
    row: dict[str, Any] = {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "timeframe": "15m",
        "strategy": "smc_pullback",
        "direction": 1,
        "ts": ts,
        "known_at": ts + BAR,
        "entry": 42_000.1 + number,
        "stop": 41_000.0,
        "target_1": 43_000.0,
        "target_2": 44_000.0,
        "risk_reward": 2.0,
        "score": 0.5,
        "reasons": ["higher timeframe up", "fresh order block"],
        "zone_id": None,
        "decision": "accepted",
        "size": 0.1,
        "notional": 4_200.01,
        "risk_amount": 100.01,
        "risk_fraction": 0.01,
        **changes,
    }
    name = f"{row['exchange']}:{row['symbol']}:{row['timeframe']}:{row['strategy']}:{number}"
    return {"signal_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), **row}


def outcome_row(signal: dict[str, Any], outcome: str, r_multiple: float, bars_held: int) -> dict[str, Any]:
    """Row of what became of a signal, ``bars_held`` bars later."""
    ts = signal["ts"] + bars_held * BAR
    return {
        "signal_id": signal["signal_id"],
        "outcome": outcome,
        "ts": ts,
        "known_at": ts + BAR,
        "price": signal["entry"] + r_multiple * (signal["entry"] - signal["stop"]),
        "r_multiple": r_multiple,
        "bars_held": bars_held,
    }

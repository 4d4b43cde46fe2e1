"""Signals to test what comes after them with: made by hand or at random, in the form the engines hand out."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from engines.signals.rows import OUTCOME_SCHEMA, SIGNAL_SCHEMA


def signal(ts_ms: int, direction: int, entry: float, stop: float, *targets: float, **rest: Any) -> dict[str, Any]:
    """One signal as a row; what is not given is made up from the rest."""
    last = targets[-1]
    return {
        "ts": ts_ms,
        "signal_id": f"{ts_ms}:{direction}:{entry}",
        "strategy": "hand_made",
        "direction": direction,
        "entry": entry,
        "stop": stop,
        "target_1": targets[0],
        "target_2": targets[1] if len(targets) > 1 else None,
        "risk_reward": abs(last - entry) / abs(entry - stop),
        "score": 0.5,
        "reasons": ["made by hand"],
        "zone_id": None,
        **rest,
    }


def signal_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of signals."""
    return _frame(rows, SIGNAL_SCHEMA)


def outcome(ts_ms: int, of: dict[str, Any], kind: str, price: float, bars_held: int = 1) -> dict[str, Any]:
    """One outcome of a signal as a row."""
    risk = abs(of["entry"] - of["stop"])
    return {
        "ts": ts_ms,
        "signal_id": of["signal_id"],
        "strategy": of["strategy"],
        "direction": of["direction"],
        "outcome": kind,
        "price": price,
        "r_multiple": (price - of["entry"]) * of["direction"] / risk,
        "bars_held": bars_held,
        "signal_ts": of["ts"],
    }


def outcome_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of outcomes."""
    return _frame(rows, OUTCOME_SCHEMA)


def random_signals(bars: pl.DataFrame, seed: int, density: float = 0.05) -> pl.DataFrame:
    """Signals at the closes of random bars, some bars with several, some without a second target."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    times = bars["ts"].to_physical().to_list()
    for ts, close in zip(times, bars["close"].to_list(), strict=True):
        for number in range(int(random.random() < density) + int(random.random() < density / 4)):
            direction = int(random.choice([-1, 1]))
            risk = close * float(random.uniform(0.001, 0.02))
            reward = risk * float(random.uniform(0.5, 1.5))
            targets = [close + direction * reward]
            if random.random() < 0.7:
                targets.append(targets[0] + direction * risk * float(random.uniform(0.2, 2.0)))
            if min(*targets, close - direction * risk) <= 0.0:
                continue
            identity = {"signal_id": f"{ts}-{number}", "strategy": f"random_{number}"}
            rows.append(signal(ts, direction, close, close - direction * risk, *targets, **identity))
    return signal_frame(rows)


def within(rows: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """The rows of these bars."""
    if bars.is_empty():
        return rows.clear()
    return rows.filter(pl.col("ts").is_between(bars["ts"][0], bars["ts"][-1]))


def _frame(rows: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    physical = {name: pl.Int64 if name in {"ts", "signal_ts"} else dtype for name, dtype in schema.items()}
    return pl.DataFrame(rows, schema=physical, orient="row").cast(dict(schema))

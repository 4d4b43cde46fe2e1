"""Logs of made-up markets that keep every law of the real ones, as rows of the warehouse's tables."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from stores.warehouse import Warehouse

Row = dict[str, Any]
START = datetime(2024, 1, 1, tzinfo=UTC)
STORED = datetime(2024, 6, 1, 12, tzinfo=UTC)
_LENGTHS = {"1m": timedelta(minutes=1), "15m": timedelta(minutes=15), "1h": timedelta(hours=1)}
_ENDS = {"order_block": ["invalidated", "expired"], "breaker": ["invalidated", "expired"], "fvg": ["filled", "expired"]}


@dataclass
class Logs:
    """Rows of the warehouse's tables by table name, without the database."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, row: Row) -> None:
        self.tables.setdefault(table, []).append(row)

    def insert(self, warehouse: Warehouse) -> None:
        """Write every table; columns take their types from the server."""
        for table, rows in self.tables.items():
            warehouse.insert(f"market.{table}", _frame(rows))

    def of(self, table: str) -> list[Row]:
        return self.tables.get(table, [])


def _frame(rows: list[Row]) -> pl.DataFrame:
    casts = {
        **dict.fromkeys(("ts", "gap_end", "ts_last", "origin_ts", "signal_ts", "first_ts"), pl.Datetime("ms", "UTC")),
        **dict.fromkeys(("ingested_at", "made_at"), pl.Datetime("us", "UTC")),
        **dict.fromkeys(("side", "direction", "bias"), pl.Int8),
        **dict.fromkeys(
            ("base_bars", "missing_bars", "bars_held", "sequence", "open_positions", "bars", "signals", "trades"),
            pl.UInt32,
        ),
        **dict.fromkeys(("scale", "label", "rule", "zone_id"), pl.String),
        **dict.fromkeys(
            (
                "target_2",
                "rule_value",
                "rule_limit",
                "volume",
                "sharpe",
                "probabilistic_sharpe",
                "expectancy_r",
                "stddev_r",
            ),
            pl.Float64,
        ),
    }
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.cast({name: dtype for name, dtype in casts.items() if name in frame.columns})


def known_at(row: Row) -> datetime:
    """Close of the row's bar."""
    return row["ts"] + _LENGTHS[row["timeframe"]]


def read_rows(warehouse: Warehouse, sql: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    """Rows of a query; times carry their zone, which the driver leaves out."""

    def zoned(value: Any) -> Any:
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value

    rows = warehouse.query_rows(sql, parameters)
    return [{name: zoned(value) for name, value in row.items()} for row in rows]


def random_series(
    logs: Logs, exchange: str, symbol: str, timeframe: str, *, bars: int, seed: int, zones: int = 0, signals: int = 0
) -> None:
    """Add a series to the logs: bars with outages, structure, zones with whole lives, signals and what became of them."""
    rng = random.Random(f"{seed}|{exchange}|{symbol}|{timeframe}")
    key = {"exchange": exchange, "symbol": symbol, "timeframe": timeframe}
    times = _add_bars(logs, key, bars, rng)
    _add_structure(logs, key, times, rng)
    zone_ids = _add_zones(logs, key, times, zones, rng)
    _add_backtests(logs, key, times, rng)
    _add_signals(logs, key, times, zone_ids, signals, rng)


def _add_bars(logs: Logs, key: Row, count: int, rng: random.Random) -> list[datetime]:
    step, ts, close = _LENGTHS[key["timeframe"]], START, 100.0
    times: list[datetime] = []
    for _ in range(count):
        opened, close = close, close * (1 + rng.uniform(-0.01, 0.01))
        high, low = max(opened, close) * (1 + rng.random() * 0.005), min(opened, close) * (1 - rng.random() * 0.005)
        ohlcv = {"open": opened, "high": high, "low": low, "close": close}
        volume = 0.0 if rng.random() < 0.02 else rng.uniform(1, 9)
        source = "sim" if key["exchange"] == "sim" else "files"
        base = {"base_timeframe": key["timeframe"], "base_bars": 1, "source": source, "ingested_at": STORED}
        logs.add("candles", {**key, "ts": ts, **ohlcv, "volume": volume, **base})
        range_top, position = 100 + rng.random(), rng.random()
        ranges = {"range_top": range_top, "range_bottom": 90.0, "range_position": position}
        logs.add("indicators", {**key, "ts": ts, **ranges})
        times.append(ts)
        missing = rng.choice([0] * 97 + [1, 3, 40])
        if missing:
            gap = {"gap_end": ts + missing * step, "missing_bars": missing, "ingested_at": STORED}
            logs.add("candle_gaps", {**key, "ts": ts + step, **gap})
        ts += step * (1 + missing)
    # A gap after the newest bar is not one yet.
    recorded = logs.of("candle_gaps")
    if recorded and recorded[-1]["ts"] > times[-1] and recorded[-1]["symbol"] == key["symbol"]:
        recorded.pop()
    return times


def _add_backtests(logs: Logs, key: Row, times: list[datetime], rng: random.Random) -> None:
    for strategy in ("breakout", "pullback"):
        trades = rng.choice([0, 1, 12, 80, 400])
        run = {"strategy": strategy, "run_id": f"{rng.getrandbits(128):032x}", "version": "1", "finer_timeframe": ""}
        counts = {"bars": len(times), "signals": trades + 3, "trades": trades}
        known = {"win_rate": rng.random(), "profit_factor": rng.random() * 3} if trades else {}
        numbers = {
            "total_return": rng.uniform(-0.5, 0.5),
            "buy_and_hold_return": rng.uniform(-0.5, 0.5),
            "sharpe": rng.uniform(-2, 2) if trades else None,
            "probabilistic_sharpe": rng.random() if trades else None,
            "max_drawdown": rng.random(),
            "expectancy_r": rng.uniform(-1, 1) if trades else None,
            "stddev_r": rng.uniform(0.2, 2) if trades > 1 else None,
        }
        metrics = json.dumps({**known, "time_in_market": rng.random(), "fees": rng.random()})
        ends = {"ts": times[-1], "first_ts": times[0], "made_at": STORED}
        logs.add("backtest_runs", {**key, **ends, **run, **counts, **numbers, "config": "{}", "metrics": metrics})


def _add_structure(logs: Logs, key: Row, times: list[datetime], rng: random.Random) -> None:
    for scale, span in (("micro", 3), ("internal", 5), ("swing", 50)):
        bias: int | None = None if scale == "micro" else 0
        seen = {"swing_high": False, "swing_low": False}
        for t in range(span, len(times)):
            if rng.random() > 2 / span:
                continue
            kind = rng.choice(["swing_high", "swing_low"])
            label = rng.choice(["HH", "LH"] if kind == "swing_high" else ["HL", "LL"]) if seen[kind] else None
            seen[kind] = True
            row = {**key, "ts": times[t], "scale": scale, "origin_ts": times[t - span], "level": rng.uniform(90, 110)}
            sign = -1 if kind == "swing_high" else 1
            logs.add("structure_events", {**row, "kind": kind, "direction": sign, "label": label, "bias": bias})
            if scale == "micro":
                if rng.random() < 0.2:
                    equal = "eqh" if kind == "swing_high" else "eql"
                    logs.add("structure_events", {**row, "kind": equal, "direction": sign, "label": None, "bias": None})
                continue
            for direction in (1, -1):
                if rng.random() < 0.4:
                    name = "choch" if bias == -direction else "bos"
                    bias = direction
                    event = {"kind": name, "direction": direction, "label": None, "bias": bias}
                    logs.add("structure_events", {**row, **event})


def _add_zones(logs: Logs, key: Row, times: list[datetime], count: int, rng: random.Random) -> list[tuple[int, str]]:
    made: list[tuple[int, str]] = []
    # No two blocks of one scale and side share their origin while both live: each gets an origin of its own.
    origins = rng.sample(range(len(times) - 20), count)
    for origin in origins:
        kind = rng.choice(["order_block", "fvg", "liquidity"])
        scale = {"order_block": rng.choice(["internal", "swing"]), "fvg": None, "liquidity": "micro"}[kind]
        bottom = rng.uniform(90, 100)
        top = bottom if kind == "liquidity" else bottom + rng.uniform(1, 5)
        zone = {"side": rng.choice([1, -1]), "scale": scale, "top": top, "bottom": bottom, "origin_ts": times[origin]}
        _add_life(logs, {**key, **zone, "volume": rng.uniform(1, 9)}, kind, origin + 5, times, rng, made)
    return made


def _add_life(
    logs: Logs, zone: Row, kind: str, created: int, times: list[datetime], rng: random.Random, made: list[Any]
) -> None:
    identity = str(uuid.UUID(int=rng.getrandbits(128)))
    made.append((created, identity))

    def add(event: str, at: int) -> None:
        row = {"ts": times[at], "zone_id": identity, "kind": kind, "event": event, "sequence": rng.randrange(9)}
        logs.add("zone_events", {**zone, **row})

    add("created", created)
    if created + 1 >= len(times) or rng.random() < 0.2:
        return
    last = rng.randrange(created + 1, len(times))
    if kind == "liquidity":
        add(rng.choice(["swept", "broken", "expired"]), last)
        return
    end = rng.choice(_ENDS[kind])
    touched = rng.randrange(created + 1, last + 1)
    mitigated = rng.randrange(touched, last + 1)
    if end == "filled" or rng.random() < 0.7:
        add("touched", touched)
        if end == "filled" or rng.random() < 0.7:
            add("mitigated", mitigated)
    if rng.random() < 0.2:
        return
    add(end, last)
    if kind == "order_block" and end == "invalidated":
        _add_life(logs, {**zone, "side": -zone["side"]}, "breaker", last, times, rng, made)


def _add_signals(
    logs: Logs, key: Row, times: list[datetime], zones: list[tuple[int, str]], count: int, rng: random.Random
) -> None:
    for t in sorted(rng.sample(range(1, len(times) - 1), count)):
        direction, entry, risk = rng.choice([1, -1]), rng.uniform(90, 110), rng.uniform(1, 3)
        identity = str(uuid.UUID(int=rng.getrandbits(128)))
        strategy = rng.choice(["smc_pullback", "trend_following"])
        behind = [zone_id for created, zone_id in zones if created <= t]
        second = entry + direction * risk * 3 if rng.random() < 0.8 else None
        prices = {"entry": entry, "stop": entry - direction * risk, "target_1": entry + direction * risk}
        head = {**key, "ts": times[t], "signal_id": identity, "strategy": strategy, "direction": direction}
        judged = {"target_2": second, "risk_reward": 3.0 if second else 1.0, "score": rng.random()}
        zone = rng.choice(behind) if behind and rng.random() < 0.6 else None
        logs.add("signals", {**head, **prices, **judged, "reasons": ["because", "it's so"], "zone_id": zone})
        _add_decision(logs, head, entry, rng)
        _add_outcomes(logs, head, entry, risk, second is not None, t, times, rng)


def _add_decision(logs: Logs, head: Row, entry: float, rng: random.Random) -> None:
    decision = rng.choice(["accepted", "accepted", "resized", "rejected"])
    size = 0.0 if decision == "rejected" else rng.uniform(0.1, 2)
    rule = {"rule": None, "rule_value": None, "rule_limit": None}
    if decision != "accepted":
        rule = {"rule": "gross_exposure", "rule_value": 1.2, "rule_limit": 1.0}
    position = {"size": size, "notional": size * entry, "risk_amount": size, "risk_fraction": size / 1000}
    account = {"equity": 1000.0, "open_positions": 0}
    logs.add("risk_decisions", {**head, "decision": decision, **rule, **position, **account})


def _add_outcomes(
    logs: Logs, head: Row, entry: float, risk: float, two: bool, t: int, times: list[datetime], rng: random.Random
) -> None:
    end = rng.randrange(t + 1, len(times))

    def add(outcome: str, at: int, r: float) -> None:
        price = entry + head["direction"] * r * risk
        result = {"outcome": outcome, "price": price, "r_multiple": r, "bars_held": at - t, "signal_ts": times[t]}
        logs.add("signal_outcomes", {**head, "ts": times[at], **result})

    fate = rng.choice(["open", "stopped", "target", "expired"])
    if fate == "open":
        return
    if two and (fate == "target" or rng.random() < 0.3):
        add("target_1", rng.randrange(t + 1, end + 1), 1.0)
    if fate == "stopped":
        add("stopped", end, -1.0)
    elif fate == "expired":
        add("expired", end, rng.choice([0.0, rng.uniform(-0.9, 0.9)]))
    else:
        add("target_2" if two else "target_1", end, 3.0 if two else 1.0)

"""Known rows for the API to serve: one real market with a gap and a restated bar, one simulated, signals of both."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from stores import database
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.stores.signal_rows import BAR, FIRST_BAR, outcome_row, signal_row

BARS = 400
GAP = range(100, 110)
RESTATED = 7
NUMBERS = [number for number in range(BARS) if number not in GAP]
ZONE_ID = "0b7f2c5e-5a51-5d36-9a4c-5f0a8a4a4a01"

_MS = pl.Datetime("ms", "UTC")
_US = pl.Datetime("us", "UTC")
_STORED = datetime(2024, 6, 1, tzinfo=UTC)


def ts(number: int, bar: timedelta = BAR) -> datetime:
    """Open time of bar ``number``."""
    return FIRST_BAR + number * bar


def text(moment: datetime) -> str:
    """An instant as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def series(exchange: str = "binance", symbol: str = "BTCUSDT", timeframe: str = "15m") -> dict[str, str]:
    """Columns of a series."""
    return {"exchange": exchange, "symbol": symbol, "timeframe": timeframe}


def candle(number: int, bar: timedelta = BAR, version: int = 0, **of: str) -> dict[str, Any]:
    """A candle whose prices follow from its number."""
    price = 42_000 + math.sin(number) * 100 + version
    return {
        **series(**of),
        "ts": ts(number, bar),
        "open": price,
        "high": price + 10.1,
        "low": price - 10.1,
        "close": price + 1 / 3,
        "volume": 1e-9 * (number + 1),
        "base_timeframe": "1m",
        "base_bars": 15,
        "source": "files",
        "ingested_at": _STORED + timedelta(seconds=version),
    }


def insert(warehouse: Warehouse, table: str, rows: list[dict[str, Any]], **types: Any) -> None:
    """Insert rows; times are milliseconds but for the time of storing."""
    known = {"ts": _MS, "origin_ts": _MS, "signal_ts": _MS, "decided_at": _MS, "ingested_at": _US, **types}
    schema = {name: known[name] for name in rows[0] if name in known}
    warehouse.insert(f"market.{table}", pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None))


def indicators(number: int) -> dict[str, Any]:
    """Indicators of a bar: the long ones do not exist yet, one is not a number, the rest follow from the number."""
    return {
        **series(),
        "ts": ts(number),
        "ema_9": 42_000.5 + number,
        "rsi_14": math.nan if number == 3 else 50.0,
        "ema_200": None if number < 200 else 1.0,
    }


def structure(number: int, scale: str, kind: str, direction: int, **more: Any) -> dict[str, Any]:
    """A structure event."""
    return {
        **series(),
        "ts": ts(number),
        "scale": scale,
        "kind": kind,
        "direction": direction,
        "level": 42_000.0,
        "origin_ts": ts(max(0, number - 5)),
        "label": more.get("label"),
        "bias": more.get("bias"),
    }


STRUCTURE = [
    structure(5, "micro", "swing_high", -1, label="HH"),
    structure(5, "micro", "eqh", -1),
    structure(5, "internal", "swing_high", -1, label="LH", bias=0),
    structure(5, "internal", "bos", 1, bias=1),
    structure(5, "swing", "choch", -1, bias=-1),
    structure(9, "micro", "swing_low", 1, label="HL"),
    structure(12, "internal", "choch", -1, bias=-1),
]
"""In the order in which they happen."""


def zone_event(number: int, zone: str, event: str, kind: str = "order_block", **more: Any) -> dict[str, Any]:
    """An event of a zone."""
    return {
        **series(),
        "ts": ts(number),
        "zone_id": zone,
        "kind": kind,
        "event": event,
        "side": more.get("side", 1),
        "scale": more.get("scale", "internal"),
        "top": 42_010.5,
        "bottom": 41_990.5,
        "origin_ts": ts(max(0, number - 3)),
        "volume": more.get("volume", 12.5),
        "sequence": 0,
    }


ZONES = [
    zone_event(10, ZONE_ID, "created"),
    zone_event(20, ZONE_ID, "touched"),
    zone_event(21, ZONE_ID, "mitigated"),
    zone_event(30, ZONE_ID, "invalidated"),
    zone_event(30, "breaker-1", "created", "breaker", side=-1),
    zone_event(40, "gap-1", "created", "fvg", scale=None, volume=None),
    zone_event(41, "gap-1", "touched", "fvg", scale=None, volume=None),
    zone_event(42, "gap-2", "created", "fvg", scale=None, volume=None, side=-1),
    zone_event(43, "gap-2", "touched", "fvg", scale=None, volume=None, side=-1),
    zone_event(43, "gap-2", "filled", "fvg", scale=None, volume=None, side=-1),
    zone_event(50, "pool-1", "created", "liquidity", scale="micro", side=-1),
]

SIGNALS = [
    signal_row(20, zone_id=ZONE_ID),
    signal_row(60, direction=-1, stop=43_000.0, target_1=41_000.0, target_2=None, decision="resized"),
    signal_row(70),
    signal_row(80),
    signal_row(90, strategy="structure_breakout"),
    signal_row(2, exchange="sim", symbol="ETHUSDT", timeframe="1h", known_at=ts(3, timedelta(hours=1))),
]
OUTCOMES = [
    outcome_row(SIGNALS[0], "target_1", 1.0, 2),
    outcome_row(SIGNALS[0], "target_2", 2.5, 6),
    # No second target: the first one ends it.
    outcome_row(SIGNALS[1], "target_1", 1.5, 4),
    # Reached its first target, and went on to its stop: a loss.
    outcome_row(SIGNALS[2], "target_1", 1.0, 3),
    outcome_row(SIGNALS[2], "stopped", -1.0, 9),
    # Signal 3 has reached its first target and is still open.
    outcome_row(SIGNALS[3], "target_1", 1.0, 3),
]


def risk_decision(signal: dict[str, Any]) -> dict[str, Any]:
    """Decision of the risk stage on a signal."""
    resized = signal["decision"] == "resized"
    return {
        **series(signal["exchange"], signal["symbol"], signal["timeframe"]),
        **{name: signal[name] for name in ("ts", "signal_id", "strategy", "direction", "decision")},
        "rule": "max_notional" if resized else None,
        "rule_value": 1.5 if resized else None,
        "rule_limit": 1.0 if resized else None,
        **{name: signal[name] for name in ("size", "notional", "risk_amount", "risk_fraction")},
        "equity": 10_001.0,
        "open_positions": 1,
        "reasons": ["max_notional: 1.5 of equity, more than 1"] if resized else [],
        "sizing": "fixed_fraction",
        "wanted_notional": 6_300.5,
        "margin": 1_400.25,
        "liquidation_price": 12_345.5,
        "gross_exposure": 0.5,
        "net_exposure": -0.25,
        "open_risk": 0.015,
        "cluster": "binance:BTCUSDT",
        "cluster_exposure": 0.375,
        "account": "paper",
        "version": "risk-1",
        "decided_at": _STORED,
    }


def fill(settings: Settings) -> None:
    """Store all of it."""
    hour = timedelta(hours=1)
    with closing(Warehouse.connect(settings, origin="test")) as warehouse:
        insert(warehouse, "candles", [candle(number) for number in NUMBERS])
        insert(warehouse, "candles", [candle(RESTATED, version=5)])
        insert(warehouse, "candles", [candle(number, hour, timeframe="1h") for number in range(50)])
        insert(
            warehouse,
            "candles",
            [candle(number, hour, exchange="sim", symbol="ETHUSDT", timeframe="1h") for number in range(30)],
        )
        insert(warehouse, "indicators", [indicators(number) for number in NUMBERS])
        # Stored twice, as after a write that was repeated: every read must show each row once.
        for _ in range(2):
            insert(warehouse, "structure_events", STRUCTURE[::-1])
            insert(warehouse, "zone_events", ZONES)
        insert(warehouse, "risk_decisions", [risk_decision(signal) for signal in SIGNALS])
    engine = database.engine(settings)
    with database.session(engine) as session:
        database.publish(session, SIGNALS)
        database.publish_outcomes(session, OUTCOMES)
    engine.dispose()

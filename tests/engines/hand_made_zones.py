"""A few bars by hand that make one zone, so that its life can be followed bar by bar. Supply is demand turned upside down."""

from __future__ import annotations

from typing import Any

import polars as pl

from engines.structure.rows import STRUCTURE_SCHEMA
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine
from tests.engines.market_bars import START_MS, bars_frame

STEP = Timeframe.M15.milliseconds
Ohlc = tuple[float, float, float, float]

_AXIS = 1_000.0
"""Prices are turned upside down around half of it: the relative bodies that gaps need stay alike."""


def ts(bar: int) -> int:
    """Open time of a bar."""
    return START_MS + bar * STEP


def event(bar: int, scale: str, kind: str, direction: int, level: float, origin: int) -> dict[str, Any]:
    """Structure event of a bar."""
    label, bias = None, None if scale == "micro" else direction
    return {
        "ts": ts(bar),
        "scale": scale,
        "kind": kind,
        "direction": direction,
        "level": level,
        "origin_ts": ts(origin),
        "label": label,
        "bias": bias,
    }


class Turned:
    """Demand as it is written (side +1), or everything upside down (side -1)."""

    def __init__(self, side: int) -> None:
        self.side = side

    def price(self, value: float) -> float:
        return value if self.side > 0 else _AXIS - value

    def bar(self, bar: Ohlc) -> Ohlc:
        open_, high, low, close = (self.price(value) for value in bar)
        return (open_, high, low, close) if self.side > 0 else (open_, low, high, close)

    def structure(self, one: dict[str, Any]) -> dict[str, Any]:
        if self.side > 0:
            return one
        twins = {"swing_high": "swing_low", "swing_low": "swing_high", "eqh": "eql", "eql": "eqh"}
        bias = one["bias"]
        return {
            **one,
            "kind": twins.get(one["kind"], one["kind"]),
            "direction": -one["direction"],
            "level": self.price(one["level"]),
            "bias": None if bias is None else -bias,
        }


def frame(bars: list[Ohlc]) -> pl.DataFrame:
    """Bars of volume 10, 11, 12 and so on."""
    columns = list(zip(*bars, strict=True))
    return bars_frame([ts(k) for k in range(len(bars))], *columns, [10.0 + k for k in range(len(bars))])


def events_frame(events: list[dict[str, Any]]) -> pl.DataFrame:
    rows = pl.DataFrame(events, schema={name: pl.Int64 if "ts" in name else d for name, d in STRUCTURE_SCHEMA.items()})
    return rows.cast(dict(STRUCTURE_SCHEMA))


def zone_events(side: int, bars: list[Ohlc], events: list[dict[str, Any]], **parameters: Any) -> pl.DataFrame:
    """Zone rows of hand-made bars and structure events, as they are or upside down."""
    turned = Turned(side)
    engine = ZoneEngine(**{"internal": 1, "swing": 2, **parameters})
    return engine.advance(
        frame([turned.bar(bar) for bar in bars]), events_frame([turned.structure(one) for one in events])
    )


def story(rows: pl.DataFrame, first: int) -> list[tuple[int, str, str, int]]:
    """Bar (counted from ``first``), kind, event and side of each row."""
    return [
        ((at - START_MS) // STEP - first, kind, what, side)
        for at, kind, what, side in rows.select(pl.col("ts").to_physical(), "kind", "event", "side").iter_rows()
    ]

"""Market structure in plain Python, word for word from its definition: lists, ``max()`` and rescans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

SCALES = ("micro", "internal", "swing")


@dataclass(frozen=True)
class Bar:
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class StructureEvent:
    t: int
    ts: int
    scale: str
    kind: str
    direction: int
    level: float
    origin: int
    origin_ts: int
    label: str | None
    bias: int | None

    def row(self) -> tuple[Any, ...]:
        """Values in the order of the columns of the frame."""
        return (
            self.ts,
            self.scale,
            self.kind,
            self.direction,
            self.level,
            self.origin_ts,
            self.label,
            self.bias,
        )


@dataclass
class Pivot:
    price: float
    origin: int
    crossed: bool = False


@dataclass
class ScaleMemory:
    leg: str = "none"
    bias: int = 0
    highs: list[Pivot] = field(default_factory=list)
    lows: list[Pivot] = field(default_factory=list)


def bar_list(frame: pl.DataFrame) -> list[Bar]:
    """Bars of a frame; times in ms."""
    return [Bar(*row) for row in frame.with_columns(pl.col("ts").to_physical()).iter_rows()]


def average_true_range(bars: list[Bar], period: int) -> list[float | None]:
    """Wilder's average of the true range; bar 0 has none, so the first value is at index ``period``."""
    values: list[float | None] = []
    ranges: list[float] = []
    for t, bar in enumerate(bars):
        if t == 0:
            values.append(None)
            continue
        before = bars[t - 1].close
        ranges.append(max(bar.high, before) - min(bar.low, before))
        if t < period:
            values.append(None)
        elif t == period:
            total = 0.0
            for one in ranges:
                total += one
            values.append(total / period)
        else:
            last = values[-1]
            assert last is not None
            values.append(last + (ranges[-1] - last) * (1.0 / period))
    return values


def structure_events(
    bars: list[Bar],
    *,
    micro: int = 3,
    internal: int = 5,
    swing: int = 50,
    equal_threshold: float = 0.1,
    atr_period: int = 200,
) -> list[StructureEvent]:
    """All structure events, in order."""
    atr = average_true_range(bars, atr_period)
    memories = {scale: ScaleMemory() for scale in SCALES}
    events: list[StructureEvent] = []
    for t in range(len(bars)):
        for scale, n in zip(SCALES, (micro, internal, swing), strict=True):
            memory = memories[scale]

            def emit(
                kind: str,
                direction: int,
                level: float,
                origin: int,
                label: str | None = None,
                *,
                at: int = t,
                where: str = scale,
                of: ScaleMemory = memory,
            ) -> None:
                bias = None if where == "micro" else of.bias
                events.append(
                    StructureEvent(at, bars[at].ts, where, kind, direction, level, origin, bars[origin].ts, label, bias)
                )

            p = t - n
            if p >= 0:
                upper = bars[p].high > max(bar.high for bar in bars[p + 1 : t + 1])
                lower = bars[p].low < min(bar.low for bar in bars[p + 1 : t + 1])
                if upper and memory.leg != "down":
                    memory.leg = "down"
                    price = bars[p].high
                    before = memory.highs[-1].price if memory.highs else None
                    memory.highs.append(Pivot(price, p))
                    emit("swing_high", -1, price, p, None if before is None else "HH" if price > before else "LH")
                    near = equal_threshold * atr[t] if atr[t] is not None else None
                    if scale == "micro" and before is not None and near is not None and abs(price - before) < near:
                        emit("eqh", -1, max(price, before), p)
                elif lower and memory.leg != "up":
                    memory.leg = "up"
                    price = bars[p].low
                    before = memory.lows[-1].price if memory.lows else None
                    memory.lows.append(Pivot(price, p))
                    emit("swing_low", 1, price, p, None if before is None else "LL" if price < before else "HL")
                    near = equal_threshold * atr[t] if atr[t] is not None else None
                    if scale == "micro" and before is not None and near is not None and abs(price - before) < near:
                        emit("eql", 1, min(price, before), p)
            if scale == "micro":
                continue
            if memory.highs and not memory.highs[-1].crossed and bars[t].close > memory.highs[-1].price:
                kind = "choch" if memory.bias == -1 else "bos"
                memory.bias = 1
                memory.highs[-1].crossed = True
                emit(kind, 1, memory.highs[-1].price, memory.highs[-1].origin)
            if memory.lows and not memory.lows[-1].crossed and bars[t].close < memory.lows[-1].price:
                kind = "choch" if memory.bias == 1 else "bos"
                memory.bias = -1
                memory.lows[-1].crossed = True
                emit(kind, -1, memory.lows[-1].price, memory.lows[-1].origin)
    return events

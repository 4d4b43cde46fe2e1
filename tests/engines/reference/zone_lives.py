"""Zones in plain Python, word for word from their definition: every zone is looked at on every bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from tests.engines.reference.pivots import Bar, StructureEvent, average_true_range

NAMESPACE = UUID("6f1c0c1e-6c55-5b0e-9d0a-3f2f8d1b7a94")


@dataclass
class Zone:
    kind: str
    side: int
    scale: str | None
    top: float
    bottom: float
    origin_ts: int
    created: int
    created_ts: int
    volume: float | None
    had: set[str] = field(default_factory=set)
    ended: bool = False

    @property
    def mid(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def group(self) -> tuple[str, str | None, int]:
        return (self.kind, self.scale, self.side)


@dataclass
class ZoneLog:
    """Events as rows, and all zones that ever were, oldest first."""

    bars: list[Bar]
    market: str
    timeframe: str
    live_limit: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)
    t: int = 0
    sequence: int = 0

    def emit(self, zone: Zone, event: str) -> None:
        key = "|".join(
            (
                "zone",
                self.market,
                self.timeframe,
                zone.kind,
                str(zone.side),
                zone.scale or "",
                str(zone.origin_ts),
                str(zone.created_ts),
            )
        )
        self.rows.append(
            (
                self.bars[self.t].ts,
                str(uuid5(NAMESPACE, key)),
                zone.kind,
                event,
                zone.side,
                zone.scale,
                zone.top,
                zone.bottom,
                zone.origin_ts,
                zone.volume,
                self.sequence,
            )
        )
        self.sequence += 1

    def live(self) -> list[Zone]:
        self.zones = [zone for zone in self.zones if not zone.ended]
        return list(self.zones)

    def create(
        self,
        kind: str,
        side: int,
        scale: str | None,
        top: float,
        bottom: float,
        origin_ts: int,
        volume: float | None,
    ) -> None:
        zone = Zone(kind, side, scale, top, bottom, origin_ts, self.t, self.bars[self.t].ts, volume)
        same = [other for other in self.live() if other.group == zone.group]
        if len(same) == self.live_limit:
            same[0].ended = True
            self.emit(same[0], "expired")
        self.zones.append(zone)
        self.emit(zone, "created")

    def end(self, zone: Zone, event: str) -> None:
        zone.ended = True
        self.emit(zone, event)

    def once(self, zone: Zone, event: str, happens: bool) -> None:
        if happens and event not in zone.had:
            zone.had.add(event)
            self.emit(zone, event)

    def live_on(self, zone: Zone, bar: Bar) -> None:
        """One bar in the life of a zone."""
        demand = zone.side == 1
        if zone.kind == "liquidity":
            level = zone.top
            if (bar.low < level <= bar.close) if demand else (bar.high > level >= bar.close):
                self.end(zone, "swept")
            elif (bar.close < level) if demand else (bar.close > level):
                self.end(zone, "broken")
            return
        self.once(zone, "touched", bar.low <= zone.top if demand else bar.high >= zone.bottom)
        self.once(zone, "mitigated", bar.low <= zone.mid if demand else bar.high >= zone.mid)
        if zone.kind == "fvg":
            if bar.low <= zone.bottom if demand else bar.high >= zone.top:
                self.end(zone, "filled")
        elif bar.close < zone.bottom if demand else bar.close > zone.top:
            self.end(zone, "invalidated")
            if zone.kind == "order_block":
                self.create("breaker", -zone.side, zone.scale, zone.top, zone.bottom, zone.origin_ts, zone.volume)


def zone_rows(
    bars: list[Bar],
    events: list[StructureEvent],
    *,
    market: str = "",
    timeframe: str = "15m",
    live_limit: int = 100,
    wild_bar: float = 2.0,
    atr_period: int = 200,
) -> list[tuple[Any, ...]]:
    """All zone events, as rows of the frame."""
    atr = average_true_range(bars, atr_period)
    by_bar: dict[int, list[StructureEvent]] = {}
    for event in events:
        by_bar.setdefault(event.t, []).append(event)
    log = ZoneLog(bars, market, timeframe, live_limit)
    bodies = Fraction(0)
    for t, bar in enumerate(bars):
        log.t, log.sequence = t, 0
        for zone in log.live():
            if not zone.ended:
                log.live_on(zone, bar)
        if t >= 2:
            _gap(log, bars, t, float(bodies) / t)
        for event in by_bar.get(t, []):
            if event.kind in {"eqh", "eql"}:
                side = -1 if event.kind == "eqh" else 1
                log.create("liquidity", side, "micro", event.level, event.level, event.origin_ts, None)
        for scale in ("internal", "swing"):
            for event in by_bar.get(t, []):
                if event.scale == scale and event.kind in {"bos", "choch"}:
                    _order_block(log, bars, atr, t, event, wild_bar)
        bodies += Fraction(abs((bar.close - bar.open) / bar.open))
    return log.rows


def _gap(log: ZoneLog, bars: list[Bar], t: int, usual: float) -> None:
    first, middle, last = bars[t - 2], bars[t - 1], bars[t]
    move = (middle.close - middle.open) / middle.open
    if last.low > first.high and middle.close > first.high and move > 2 * usual:
        log.create("fvg", 1, None, last.low, first.high, middle.ts, middle.volume)
    elif last.high < first.low and middle.close < first.low and move < -2 * usual:
        log.create("fvg", -1, None, first.low, last.high, middle.ts, middle.volume)


def _order_block(
    log: ZoneLog,
    bars: list[Bar],
    atr: list[float | None],
    t: int,
    event: StructureEvent,
    wild_bar: float,
) -> None:
    def searched(k: int) -> tuple[float, float]:
        """Low and high of a bar for the search."""
        usual = atr[k]
        wild = usual is not None and bars[k].high - bars[k].low >= wild_bar * usual
        return (bars[k].high, bars[k].low) if wild else (bars[k].low, bars[k].high)

    ks = range(event.origin, t)
    if event.direction == 1:
        best = min(ks, key=lambda k: (searched(k)[0], k))
    else:
        best = min(ks, key=lambda k: (-searched(k)[1], k))
    found = bars[best]
    group = ("order_block", event.scale, event.direction)
    if any(zone.group == group and zone.origin_ts == found.ts for zone in log.live()):
        return
    log.create("order_block", event.direction, event.scale, found.high, found.low, found.ts, found.volume)

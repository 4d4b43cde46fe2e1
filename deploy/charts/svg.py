"""Draw a scene as one self-contained SVG picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from math import floor, log10

from deploy.charts.scene import Break, Scene, Signal, Zone

_LEFT, _RIGHT, _TOP, _BOTTOM = 12, 86, 64, 40
_VOLUME_SHARE = 0.12
_FONT = "font-family='ui-sans-serif,system-ui,Helvetica,Arial,sans-serif'"

_INK, _MUTED, _GRID, _PAPER = "#0f172a", "#64748b", "#e2e8f0", "#ffffff"
_UP, _DOWN = "#0d9488", "#e11d48"
ZONE_FILL = {
    ("order_block", 1): "#14b8a6",
    ("order_block", -1): "#f43f5e",
    ("breaker", 1): "#84cc16",
    ("breaker", -1): "#f97316",
    ("fvg", 1): "#6366f1",
    ("fvg", -1): "#a855f7",
}
ZONE_NAMES = {"order_block": "order block", "breaker": "breaker", "fvg": "fair value gap"}


@dataclass(frozen=True)
class _Frame:
    """Where prices and bars lie on the picture."""

    width: int
    height: int
    low: float
    high: float
    times: tuple[datetime, ...]

    @property
    def step(self) -> float:
        return (self.width - _LEFT - _RIGHT) / len(self.times)

    @property
    def floor(self) -> float:
        return _TOP + (self.height - _TOP - _BOTTOM) * (1 - _VOLUME_SHARE)

    def x(self, ts: datetime) -> float:
        """Centre of the bar that opens at ``ts``; the edge of the chart for one outside of it."""
        first, last = self.times[0], self.times[-1]
        if ts <= first:
            return _LEFT + self.step / 2 if ts == first else _LEFT
        if ts > last:
            return self.width - _RIGHT
        low, high = 0, len(self.times) - 1
        while low < high:
            middle = (low + high) // 2
            if self.times[middle] < ts:
                low = middle + 1
            else:
                high = middle
        return _LEFT + (low + 0.5) * self.step

    def y(self, price: float) -> float:
        return _TOP + (self.high - price) / (self.high - self.low) * (self.floor - _TOP)

    def shown(self, price: float) -> float:
        return self.y(min(max(price, self.low), self.high))


def draw(scene: Scene, width: int = 1280, height: int = 720) -> str:
    """Draw candles, zones from where they became known, breaks, and signals with stop, targets and outcome.

    Parameters
    ----------
    scene : Scene
        With at least one candle.
    width, height : int
        Pixels.

    Returns
    -------
    str
        SVG text.
    """
    low = min(candle.low for candle in scene.candles)
    high = max(candle.high for candle in scene.candles)
    margin = (high - low or high * 0.01) * 0.04
    frame = _Frame(width, height, low - margin, high + margin, tuple(candle.ts for candle in scene.candles))
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' aria-label='{escape(_title(scene))}'>",
        f"<rect width='{width}' height='{height}' fill='{_PAPER}'/>",
        *_heading(scene, frame),
        *_axes(scene, frame),
        *(part for zone in scene.zones for part in _zone(zone, frame)),
        *_candles(scene, frame),
        *(part for event in scene.breaks for part in _break(event, frame)),
        *(part for signal in scene.signals for part in _signal(signal, frame)),
        "</svg>",
    ]
    return "\n".join(parts)


def _title(scene: Scene) -> str:
    label = " (simulated)" if scene.market.simulated else ""
    return f"{scene.market} {scene.timeframe}{label}"


def _text(
    x: float, y: float, text: str, size: int = 11, fill: str = _MUTED, anchor: str = "start", bold: bool = False
) -> str:
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {_FONT} font-size='{size}' fill='{fill}' text-anchor='{anchor}'{weight}>"
        f"{escape(text)}</text>"
    )


def _heading(scene: Scene, frame: _Frame) -> Iterator[str]:
    first, last = frame.times[0], frame.times[-1]
    yield _text(_LEFT, 24, _title(scene), 18, _INK, bold=True)
    span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    yield _text(_LEFT, 42, f"{span} · {len(scene.candles)} bars · zones begin where they became known", 12)
    x = _LEFT
    for (kind, side), fill in ZONE_FILL.items():
        name = f"{ZONE_NAMES[kind]} {'▲' if side > 0 else '▼'}"
        yield f"<rect x='{x}' y='50' width='10' height='8' fill='{fill}' fill-opacity='0.5'/>"
        yield _text(x + 14, 58, name, 10)
        x += 24 + 6 * len(name)


def _axes(scene: Scene, frame: _Frame) -> Iterator[str]:
    right = frame.width - _RIGHT
    step = round_step((frame.high - frame.low) / 8)
    price = (floor(frame.low / step) + 1) * step
    digits = max(0, -floor(log10(step)))
    while price < frame.high:
        y = frame.y(price)
        yield f"<line x1='{_LEFT}' x2='{right}' y1='{y:.1f}' y2='{y:.1f}' stroke='{_GRID}'/>"
        yield _text(right + 6, y + 4, f"{price:,.{digits}f}")
        price += step
    every = max(1, len(frame.times) // 8)
    for ts in frame.times[every // 2 :: every]:
        yield _text(frame.x(ts), frame.height - 14, f"{ts:%d %b %H:%M}", 10, anchor="middle")
    close = scene.candles[-1].close
    y = frame.y(close)
    fill = _UP if close >= scene.candles[-1].open else _DOWN
    yield f"<rect x='{right + 2}' y='{y - 9:.1f}' width='{_RIGHT - 6}' height='18' rx='3' fill='{fill}'/>"
    yield _text(right + 6, y + 4, f"{close:,.{max(digits, 2)}f}", 11, _PAPER, bold=True)


def round_step(raw: float) -> float:
    """Smallest of 1, 2 and 5 times a power of ten that is at least ``raw``."""
    magnitude = 10.0 ** floor(log10(raw))
    return next(magnitude * factor for factor in (1, 2, 5, 10) if raw <= magnitude * factor)


def _candles(scene: Scene, frame: _Frame) -> Iterator[str]:
    body = max(1.0, frame.step * 0.64)
    most = max((candle.volume for candle in scene.candles), default=0) or 1.0
    base = frame.height - _BOTTOM
    for candle in scene.candles:
        x = frame.x(candle.ts)
        fill = _UP if candle.close >= candle.open else _DOWN
        tall = candle.volume / most * (base - frame.floor - 6)
        yield (
            f"<rect x='{x - body / 2:.1f}' y='{base - tall:.1f}' width='{body:.1f}' height='{tall:.1f}' fill='{fill}' "
            "fill-opacity='0.25'/>"
        )
        yield (
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{frame.y(candle.high):.1f}' y2='{frame.y(candle.low):.1f}' "
            f"stroke='{fill}'/>"
        )
        top, bottom = frame.y(max(candle.open, candle.close)), frame.y(min(candle.open, candle.close))
        yield (
            f"<rect x='{x - body / 2:.1f}' y='{top:.1f}' width='{body:.1f}' height='{max(1.0, bottom - top):.1f}' "
            f"fill='{fill}'/>"
        )


def _zone(zone: Zone, frame: _Frame) -> Iterator[str]:
    if zone.kind == "liquidity" or zone.top < frame.low or zone.bottom > frame.high:
        return
    fill = ZONE_FILL[(zone.kind, zone.side)]
    left = frame.x(zone.created)
    right = frame.width - _RIGHT if zone.ended is None else frame.x(zone.ended)
    top, bottom = frame.shown(zone.top), frame.shown(zone.bottom)
    strong = 0.26 if zone.scale == "swing" else 0.15
    yield (
        f"<rect x='{left:.1f}' y='{top:.1f}' width='{max(1.0, right - left):.1f}' height='{max(1.0, bottom - top):.1f}' "
        f"fill='{fill}' fill-opacity='{strong}' stroke='{fill}' stroke-opacity='0.55' stroke-width='0.7'/>"
    )


def _break(event: Break, frame: _Frame) -> Iterator[str]:
    if not frame.low <= event.level <= frame.high:
        return
    colour = _UP if event.direction > 0 else _DOWN
    left, right, y = frame.x(event.origin), frame.x(event.ts), frame.y(event.level)
    dash = "" if event.scale == "swing" else " stroke-dasharray='3 3'"
    yield f"<line x1='{left:.1f}' x2='{right:.1f}' y1='{y:.1f}' y2='{y:.1f}' stroke='{colour}' stroke-opacity='0.8'{dash}/>"
    if event.scale == "swing" or right - left > 40:
        name = "BOS" if event.kind == "bos" else "CHoCH"
        yield _text((left + right) / 2, y - 4 if event.direction > 0 else y + 11, name, 9, colour, "middle")


def _signal(signal: Signal, frame: _Frame) -> Iterator[str]:
    x = frame.x(signal.ts)
    end = frame.width - _RIGHT if signal.ended is None else frame.x(signal.ended)
    faint = "0.35" if signal.decision == "rejected" else "1"
    levels = [(signal.entry, _INK), (signal.stop, _DOWN), (signal.target_1, _UP)]
    if signal.target_2 is not None:
        levels.append((signal.target_2, _UP))
    yield f"<g opacity='{faint}'>"
    for price, colour in levels:
        if frame.low <= price <= frame.high:
            y = frame.y(price)
            yield (
                f"<line x1='{x:.1f}' x2='{max(end, x + 8):.1f}' y1='{y:.1f}' y2='{y:.1f}' stroke='{colour}' "
                "stroke-width='1.2' stroke-dasharray='5 2'/>"
            )
    y, up = frame.y(signal.entry), signal.direction > 0
    tip, foot = (y + 4, y + 16) if up else (y - 4, y - 16)
    yield (
        f"<path d='M{x:.1f},{tip:.1f} L{x - 6:.1f},{foot:.1f} L{x + 6:.1f},{foot:.1f} Z' fill='{_INK}' stroke='{_PAPER}'/>"
    )
    words = f"{'long' if up else 'short'} {signal.strategy}" + (f": {signal.outcome}" if signal.outcome else "")
    yield _text(x, foot + (12 if up else -5), words, 9, _INK, "middle")
    yield "</g>"

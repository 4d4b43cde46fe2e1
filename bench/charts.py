"""Charts of the benchmarks as self-contained SVG pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from math import ceil, floor, log10

from bench.section import Chart, ChartKind

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 220, 48, 48
_FONT = "font-family='ui-sans-serif,system-ui,Helvetica,Arial,sans-serif'"
_INK, _MUTED, _GRID, _PAPER = "#0f172a", "#475569", "#e2e8f0", "#ffffff"
# Told apart by eyes of all kinds (Okabe and Ito), and by their marks.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKS = ("circle", "square", "diamond", "up", "down")

Place = Callable[[float], float]


def draw(chart: Chart) -> str:
    """Draw a chart of at least one point; returns the text of the picture."""
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' height='{_HEIGHT}' "
        f"role='img' aria-label='{escape(chart.title, quote=True)}'>",
        f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='{_PAPER}'/>",
        _text(_LEFT, 26, chart.title, 15, _INK, bold=True),
    ]
    parts += _bars(chart) if chart.kind is ChartKind.BARS else _lines(chart)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lines(chart: Chart) -> Iterator[str]:
    xs = [float(x) for points in chart.series.values() for x, _ in points]
    values = [y for points in chart.series.values() for _, y in points]
    x_of = _logarithmic(min(xs), max(xs), _LEFT + 16, _WIDTH - _RIGHT - 16)
    low, high = _range(values, chart.logarithmic)
    y_of = (_logarithmic if chart.logarithmic else _linear)(low, high, _HEIGHT - _BOTTOM, _TOP)
    for tick in _decades(low, high) if chart.logarithmic else _steps(low, high):
        yield (
            f"<line x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{y_of(tick):.1f}' y2='{y_of(tick):.1f}' stroke='{_GRID}'/>"
        )
        yield _text(_LEFT - 8, y_of(tick) + 4, _number(tick), anchor="end")
    for x in sorted(set(xs)):
        yield _text(x_of(x), _HEIGHT - _BOTTOM + 18, _number(x), anchor="middle")
    yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, chart.x, anchor="middle")
    yield _text(_LEFT - 60, _TOP - 8, chart.y)
    for k, (name, points) in enumerate(chart.series.items()):
        colour, mark = _COLOURS[k % len(_COLOURS)], _MARKS[k % len(_MARKS)]
        places = [(x_of(float(x)), y_of(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
        for x, y in places:
            yield _mark(mark, x, y, colour)
        y = _TOP + 8 + 20 * k
        yield _mark(mark, _WIDTH - _RIGHT + 16, y - 4, colour)
        yield _text(_WIDTH - _RIGHT + 28, y, f"{name} ({_number(points[-1][1])})", fill=_INK)


def _bars(chart: Chart) -> Iterator[str]:
    rows = [(f"{name} {x}".strip(), y) for name, points in chart.series.items() for x, y in points]
    low, high = _range([y for _, y in rows], chart.logarithmic)
    left = _LEFT + 150
    x_of = (_logarithmic if chart.logarithmic else _linear)(low, high, left, _WIDTH - 90)
    tall = (_HEIGHT - _TOP - _BOTTOM) / len(rows)
    for k, (name, value) in enumerate(rows):
        y = _TOP + tall * k
        yield _text(left - 8, y + tall / 2 + 4, name, fill=_INK, anchor="end")
        colour = _COLOURS[k % len(_COLOURS)]
        yield (
            f"<rect x='{left}' y='{y + tall * 0.15:.1f}' width='{max(2.0, x_of(value) - left):.1f}' "
            f"height='{tall * 0.7:.1f}' fill='{colour}'/>"
        )
        yield _text(x_of(value) + 6, y + tall / 2 + 4, _number(value), fill=_INK)
    yield _text(left, _HEIGHT - 10, chart.y)


def _mark(mark: str, x: float, y: float, colour: str) -> str:
    if mark == "circle":
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'/>"
    corners = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
        "up": ((0, -5), (5, 4), (-5, 4)),
        "down": ((0, 5), (5, -4), (-5, -4)),
    }[mark]
    return f"<polygon points='{' '.join(f'{x + dx:.1f},{y + dy:.1f}' for dx, dy in corners)}' fill='{colour}'/>"


def _range(values: list[float], logarithmic: bool) -> tuple[float, float]:
    if logarithmic:
        return 10.0 ** floor(log10(min(values))), 10.0 ** ceil(log10(max(values)) + 1e-9)
    return 0.0, max(values) * 1.1


def _logarithmic(low: float, high: float, first: float, last: float) -> Place:
    span = log10(high / low) or 1.0
    return lambda value: first + log10(value / low) / span * (last - first)


def _linear(low: float, high: float, first: float, last: float) -> Place:
    return lambda value: first + (value - low) / ((high - low) or 1.0) * (last - first)


def _decades(low: float, high: float) -> Iterator[float]:
    tick = low
    while tick <= high * 1.001:
        yield tick
        tick *= 10.0


def _steps(low: float, high: float) -> Iterator[float]:
    raw = (high - low) / 5 or 1.0
    magnitude = 10.0 ** floor(log10(raw))
    step = next(magnitude * factor for factor in (1, 2, 5, 10) if raw <= magnitude * factor)
    tick = low
    while tick <= high:
        yield tick
        tick += step


def _number(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _text(
    x: float, y: float, text: str, size: int = 11, fill: str = _MUTED, anchor: str = "start", bold: bool = False
) -> str:
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {_FONT} font-size='{size}' fill='{fill}' text-anchor='{anchor}'{weight}>"
        f"{escape(text)}</text>"
    )

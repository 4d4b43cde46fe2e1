"""Plots that stretch to the width they are given: shapes in an SVG without a fixed ratio, labels as text over it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from deploy.charts.svg import round_step
from deploy.reports.markup import data, number, text
from engines.bars import FloatArray, TimeArray

VIEW = 1000
"""Width and height of the picture's own units."""
COLUMNS = 600
"""Columns a curve is thinned to."""
_DAY_MS = 86_400_000
_SPANS = (
    *(("m", n) for n in (1, 5, 15, 30)),
    *(("h", n) for n in (1, 2, 6, 12)),
    *(("D", n) for n in (1, 2, 4, 7, 14)),
    *(("M", n) for n in (1, 2, 3, 6)),
    *(("Y", n) for n in (1, 2, 5)),
)
_MS = {"m": 60_000, "h": 3_600_000, "D": _DAY_MS, "M": 30 * _DAY_MS, "Y": 365 * _DAY_MS}


@dataclass(frozen=True)
class Axis:
    """From values to units of the picture."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Place between the ends, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def view(self, values: FloatArray) -> FloatArray:
        """Units of the picture from the low end on."""
        return (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low) * VIEW


def axis(values: FloatArray, *, room: float = 0.06, include: tuple[float, ...] = ()) -> Axis:
    """Axis on which all finite values lie, with some room at both ends."""
    known = np.append(values[np.isfinite(values)], include)
    low, high = (float(known.min()), float(known.max())) if known.shape[0] else (0.0, 1.0)
    span = (high - low) or abs(high) or 1.0
    return Axis(low - room * span, high + room * span)


def thin(x: FloatArray, y: FloatArray, columns: int = COLUMNS) -> tuple[FloatArray, FloatArray]:
    """First, lowest, highest and last point of each column: the same picture from few points.

    U. Jugel and others, "M4: A Visualization-Oriented Time Series Data Aggregation", 2014.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        ``x`` ascending.
    columns : int

    Returns
    -------
    x, y : ndarray of float64, shape (at most 4 columns,)
    """
    count = x.shape[0]
    if count <= 4 * columns:
        return x, y
    column = np.minimum(((x - x[0]) / (x[-1] - x[0]) * columns).astype(np.int64), columns - 1)
    starts = np.append(0, np.flatnonzero(np.diff(column)) + 1)
    ends = np.append(starts[1:], count) - 1
    by_value = np.lexsort((y, column))
    kept = np.unique(np.concatenate([starts, by_value[starts], by_value[ends], ends]))
    return x[kept], y[kept]


def path(x: FloatArray, y: FloatArray, xs: Axis, ys: Axis) -> str:
    """Points joined by lines, in tenths of a unit."""
    points = np.column_stack([xs.view(x), VIEW - ys.view(y)])
    words = [f"{a:.1f} {b:.1f}" for a, b in points.tolist()]
    return "M" + "L".join(words)


def line(x: FloatArray, y: FloatArray, xs: Axis, ys: Axis, kind: str) -> str:
    """A curve."""
    return f"<path class='line {kind}' d='{path(x, y, xs, ys)}'/>"


def band(x: FloatArray, low: FloatArray, high: FloatArray, xs: Axis, ys: Axis, kind: str) -> str:
    """The area between two curves."""
    there = path(x, high, xs, ys)
    back = path(x[::-1], low[::-1], xs, ys)
    return f"<path class='band {kind}' d='{there}L{back[1:]}Z'/>"


def box(left: float, right: float, low: float, high: float, kind: str, tip: str = "") -> str:
    """A rectangle in units of the picture, ``low`` and ``high`` from below."""
    words = f" data-tip='{text(tip)}'" if tip else ""
    return (
        f"<rect class='{kind}' x='{left:.1f}' y='{VIEW - high:.1f}' width='{max(right - left, 0.4):.1f}' "
        f"height='{max(high - low, 0.8):.1f}'{words}/>"
    )


def level(value: float, ys: Axis, kind: str) -> str:
    """A line from edge to edge at a value; none outside of the axis."""
    y = VIEW * (1.0 - ys.share(value))
    return f"<path class='{kind}' d='M0 {y:.1f}H{VIEW}'/>" if 0.0 <= y <= VIEW else ""


def upright(value: float, xs: Axis, kind: str) -> str:
    """A line from top to bottom at a value; none outside of the axis."""
    x = VIEW * xs.share(value)
    return f"<path class='{kind}' d='M{x:.1f} 0V{VIEW}'/>" if 0.0 <= x <= VIEW else ""


def dots(x: FloatArray, y: FloatArray, xs: Axis, ys: Axis, kind: str) -> str:
    """Points that stay round however the picture is stretched: lines of no length with round ends."""
    points = np.column_stack([xs.view(x), VIEW - ys.view(y)])
    moves = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in points.tolist())
    return f"<path class='dots {kind}' d='{moves}'/>" if moves else ""


@dataclass(frozen=True)
class Tick:
    """A label at a place between 0 and 1."""

    share: float
    label: str


def value_ticks(ys: Axis, suffix: str = "", most: int = 6) -> list[Tick]:
    """Round values on an axis."""
    step = round_step((ys.high - ys.low) / most)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(ys.low / step)
    values = [step * k for k in range(first, math.floor(ys.high / step) + 1)]
    return [Tick(ys.share(value), number(value, digits) + suffix) for value in values]


def logarithmic_ticks(ys: Axis, most: int = 6) -> list[Tick]:
    """Round values on an axis of decimal logarithms."""
    first, last = math.floor(ys.low), math.ceil(ys.high)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        shown = [one for one in values if ys.low <= math.log10(one) <= ys.high]
        if len(shown) <= most:
            break
    return [Tick(ys.share(math.log10(one)), number(one, 0 if one >= 1.0 else 2)) for one in shown]


def time_ticks(xs: Axis, most: int = 8) -> list[Tick]:
    """Round times on an axis of milliseconds."""
    span = xs.high - xs.low
    unit, every = next(((u, n) for u, n in _SPANS if span / (_MS[u] * n) <= most), ("Y", 10))
    low = np.datetime64(int(xs.low), "ms").astype(f"datetime64[{unit}]")
    high = np.datetime64(int(xs.high), "ms").astype(f"datetime64[{unit}]")
    numbers = np.arange(low.astype(np.int64), high.astype(np.int64) + 1)
    chosen = numbers[numbers % every == 0].astype(f"datetime64[{unit}]")
    ticks: list[Tick] = []
    for one in chosen:
        share = xs.share(float(one.astype("datetime64[ms]").astype(np.int64)))
        if 0.0 <= share <= 1.0:
            ticks.append(Tick(share, _time_label(one, unit)))
    return ticks


def _time_label(at: np.datetime64, unit: str) -> str:
    moment = at.astype("datetime64[s]").item()
    if unit == "Y":
        return f"{moment:%Y}"
    if unit == "M":
        return f"{moment:%Y}" if moment.month == 1 else f"{moment:%b}"
    return f"{moment.day} {moment:%b}" if unit == "D" or moment.hour + moment.minute == 0 else f"{moment:%H:%M}"


@dataclass(frozen=True)
class Series:
    """Values that are told where the pointer is.

    Attributes
    ----------
    name : str
    values : ndarray of float64
        At the places of `Hover`.
    kind : str
        Class of its dot.
    unit : str
        ``money``, ``percent`` (of fractions), ``R`` or nothing.
    """

    name: str
    values: FloatArray
    kind: str
    unit: str = "money"


@dataclass(frozen=True)
class Hover:
    """What is told where the pointer is: the series at the nearest of ``x``, milliseconds or plain numbers."""

    x: FloatArray | TimeArray
    series: tuple[Series, ...]
    times: bool = True
    name: str = ""
    logarithmic: bool = False


@dataclass(frozen=True)
class Plot:
    """A picture with its labels.

    Attributes
    ----------
    label : str
        What it shows, in words, for readers who do not see it.
    xs, ys : Axis
    marks : sequence of str
        SVG, from back to front.
    x_ticks, y_ticks : sequence of Tick
    kind : str
        Class: its height.
    hover : Hover, optional
    over : sequence of str
        Text over the picture, placed by itself.
    x_title, y_title : str
    extra : mapping of str to object
        What the page's script is told instead of a hover.
    """

    label: str
    xs: Axis
    ys: Axis
    marks: Sequence[str]
    x_ticks: Sequence[Tick] = ()
    y_ticks: Sequence[Tick] = ()
    kind: str = "tall"
    hover: Hover | None = None
    over: Sequence[str] = ()
    x_title: str = ""
    y_title: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)

    def draw(self) -> str:
        """Markup of the picture."""
        lines = "".join(f"<path class='grid' d='M0 {VIEW * (1 - tick.share):.1f}H{VIEW}'/>" for tick in self.y_ticks)
        rows = "".join(
            f"<span class='ty' style='top:{100 * (1 - tick.share):.2f}%'>{text(tick.label)}</span>"
            for tick in self.y_ticks
        )
        names = "".join(
            f"<span class='tx{' odd' if position % 2 else ''}{_edge(tick)}' style='left:{100 * tick.share:.2f}%'>{text(tick.label)}</span>"
            for position, tick in enumerate(self.x_ticks)
        )
        titles = f"<span class='title-x'>{text(self.x_title)}</span>" if self.x_title else ""
        titles += f"<span class='title-y'>{text(self.y_title)}</span>" if self.y_title else ""
        told = self._told()
        live = " tabindex='0' data-live='1'" if told else ""
        return (
            f"<div class='plot {self.kind}'><div class='area' role='img' aria-label='{text(self.label)}'{live}>"
            f"<svg viewBox='0 0 {VIEW} {VIEW}' preserveAspectRatio='none' aria-hidden='true' focusable='false'>{lines}"
            f"{''.join(self.marks)}</svg>{rows}{names}{titles}{''.join(self.over)}</div>{told}</div>"
        )

    def _told(self) -> str:
        if self.extra:
            return f"<script type='application/json'>{data(dict(self.extra))}</script>"
        if self.hover is None or not self.hover.x.shape[0]:
            return ""
        hover = self.hover
        places = np.round(self.xs.view(hover.x.astype(np.float64)), 1)
        told = {
            "p": [int(one) if one == int(one) else one for one in places.tolist()],
            "x": (hover.x // 1000).tolist() if hover.times else hover.x.tolist(),
            "times": hover.times,
            "log": hover.logarithmic,
            "name": hover.name,
            "low": self.ys.low,
            "high": self.ys.high,
            "series": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "unit": one.unit,
                    "v": [float(f"{value:.6g}") for value in one.values.tolist()],
                }
                for one in hover.series
            ],
        }
        return f"<script type='application/json'>{data(told)}</script>"


def _edge(tick: Tick) -> str:
    """Class of a label that would stand out over the side of its picture."""
    return " first" if tick.share < 0.08 else " last" if tick.share > 0.92 else ""


def places(count: int, most: int = COLUMNS) -> npt.NDArray[np.int64]:
    """At most ``most`` of ``count`` rows, evenly, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))

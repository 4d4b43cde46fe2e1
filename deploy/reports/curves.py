"""Pictures of equity by time: the curve beside buy and hold, drawdown, out of sample, Monte-Carlo fans."""

from __future__ import annotations

import numpy as np
import polars as pl

from deploy.reports.content import Line, Step
from deploy.reports.markup import number, percent, text
from deploy.reports.plots import (
    Axis,
    Hover,
    Plot,
    Series,
    Tick,
    axis,
    band,
    level,
    line,
    logarithmic_ticks,
    places,
    thin,
    time_ticks,
    upright,
    value_ticks,
)
from engines.backtest.robustness.monte_carlo import BAND_LEVELS, MonteCarlo
from engines.bars import FloatArray, TimeArray

_FAR = 6.0
"""From this ratio of the highest to the lowest equity on, a fan is told on a logarithmic scale."""


def equity_line(equity: pl.DataFrame) -> Line:
    """A result's equity as a line, without numbers."""
    return Line(ts=equity["ts"].dt.epoch("ms").to_numpy(), equity=equity["equity"].to_numpy())


def equity_plot(own: Line, held: Line | None, start: float) -> str:
    """Equity, and what buying and holding would have made of the same cash.

    Where that went so much further that the strategy would look flat beside it, the strategy has a picture of its own, and both
    are side by side on a logarithmic scale.
    """
    alone: list[tuple[Line, str, str]] = [(own, "own", "Strategy")]
    if held is None or not held.ts.shape[0]:
        return _equity_picture(alone, start)
    both = [*alone, (held, "held", "Buy and hold")]
    if float(np.ptp(held.equity)) <= 4.0 * max(float(np.ptp(own.equity)), 0.02 * start):
        return _equity_picture(both, start)
    lowest = min(float(held.equity.min()), float(own.equity.min()))
    return _equity_picture(alone, start) + _equity_picture(both, start, logarithmic=lowest > 0.0)


def _equity_picture(lines: list[tuple[Line, str, str]], start: float, *, logarithmic: bool = False) -> str:
    def placed(values: FloatArray) -> FloatArray:
        return np.log10(values) if logarithmic else values

    own = lines[0][0]
    xs = _time_axis(own.ts)
    base = float(placed(np.array([start]))[0])
    ys = axis(placed(np.concatenate([one.equity for one, _, _ in lines])), include=(base,))
    marks: list[str] = [level(base, ys, "base")]
    for one, kind, _ in reversed(lines):
        x, y = thin(one.ts.astype(np.float64), placed(one.equity))
        if kind == "own":
            marks.append(band(x, np.full(x.shape[0], ys.low), y, xs, ys, kind))
        marks.append(line(x, y, xs, ys, kind))
    kept = own.ts[places(own.ts.shape[0])]
    told = tuple(Series(called, _at(kept, one, start), kind) for one, kind, called in lines)
    ends = ", ".join(f"{called} from {number(start)} to {number(float(one.equity[-1]))}" for one, _, called in lines)
    plot = Plot(
        f"Equity by time: {ends}",
        xs,
        ys,
        marks,
        time_ticks(xs),
        logarithmic_ticks(ys) if logarithmic else value_ticks(ys, most=9),
        hover=Hover(kept, told, logarithmic=logarithmic),
    )
    keys = [(kind, called) for _, kind, called in lines]
    return legend([*keys, ("none", "logarithmic scale")] if logarithmic else keys) + plot.draw()


def drawdown_plot(own: Line, held: Line | None, start: float) -> str:
    """The part of the highest equity so far that is lost, downwards."""
    lines = [(own, "own", "Strategy")] + (
        [(held, "held", "Buy and hold")] if held is not None and held.ts.shape[0] else []
    )
    depths = [-_drawdown(one.equity, start) for one, _, _ in lines]
    xs = _time_axis(own.ts)
    lowest = min(float(depth.min()) for depth in depths)
    ys = Axis(lowest * 1.06 or -0.01, 0.0)
    marks: list[str] = []
    for (one, kind, _), depth in reversed(list(zip(lines, depths, strict=True))):
        x, y = thin(one.ts.astype(np.float64), depth)
        if kind == "own":
            marks.append(band(x, y, np.zeros(x.shape[0]), xs, ys, "loss"))
        marks.append(line(x, y, xs, ys, "loss" if kind == "own" else kind))
    kept = own.ts[places(own.ts.shape[0])]
    told = tuple(
        Series(called, _at(kept, Line(ts=one.ts, equity=depth), 0.0), "loss" if kind == "own" else kind, "percent")
        for (one, kind, called), depth in zip(lines, depths, strict=True)
    )
    scale = Axis(ys.low * 100.0, 0.0)
    ticks = [Tick(ys.share(scale.low / 100.0 * (1 - tick.share)), tick.label) for tick in value_ticks(scale, " %", 5)]
    words = ", ".join(
        f"{called} at most {percent(-float(depth.min()))}" for (_, _, called), depth in zip(lines, depths, strict=True)
    )
    return Plot(f"Drawdown by time: {words}", xs, ys, marks, time_ticks(xs), ticks, "low", Hover(kept, told)).draw()


def fan_plot(name: str, step: Step, fan: MonteCarlo, cash: float) -> str:
    """Bands of resampled equity, darker where more of the paths lie; logarithmic where they lie far apart."""
    steps = fan.steps.astype(np.float64)
    bands, actual = fan.bands * cash, fan.actual * cash
    lowest = min(float(bands.min()), float(actual.min()))
    logarithmic = lowest > 0.0 and max(float(bands.max()), float(actual.max())) > _FAR * lowest
    shown, own = (np.log10(bands), np.log10(actual)) if logarithmic else (bands, actual)
    xs = Axis(float(steps[0]), max(float(steps[-1]), float(steps[0]) + 1.0))
    ys = axis(np.append(shown.ravel(), own))
    count = len(BAND_LEVELS)
    marks = [band(steps, shown[k], shown[count - 1 - k], xs, ys, "fan") for k in range(count // 2)]
    marks.append(line(steps, shown[count // 2], xs, ys, "median"))
    marks.append(line(steps, own, xs, ys, "own"))
    told = [
        Series(f"{quantile * 100:g} % of paths below", values, "median" if quantile == 0.5 else "fan")
        for quantile, values in reversed(list(zip(BAND_LEVELS, bands, strict=True)))
    ]
    keys = [
        ("own", "As traded"),
        ("median", "Median"),
        ("fan", f"{BAND_LEVELS[0] * 100:g} % to {BAND_LEVELS[-1] * 100:g} % of the paths"),
    ]
    span = f"ends between {number(float(bands[0, -1]))} and {number(float(bands[-1, -1]))}"
    plot = Plot(
        f"{name}: equity by {step}, {span}",
        xs,
        ys,
        marks,
        value_ticks(xs),
        logarithmic_ticks(ys) if logarithmic else value_ticks(ys, most=9),
        hover=Hover(
            steps,
            (Series("As traded", actual, "own"), *told),
            times=False,
            name=str(step).capitalize(),
            logarithmic=logarithmic,
        ),
        x_title=f"{step}s",
    )
    return legend([*keys, ("none", "logarithmic scale")] if logarithmic else keys) + plot.draw()


def stitched_plot(curve: Line, start: float, borders: TimeArray) -> str:
    """The out-of-sample curve with the borders of its windows."""
    xs = _time_axis(curve.ts)
    ys = axis(curve.equity, include=(start,))
    x, y = thin(curve.ts.astype(np.float64), curve.equity)
    marks = [
        *(upright(float(one), xs, "border") for one in borders),
        level(start, ys, "base"),
        band(x, np.full(x.shape[0], ys.low), y, xs, ys, "own"),
        line(x, y, xs, ys, "own"),
    ]
    kept = places(curve.ts.shape[0])
    return Plot(
        f"Equity out of sample, from {number(start)} to {number(float(curve.equity[-1]))}",
        xs,
        ys,
        marks,
        time_ticks(xs),
        value_ticks(ys, most=9),
        hover=Hover(curve.ts[kept], (Series("Out of sample", curve.equity[kept], "own"),)),
    ).draw()


def legend(keys: list[tuple[str, str]]) -> str:
    """Names of the lines."""
    items = "".join(f"<li><span class='key {kind}'></span>{text(called)}</li>" for kind, called in keys)
    return f"<ul class='legend'>{items}</ul>"


def _time_axis(ts: TimeArray) -> Axis:
    first, last = float(ts[0]), float(ts[-1])
    return Axis(first, last if last > first else first + 1.0)


def _at(ts: TimeArray, known: Line, before: float) -> FloatArray:
    """Last value of a line at or before each time; ``before`` where there is none yet."""
    index = np.searchsorted(known.ts, ts, side="right") - 1
    return np.where(index < 0, before, known.equity[np.maximum(index, 0)])


def _drawdown(equity: FloatArray, start: float) -> FloatArray:
    peak = np.maximum(np.maximum.accumulate(equity), start)
    return (peak - equity) / peak

"""Pictures of many trades or many runs: histograms, and excursions against results."""

from __future__ import annotations

import numpy as np
import polars as pl

from deploy.charts.svg import round_step
from deploy.reports.curves import legend
from deploy.reports.markup import number, percent, text
from deploy.reports.plots import VIEW, Axis, Plot, axis, box, dots, level, upright, value_ticks
from deploy.reports.verdict import Interval
from engines.backtest.metrics.catalogue import CATALOGUE, Unit
from engines.backtest.robustness.random_entries import RandomEntries
from engines.bars import FloatArray

_BINS = 44
_MOST_DOTS = 1500


def results_plot(values: FloatArray, mean: Interval, unit: str) -> str:
    """How often each result came up, with the mean and its interval."""
    xs, edges, counts = _bins(values)
    ys = Axis(0.0, float(counts.max()) * 1.08)
    digits = 1 if edges[1] - edges[0] >= 0.1 else 2 if edges[1] - edges[0] >= 0.01 else 3
    marks = _bars(xs, ys, edges, counts, digits, unit, "trades")
    marks.append(upright(0.0, xs, "zero"))
    if np.isfinite(mean.low):
        left, right = (float(np.clip(xs.share(one), 0, 1)) * VIEW for one in (mean.low, mean.high))
        marks.append(
            f"<rect class='interval' x='{left:.1f}' y='0' width='{max(right - left, 1):.1f}' height='{VIEW}'/>"
        )
    marks.append(upright(mean.mean, xs, "mean"))
    label = f"Results of {values.shape[0]:,} trades in {unit}, mean {number(mean.mean, signed=True)}"
    keys = legend(
        [("mean", f"Mean {number(mean.mean, 3, signed=True)} {unit}"), ("interval", "95 % interval of the mean")]
    )
    plot = Plot(
        label,
        xs,
        ys,
        marks,
        value_ticks(xs, most=10),
        value_ticks(ys, most=6),
        "middle",
        x_title=unit,
        y_title="trades",
    )
    return keys + plot.draw()


def random_plot(random: RandomEntries) -> str:
    """Runs with random entries, and where the strategy lies among them."""
    unit = next((one.unit for one in CATALOGUE if one.name == random.metric), Unit.RATIO)
    title = next((one.title for one in CATALOGUE if one.name == random.metric), random.metric)
    factor, suffix = (100.0, " %") if unit is Unit.FRACTION else (1.0, " R" if unit is Unit.R else "")
    values = random.values[np.isfinite(random.values)] * factor
    xs, edges, counts = _bins(values, include=random.observed * factor)
    ys = Axis(0.0, float(counts.max()) * 1.08)
    marks = _bars(xs, ys, edges, counts, 2, suffix, "random runs", "chance")
    marks.append(upright(random.observed * factor, xs, "mean"))
    own = percent(random.observed) if factor == 100.0 else f"{number(random.observed)}{suffix}"
    label = f"{title} of {values.shape[0]:,} runs with random entries; the strategy's is {own}, p {number(random.p, 3)}"
    keys = legend([("chance", f"{values.shape[0]:,} runs with random entries"), ("mean", f"Strategy {own}")])
    ticks = value_ticks(xs, suffix, most=10)
    return (
        keys
        + Plot(label, xs, ys, marks, ticks, value_ticks(ys, most=6), "middle", x_title=title, y_title="runs").draw()
    )


def excursions_plot(trades: pl.DataFrame, adverse: bool) -> str:
    """How far each trade went against (or for) its entry before it came to its result.

    J. Sweeney, "Campaign Trading", 1996.
    """
    moves, results, unit = excursions(trades, adverse=adverse)
    if moves.shape[0] > _MOST_DOTS:
        kept = np.unique(
            np.concatenate(
                [
                    np.linspace(0, moves.shape[0] - 1, _MOST_DOTS).astype(np.int64),
                    [moves.argmax(), results.argmax(), results.argmin()],
                ]
            )
        )
        moves, results = moves[kept], results[kept]
    xs, ys = axis(moves, room=0.04, include=(0.0,)), axis(results, include=(0.0,))
    won = results > 0.0
    marks = [
        level(0.0, ys, "zero"),
        dots(moves[~won], results[~won], xs, ys, "down"),
        dots(moves[won], results[won], xs, ys, "up"),
    ]
    name = "against" if adverse else "in favour of"
    place = np.column_stack([xs.view(moves), VIEW - ys.view(results)]).round(1)
    return Plot(
        f"Furthest move {name} each of {moves.shape[0]:,} trades and its result, in {unit}",
        xs,
        ys,
        marks,
        value_ticks(xs),
        value_ticks(ys),
        "middle",
        over=[],
        x_title=f"furthest {'against' if adverse else 'in favour'}, {unit}",
        y_title=f"result, {unit}",
        extra={
            "dots": [
                [*at, float(f"{a:.4g}"), float(f"{b:.4g}")]
                for at, a, b in zip(place.tolist(), moves.tolist(), results.tolist(), strict=True)
            ],
            "unit": unit,
        },
    ).draw()


def excursions(trades: pl.DataFrame, *, adverse: bool) -> tuple[FloatArray, FloatArray, str]:
    """Sizes of the furthest moves and the results, in R where every trade has a stop, else in percent of the entry's value."""
    moved = trades["mae" if adverse else "mfe"].to_numpy()
    entry = trades["entry_price"].to_numpy()
    if trades["r_multiple"].fill_nan(None).null_count() == 0 and trades["stop"].null_count() == 0:
        risked = np.abs(entry - trades["stop"].to_numpy())
        return np.abs(moved) / risked, trades["r_multiple"].to_numpy(), "R"
    worth = trades["entry_notional"].to_numpy()
    return np.abs(moved) / entry * 100.0, trades["pnl"].to_numpy() / worth * 100.0, "% of entry"


def _bins(values: FloatArray, include: float = 0.0) -> tuple[Axis, FloatArray, FloatArray]:
    """Round bins; results far out of the rest are counted in the outermost ones."""
    low, high = (
        (float(one) for one in np.quantile(values, [0.002, 0.998]))
        if values.shape[0] > 500
        else (
            float(values.min()),
            float(values.max()),
        )
    )
    low, high = min(low, include, 0.0), max(high, include, 0.0)
    width = round_step(((high - low) or 1.0) / _BINS)
    first, last = int(np.floor(low / width)), int(np.floor(high / width)) + 1
    edges = np.arange(first, last + 1, dtype=np.float64) * width
    places = np.clip(np.floor(values / width).astype(np.int64) - first, 0, edges.shape[0] - 2)
    counts = np.bincount(places, minlength=edges.shape[0] - 1).astype(np.float64)
    return Axis(float(edges[0] - width / 2), float(edges[-1] + width / 2)), edges, counts


def _bars(
    xs: Axis, ys: Axis, edges: FloatArray, counts: FloatArray, digits: int, unit: str, what: str, kind: str = ""
) -> list[str]:
    bars: list[str] = []
    left, right = xs.view(edges[:-1]).tolist(), xs.view(edges[1:]).tolist()
    for position, count in enumerate(counts.tolist()):
        if count:
            gap = (right[position] - left[position]) * 0.08
            middle = (edges[position] + edges[position + 1]) / 2
            tone = kind or ("up" if middle > 0 else "down")
            words = f"{number(float(edges[position]), digits)} to {number(float(edges[position + 1]), digits)} {unit.strip()}: {count:,.0f} {what}"
            bars.append(
                box(left[position] + gap, right[position] - gap, 0.0, VIEW * ys.share(count), f"bar {tone}", words)
            )
    return bars


def interval_plot(mean: Interval, unit: str) -> str:
    """The mean result with its interval against nothing at all, on one line."""
    if not np.isfinite(mean.low):
        return ""
    reach = max(abs(mean.low), abs(mean.high)) * 1.15 or 1.0
    xs = Axis(-reach, reach)
    left, middle, right = (xs.share(one) * 100.0 for one in (mean.low, mean.mean, mean.high))
    digits = 2 if reach >= 0.1 else 4
    tone = "up" if mean.low > 0 else "down" if mean.high < 0 else "open"
    label = f"Mean {number(mean.mean, digits, signed=True)} {unit}, interval {number(mean.low, digits, signed=True)} to {number(mean.high, digits, signed=True)}"
    ends = "".join(
        f"<span class='end' style='left:{at:.2f}%'>{text(number(value, digits, signed=True))}</span>"
        for at, value in ((left, mean.low), (right, mean.high))
    )
    return (
        f"<figure class='span {tone}'><figcaption>Mean result of a trade, {text(unit)}, 95 % interval</figcaption>"
        f"<div class='rail' role='img' aria-label='{text(label)}'><i class='none' style='left:50%'></i>"
        f"<i class='reach' style='left:{left:.2f}%;width:{right - left:.2f}%'></i><i class='mid' style='left:{middle:.2f}%'></i>"
        f"<span class='at' style='left:{middle:.2f}%'>{text(number(mean.mean, digits, signed=True))}</span>{ends}"
        f"<span class='zero' style='left:50%'>0</span></div></figure>"
    )

"""A handful of trades on their candles, with the zones and breaks that were known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from deploy.charts.scene import Break, Zone
from deploy.charts.svg import ZONE_FILL, ZONE_NAMES
from deploy.reports.content import ReportContent
from deploy.reports.curves import legend
from deploy.reports.markup import number, percent, price, text, time
from deploy.reports.plots import VIEW, Axis, Plot, Tick, axis, box, value_ticks
from engines.bars import TS_DTYPE, FloatArray, TimeArray

_MOST_CANDLES = 130
_BEFORE, _AFTER = 45, 18
_MOST_ZONES = 6
_ENDED = ("invalidated", "filled", "swept", "broken", "expired")


@dataclass(frozen=True)
class Chosen:
    """A trade worth looking at: its row, and why."""

    row: int
    why: str


@dataclass(frozen=True)
class _View:
    """Candles around a trade, some bars joined where there are too many."""

    ts: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    until: int

    @property
    def count(self) -> int:
        return int(self.ts.shape[0])

    def row(self, ms: int) -> int:
        """Number of the candle that holds a time."""
        return max(0, int(np.searchsorted(self.ts, ms, side="right")) - 1)

    def x(self, ms: int) -> float:
        """Left edge of that candle, in units of the picture."""
        return VIEW * self.row(ms) / self.count

    def middle(self, ms: int) -> float:
        """Its centre."""
        return self.x(ms) + VIEW / self.count / 2


def choose(trades: pl.DataFrame) -> list[Chosen]:
    """The newest, best, worst and median trade; each once."""
    count = trades.height
    if not count:
        return []
    column = "r_multiple" if trades["r_multiple"].fill_nan(None).null_count() == 0 else "return_on_equity"
    order = trades[column].arg_sort()
    wanted = ((count - 1, "Newest"), (order[-1], "Best"), (order[0], "Worst"), (order[(count - 1) // 2], "Median"))
    reasons: dict[int, list[str]] = {}
    for row, why in wanted:
        reasons.setdefault(int(row), []).append(why)
    order_shown = {"Best": 0, "Worst": 1, "Median": 2, "Newest": 3}
    chosen = [Chosen(row, " and ".join([whys[0], *(one.lower() for one in whys[1:])])) for row, whys in reasons.items()]
    return sorted(chosen, key=lambda one: order_shown[one.why.split(" ")[0]])


def trade_figure(content: ReportContent, chosen: Chosen) -> str:
    """One trade on its candles."""
    trade = content.result.trades.row(chosen.row, named=True)
    entry_ms, exit_ms = (_ms(trade[name]) for name in ("entry_ts", "exit_ts"))
    view = _view(_market(content.bars, trade["market"]), entry_ms, exit_ms)
    levels = [trade["entry_price"], trade["exit_price"]]
    span = float(view.high.max() - view.low.min())
    if trade["stop"] is not None and _near(trade["stop"], view, span):
        levels.append(trade["stop"])
    near = slice(max(0, view.row(entry_ms) - 20), view.row(exit_ms) + 10)
    ys = axis(np.concatenate([view.low[near], view.high[near]]), room=0.08, include=tuple(levels))
    direction = int(trade["direction"])
    end = view.x(exit_ms) + VIEW / view.count
    begin = view.x(entry_ms)
    entry_y, exit_y = (VIEW * ys.share(trade[name]) for name in ("entry_price", "exit_price"))
    won = "up" if trade["pnl"] > 0 else "down"
    fills = content.result.fills
    own = fills.filter((pl.col("trade") == _running(content, chosen.row)) & (pl.col("market") == trade["market"]))
    marks = [
        *_zones(content.zones, trade, view, ys),
        *_breaks(content.structure, trade["market"], view, ys),
        box(begin, end, min(entry_y, exit_y), max(entry_y, exit_y), f"held {won}"),
        *_candles(view, ys),
        f"<path class='entry' d='M{begin:.1f} {VIEW - entry_y:.1f}H{end:.1f}'/>",
    ]
    if trade["stop"] is not None and len(levels) == 3:
        y = VIEW * (1 - ys.share(trade["stop"]))
        marks.append(f"<path class='stop' d='M{begin:.1f} {y:.1f}H{end:.1f}'/>")
    over = [*_fills(own, view, ys)]
    name = "Long" if direction > 0 else "Short"
    result = (
        f"{number(trade['r_multiple'], signed=True)} R"
        if trade["r_multiple"] is not None
        else percent(trade["return_on_equity"], signed=True)
    )
    words = (
        f"{name} {trade['market']} from {time(entry_ms)} at {price(trade['entry_price'])} to {time(exit_ms)} at "
        f"{price(trade['exit_price'])}, {trade['exit_reason'].replace('_', ' ')}"
    )
    plot = Plot(
        f"{chosen.why} trade: {words}, {result}",
        Axis(0.0, 1.0),
        ys,
        marks,
        _times(view),
        _price_ticks(ys),
        "candles",
        over=over,
    )
    return (
        f"<figure class='card trade'><figcaption><b>{text(chosen.why)}</b><span class='{won}'>{text(result)}</span>"
        f"<small>{text(words)}</small></figcaption>{plot.draw()}</figure>"
    )


def zone_legend(content: ReportContent) -> str:
    """Names of the zones' colours; nothing without zones."""
    if content.zones is None or content.zones.is_empty():
        return ""
    kinds = {(kind, int(side)) for kind, side in content.zones.select("kind", "side").unique().iter_rows()}
    items = [
        (f"zone z{n}", f"{ZONE_NAMES[kind]} {'▲' if side > 0 else '▼'}")
        for n, (kind, side) in enumerate(ZONE_FILL)
        if (kind, side) in kinds
    ]
    return legend(items) if items else ""


def zone_style() -> str:
    """Colours of the zones, those of ``cap chart``."""
    return "".join(f".z{n}{{--zone:{fill}}}" for n, fill in enumerate(ZONE_FILL.values()))


def _ms(ts: datetime) -> int:
    return round(ts.timestamp() * 1000)


def _near(level: float, view: _View, span: float) -> bool:
    return float(view.low.min()) - 0.6 * span <= level <= float(view.high.max()) + 0.6 * span


def _running(content: ReportContent, row: int) -> int:
    """Running number of a trade, which its fills bear: positions are numbered as they open, rows are in order of their ends."""
    trades, fills = content.result.trades, content.result.fills
    trade = trades.row(row, named=True)
    numbers = fills.filter(
        (pl.col("market") == trade["market"]) & (pl.col("reason") == "entry") & (pl.col("ts") >= trade["entry_ts"])
    )["trade"]
    return int(numbers[0]) if numbers.len() else -1


def _market(frame: pl.DataFrame, market: str) -> pl.DataFrame:
    return frame.filter(pl.col("market") == market) if "market" in frame.columns else frame


def _view(bars: pl.DataFrame, entry_ms: int, exit_ms: int) -> _View:
    ts = bars["ts"].dt.epoch("ms").to_numpy()
    first, last = (int(np.searchsorted(ts, one, side="right")) - 1 for one in (entry_ms, exit_ms))
    held = last - first + 1
    around = max(1, held // 40)
    start, stop = max(0, first - _BEFORE * around), min(ts.shape[0], last + 1 + _AFTER * around)
    rows = bars[start:stop]
    joined = math.ceil(rows.height / _MOST_CANDLES)
    numbers = np.arange(rows.height) // joined
    grouped = (
        rows.select("ts", "open", "high", "low", "close")
        .with_columns(pl.Series("group", numbers))
        .group_by("group", maintain_order=True)
        .agg(
            pl.col("ts").first(),
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
        )
    )
    columns = (grouped[name].to_numpy() for name in ("open", "high", "low", "close"))
    return _View(grouped["ts"].dt.epoch("ms").to_numpy(), *columns, until=int(ts[stop - 1]))


def _candles(view: _View, ys: Axis) -> Iterator[str]:
    """Wicks and bodies, one path a colour."""
    step = VIEW / view.count
    left, wide = step * 0.16, step * 0.68
    for kind, rows in (("up", view.close >= view.open), ("down", view.close < view.open)):
        wicks: list[str] = []
        bodies: list[str] = []
        for row in np.flatnonzero(rows).tolist():
            x = row * step
            high, low, one, two = (
                VIEW * (1 - ys.share(float(column[row]))) for column in (view.high, view.low, view.open, view.close)
            )
            wicks.append(f"M{x + step / 2:.1f} {high:.1f}V{low:.1f}")
            top, tall = min(one, two), max(abs(one - two), 2.0)
            bodies.append(f"M{x + left:.1f} {top:.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}Z")
        yield f"<path class='wick {kind}' d='{''.join(wicks)}'/>" if wicks else ""
        yield f"<path class='body {kind}' d='{''.join(bodies)}'/>" if bodies else ""


def spans(zones: pl.DataFrame) -> list[Zone]:
    """Zones from their events: from the bar each became known on to the one it ended on."""
    lives = (
        zones.sort("ts", maintain_order=True)
        .group_by("zone_id", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in ("kind", "side", "scale", "top", "bottom")),
            pl.col("ts").filter(pl.col("event") == "created").first().alias("created"),
            pl.col("ts").filter(pl.col("event").is_in(_ENDED)).last().alias("ended"),
        )
        .filter(pl.col("created").is_not_null())
        .drop("zone_id")
    )
    return [Zone(**row) for row in lives.iter_rows(named=True)]


def nearest(zones: list[Zone], price: float, at: datetime, tallest: float) -> list[Zone]:
    """The few zones that lived at a time, nearest to a price; of several around it the smallest first.

    Parameters
    ----------
    zones : list of Zone
    price : float
    at : datetime
    tallest : float
        Zones taller than this hide more than they show and are left out.
    """
    alive = [
        zone
        for zone in zones
        if (zone.kind, zone.side) in ZONE_FILL
        and zone.created <= at
        and (zone.ended is None or zone.ended >= at)
        and zone.top - zone.bottom <= tallest
    ]
    return sorted(alive, key=lambda one: (max(one.bottom - price, price - one.top, 0.0), one.top - one.bottom))[
        :_MOST_ZONES
    ]


def _zones(zones: pl.DataFrame | None, trade: dict[str, Any], view: _View, ys: Axis) -> Iterator[str]:
    if zones is None:
        return
    known = _market(zones, trade["market"]).filter(pl.col("ts") <= pl.lit(view.until).cast(TS_DTYPE))
    kinds = list(ZONE_FILL)
    for zone in nearest(spans(known), trade["entry_price"], trade["entry_ts"], (ys.high - ys.low) / 2):
        if zone.top < ys.low or zone.bottom > ys.high:
            continue
        left = view.x(_ms(zone.created))
        right = VIEW if zone.ended is None else view.middle(_ms(zone.ended))
        low, high = (VIEW * ys.share(min(max(one, ys.low), ys.high)) for one in (zone.bottom, zone.top))
        strong = " strong" if zone.scale == "swing" else ""
        name = f"{ZONE_NAMES[zone.kind]} {'▲' if zone.side > 0 else '▼'} {price(zone.bottom)} to {price(zone.top)}, known from {zone.created:%Y-%m-%d %H:%M}"
        yield box(left, right, low, high, f"zone z{kinds.index((zone.kind, zone.side))}{strong}", name)


def _breaks(structure: pl.DataFrame | None, market: str, view: _View, ys: Axis) -> Iterator[str]:
    if structure is None:
        return
    first, last = (pl.lit(one).cast(TS_DTYPE) for one in (int(view.ts[0]), view.until))
    rows = _market(structure, market).filter(
        pl.col("kind").is_in(["bos", "choch"]) & pl.col("ts").is_between(first, last)
    )
    for row in rows.select("kind", "scale", "direction", "level", pl.col("origin_ts").alias("origin"), "ts").iter_rows(
        named=True
    ):
        event = Break(**row)
        if not ys.low <= event.level <= ys.high or event.scale != "swing":
            continue
        y = VIEW * (1 - ys.share(event.level))
        name = "break of structure" if event.kind == "bos" else "change of character"
        words = f"{name} at {price(event.level)}, {event.ts:%Y-%m-%d %H:%M}"
        tone = "up" if event.direction > 0 else "down"
        yield (
            f"<path class='break {tone}' data-tip='{text(words)}' "
            f"d='M{view.middle(_ms(event.origin)):.1f} {y:.1f}H{view.middle(_ms(event.ts)):.1f}'/>"
        )


def _fills(fills: pl.DataFrame, view: _View, ys: Axis) -> Iterator[str]:
    """Triangles that point at the price of each fill, told apart by bought and sold."""
    for fill in fills.iter_rows(named=True):
        bought = fill["side"] > 0
        words = (
            f"{'bought' if bought else 'sold'} {number(fill['quantity'], 6).rstrip('0').rstrip('.')} at {price(fill['price'])}, "
            f"{fill['reason'].replace('_', ' ')}, {time(_ms(fill['ts']))}"
        )
        yield (
            f"<i class='fill {'bought' if bought else 'sold'}' data-tip='{text(words)}' "
            f"style='left:{view.middle(_ms(fill['ts'])) / 10:.2f}%;top:{100 * (1 - ys.share(fill['price'])):.2f}%'></i>"
        )


def _price_ticks(ys: Axis) -> list[Tick]:
    return value_ticks(ys, most=7)


def _times(view: _View, most: int = 4) -> list[Tick]:
    rows = np.unique(np.linspace(view.count * 0.06, view.count * 0.94 - 1, min(most, view.count)).astype(np.int64))
    days = int(view.ts[-1] - view.ts[0]) > 4 * 86_400_000
    stamps = (datetime.fromtimestamp(float(view.ts[row]) / 1000, UTC) for row in rows.tolist())
    labels = (f"{one.day} {one:%b}" if days else f"{one.day} {one:%b %H:%M}" for one in stamps)
    return [Tick((row + 0.5) / view.count, label) for row, label in zip(rows.tolist(), labels, strict=True)]

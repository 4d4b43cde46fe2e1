"""The built-in strategies in plain Python, from the frames of the stages before, as their docstrings define them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from engines.indicators import IndicatorEngine
from engines.resample import ResampleEngine
from engines.signals.mean_reversion import ReversionParameters
from engines.signals.smc_pullback import PullbackParameters
from engines.signals.structure_breakout import BreakoutParameters
from engines.signals.trend_following import TrendParameters
from engines.structure import StructureEngine
from engines.timeframe import Timeframe


@dataclass
class Market:
    """All rows of a market by bar, and what is known of its higher timeframe at each bar's close: bias, last bar."""

    bars: list[dict[str, Any]]
    indicators: list[dict[str, Any]]
    structure: dict[Any, list[dict[str, Any]]]
    zones: dict[Any, list[dict[str, Any]]]
    bias: list[dict[str, int]]
    higher: list[dict[str, Any]]
    gaps: dict[str, dict[str, Any]] = field(default_factory=dict)
    pools: dict[str, dict[str, Any]] = field(default_factory=dict)
    pivots: list[tuple[int, float]] = field(default_factory=list)
    last_pivot: dict[tuple[str, int], float] = field(default_factory=dict)
    swept: dict[int, int] = field(default_factory=dict)

    def fold(self, t: int) -> None:
        ts = self.bars[t]["ts"]
        for row in self.structure.get(ts, []):
            if row["kind"] in {"swing_high", "swing_low"} and row["scale"] != "micro":
                side = 1 if row["kind"] == "swing_high" else -1
                self.pivots.append((side, row["level"]))
                self.last_pivot[row["scale"], side] = row["level"]
        for row in self.zones.get(ts, []):
            live = {"fvg": self.gaps, "liquidity": self.pools}.get(row["kind"])
            if live is None:
                continue
            if row["event"] == "created":
                live[row["zone_id"]] = row
            elif row["event"] in {"filled", "swept", "broken", "expired"}:
                live.pop(row["zone_id"])

    def drop_taken(self, t: int) -> None:
        high, low = self.bars[t]["high"], self.bars[t]["low"]
        self.pivots = [(s, level) for s, level in self.pivots if (level > high if s > 0 else level < low)]

    def next_level(self, t: int, d: int, beyond: float) -> float | None:
        high, low = self.bars[t]["high"], self.bars[t]["low"]
        levels = [level for s, level in self.pivots if s == d]
        levels += [
            z["top"] for z in self.pools.values() if z["side"] == -d and (z["top"] > high if d > 0 else z["top"] < low)
        ]
        ahead = [level for level in levels if (level - beyond) * d > 0]
        return min(ahead, key=lambda level: (level - beyond) * d, default=None)


def market(bars: pl.DataFrame, out: Any, timeframe: str) -> Market:
    """Rows of a chain, and the higher bias worked out from bars made by the batch engines."""
    own = Timeframe(timeframe)
    higher = own.higher
    assert higher is not None
    high_bars = ResampleEngine(base=own, timeframe=higher).advance(bars).drop("base_bars")
    events = StructureEngine(timeframe=higher).advance(high_bars)
    known = [ts + higher.milliseconds for ts in high_bars["ts"].to_physical().to_list()]
    changes = sorted(
        (ts + higher.milliseconds, i, scale, bias)
        for i, (ts, scale, bias) in enumerate(events.select(pl.col("ts").to_physical(), "scale", "bias").iter_rows())
        if scale != "micro"
    )
    assert all(change[0] in set(known) for change in changes[:50])
    bias: list[dict[str, int]] = []
    now = {"swing": 0, "internal": 0}
    for ts in bars["ts"].to_physical().to_list():
        while changes and changes[0][0] <= ts + own.milliseconds:
            _, _, scale, value = changes.pop(0)
            now = {**now, scale: value}
        bias.append(now)
    by_bar = [
        {key[0]: frame.to_dicts() for key, frame in rows.group_by("ts", maintain_order=True)}
        for rows in (out.structure, out.zones)
    ]
    columns = IndicatorEngine(timeframe=higher).advance(high_bars).drop("ts").to_dicts()
    complete = list(zip(known, high_bars["close"].to_list(), columns, strict=True))
    last: list[dict[str, Any]] = []
    seen: dict[str, Any] = dict.fromkeys(("close", *columns[0]))
    for ts in bars["ts"].to_physical().to_list():
        while complete and complete[0][0] <= ts + own.milliseconds:
            _, close, values = complete.pop(0)
            seen = {"close": close, **values}
        last.append(seen)
    return Market(bars.to_dicts(), out.indicators.to_dicts(), *by_bar, bias, last)


def pullback(m: Market, p: PullbackParameters) -> list[dict[str, Any]]:
    signals: list[dict[str, Any]] = []
    last: dict[int, int] = {}
    for t, bar in enumerate(m.bars):
        m.drop_taken(t)
        rows = m.zones.get(bar["ts"], [])
        for row in rows:
            if row["kind"] == "liquidity" and row["event"] == "swept":
                m.swept[row["side"]] = t
        touched = [row for row in rows if row["kind"] == "order_block" and row["event"] == "touched"]
        touched.sort(key=lambda row: row["scale"] != "swing")
        if touched:
            zone = touched[0]
            d = zone["side"]
            swing, internal = m.bias[t]["swing"], m.bias[t]["internal"]
            position, atr = m.indicators[t]["range_position"], m.indicators[t]["atr_14"]
            gap = any(
                z["side"] == d and z["bottom"] <= zone["top"] and z["top"] >= zone["bottom"] for z in m.gaps.values()
            )
            sweep = d in m.swept and t - m.swept[d] < p.sweep_bars
            fine = (
                (d not in last or t - last[d] > p.cooldown_bars)
                and (swing == d or (swing == 0 and internal == d))
                and position is not None
                and (position < 0.5 if d > 0 else position > 0.5)
                and (bar["close"] >= zone["bottom"] if d > 0 else bar["close"] <= zone["top"])
                and (gap or sweep)
            )
            if fine:
                points = 40 + 10 * (swing == d) + 10 * (internal == d) + 10 * (zone["scale"] == "swing")
                points += 10 * gap + 10 * sweep
                points += 5 * ((bar["close"] - 0.5 * (bar["high"] + bar["low"])) * d > 0)
                stop = (zone["bottom"] if d > 0 else zone["top"]) - d * p.stop_atr * atr
                made = _signal(m, t, d, stop, atr, points, p, "smc_pullback")
                if made:
                    last[d] = t
                    signals.append({**made, "zone_id": zone["zone_id"]})
        m.fold(t)
    return signals


def breakout(m: Market, p: BreakoutParameters) -> list[dict[str, Any]]:
    signals: list[dict[str, Any]] = []
    last: dict[int, int] = {}
    for t, bar in enumerate(m.bars):
        m.drop_taken(t)
        m.fold(t)
        broken = [
            row
            for row in m.structure.get(bar["ts"], [])
            if row["kind"] in {"bos", "choch"} and row["scale"] in {"internal", "swing"}
        ]
        if not broken or t < 20:
            continue
        event = broken[-1]
        d = event["direction"]
        swing, internal = m.bias[t]["swing"], m.bias[t]["internal"]
        atr = m.indicators[t]["atr_14"]
        before = m.bars[t - 20 : t]
        mean_volume = sum(row["volume"] for row in before) / 20
        true_range = max(bar["high"], before[-1]["close"]) - min(bar["low"], before[-1]["close"])
        fine = (
            (d not in last or t - last[d] > p.cooldown_bars)
            and internal == d
            and swing != -d
            and true_range >= p.least_range_atr * atr
            and mean_volume > 0
            and bar["volume"] >= p.least_volume * mean_volume
            and (bar["close"] - event["level"]) * d <= p.most_chase_atr * atr
            and ("internal", -d) in m.last_pivot
        )
        if fine:
            points = 40 + 20 * (event["scale"] == "swing") + 15 * (swing == d) + 10 * (event["kind"] == "bos")
            points += 10 * (bar["volume"] >= 2.0 * mean_volume)
            stop = m.last_pivot["internal", -d] - d * p.stop_atr * atr
            made = _signal(m, t, d, stop, atr, points, p, "structure_breakout")
            if made:
                last[d] = t
                signals.append({**made, "zone_id": None})
    return signals


def _signal(
    m: Market, t: int, d: int, stop: float, atr: float, points: int, p: Any, strategy: str
) -> dict[str, Any] | None:
    entry = m.bars[t]["close"]
    risk = (entry - stop) * d
    if not p.least_risk_atr * atr <= risk <= p.most_risk_atr * atr or risk <= 0:
        return None
    level = m.next_level(t, d, entry + d * p.least_reward * risk)
    liquid = level is not None and (level - entry) * d <= p.most_reward * risk
    target_2 = level if liquid else entry + d * p.plain_reward * risk
    return {
        "ts": m.bars[t]["ts"],
        "strategy": strategy,
        "direction": d,
        "entry": entry,
        "stop": stop,
        "target_1": entry + d * risk,
        "target_2": target_2,
        "risk_reward": abs(target_2 - entry) / abs(entry - stop),
        "score": (points + 5 * liquid) / 100,
    }


def trend(m: Market, p: TrendParameters) -> list[dict[str, Any]]:
    signals: list[dict[str, Any]] = []
    last: dict[int, int] = {}
    before, began, taken = 0, 0, False
    for t, bar in enumerate(m.bars):
        row, above = m.indicators[t], m.higher[t]
        d = 0
        if None not in (row["ema_21"], row["ema_50"], row["supertrend_dir_10"]):
            up, down = row["ema_21"] > row["ema_50"], row["ema_21"] < row["ema_50"]
            d = 1 if up and row["supertrend_dir_10"] > 0 else -1 if down and row["supertrend_dir_10"] < 0 else 0
        if d != before:
            before, began, taken = d, t, False
        if d == 0 or t - began > p.fresh_bars or taken or (d in last and t - last[d] <= p.cooldown_bars):
            continue
        if None in (above["ema_21"], above["ema_50"], row["atr_14"]):
            continue
        swing = m.bias[t]["swing"]
        stretch = (bar["close"] - row["ema_21"]) * d
        fine = (
            (above["ema_21"] - above["ema_50"]) * d > 0
            and (above["close"] - above["ema_50"]) * d > 0
            and swing != -d
            and 0 <= stretch <= p.most_stretch_atr * row["atr_14"]
        )
        risk = p.stop_atr * row["atr_14"]
        stop = bar["close"] - d * risk
        if not fine or stop <= 0:
            continue
        points = 40 + 20 * ((above["supertrend_dir_10"] or 0) * d > 0) + 20 * (swing == d) + 10 * (t == began)
        points += 10 * (row["ema_200"] is not None and (bar["close"] - row["ema_200"]) * d > 0)
        first = bar["close"] + d * (bar["close"] - stop) * d
        signals.append(_row(m, t, "trend_following", d, stop, first, bar["close"] + d * p.reward * risk, points / 100))
        last[d], taken = t, True
    return signals


def reversion(m: Market, p: ReversionParameters) -> list[dict[str, Any]]:
    signals: list[dict[str, Any]] = []
    last: dict[int, int] = {}
    # By direction of the signal it leads to: bars of the excursion.
    outside: dict[int, list[int]] = {1: [], -1: []}
    for t, bar in enumerate(m.bars):
        row = m.indicators[t]
        for d in (1, -1):
            band = row["bb_lower_20" if d > 0 else "bb_upper_20"]
            if band is not None and (band - bar["close"]) * d > 0:
                outside[d].append(t)
                continue
            excursion, outside[d] = outside[d], []
            if not excursion or band is None or len(excursion) > p.most_bars:
                continue
            if d in last and t - last[d] <= p.cooldown_bars:
                continue
            far = [m.bars[k]["low" if d > 0 else "high"] for k in (*excursion, t)]
            depth = min(far) if d > 0 else max(far)
            strengths = [m.indicators[k]["rsi_14"] for k in excursion if m.indicators[k]["rsi_14"] is not None]
            if not strengths:
                continue
            rsi = min(strengths) if d > 0 else max(strengths)
            extreme = p.extreme_rsi if d > 0 else 100 - p.extreme_rsi
            swing, internal, above = m.bias[t]["swing"], m.bias[t]["internal"], m.higher[t]
            against = None not in (above["ema_21"], above["ema_50"]) and (above["ema_21"] - above["ema_50"]) * d < 0
            stop = depth - d * p.stop_atr * row["atr_14"]
            risk, middle = (bar["close"] - stop) * d, row["bb_middle_20"]
            fine = (
                (extreme - rsi) * d >= 0
                and not (swing == -d and internal == -d and against)
                and (middle - bar["close"]) * d >= p.least_reward * risk
                and p.least_risk_atr * row["atr_14"] <= risk <= p.most_risk_atr * row["atr_14"]
                and risk > 0 < stop
                and (middle - bar["close"]) * d > 0
            )
            if not fine:
                continue
            position = row["range_position"]
            favourable = position is not None and (position < 0.5 if d > 0 else position > 0.5)
            points = 40 + 15 * ((extreme - rsi) * d >= 10) + 15 * (swing == d) + 10 * (internal == d) + 10 * favourable
            points += 10 * ((bar["close"] - 0.5 * (bar["high"] + bar["low"])) * d > 0)
            other = row["bb_upper_20" if d > 0 else "bb_lower_20"]
            signals.append(_row(m, t, "mean_reversion", d, stop, middle, other, points / 100))
            last[d] = t
    return signals


def _row(
    m: Market, t: int, strategy: str, d: int, stop: float, target_1: float, target_2: float, score: float
) -> dict[str, Any]:
    entry = m.bars[t]["close"]
    return {
        "ts": m.bars[t]["ts"],
        "strategy": strategy,
        "direction": d,
        "entry": entry,
        "stop": stop,
        "target_1": target_1,
        "target_2": target_2,
        "risk_reward": abs(target_2 - entry) / abs(entry - stop),
        "score": score,
        "zone_id": None,
    }

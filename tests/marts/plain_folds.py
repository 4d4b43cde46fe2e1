"""The marts by plain Python, from the rows of the logs: the reference the warehouse's SQL is held to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.marts.market_logs import Logs, Row, known_at

_ENDS = ("invalidated", "filled", "swept", "broken", "expired")
SERIES = ("exchange", "symbol", "timeframe")


def series_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in SERIES)


def zones(logs: Logs) -> dict[str, Row]:
    """Whole life of every zone, by its id."""
    bars: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for bar in logs.of("candles"):
        bars[series_of(bar)].append(bar["ts"])
    number = {key: {ts: i for i, ts in enumerate(sorted(times))} for key, times in bars.items()}
    lives: dict[str, Row] = {}
    for event in logs.of("zone_events"):
        life = lives.setdefault(event["zone_id"], {name: event[name] for name in (*SERIES, "kind", "side", "scale")})
        life.update({name: event[name] for name in ("top", "bottom", "origin_ts", "volume")})
        name = "ended" if event["event"] in _ENDS else event["event"]
        life[f"{name}_ts"], life[f"{name}_known_at"] = event["ts"], known_at(event)
        if name == "ended":
            life["status"] = event["event"]
    for life in lives.values():
        numbers = number[series_of(life)]
        newest = max(numbers.values())
        life.setdefault("status", "live")
        life["reached"] = next((stage for stage in ("mitigated", "touched") if f"{stage}_ts" in life), "fresh")
        ended = numbers[life["ended_ts"]] if "ended_ts" in life else newest
        life["bars_alive"] = ended - numbers[life["created_ts"]]
    return lives


def structure(logs: Logs) -> dict[tuple[str, ...], Row]:
    """Present state of every series and scale."""
    states: dict[tuple[str, ...], Row] = {}
    order = {"swing_high": 0, "swing_low": 0, "eqh": 1, "eql": 1}
    events = sorted(
        logs.of("structure_events"),
        key=lambda event: (event["ts"], order.get(event["kind"], 2 if event["direction"] > 0 else 3)),
    )
    for event in events:
        state = states.setdefault((*series_of(event), event["scale"]), defaultdict(int))
        kind = event["kind"]
        state["bias"] = event["bias"]
        if kind in ("swing_high", "swing_low"):
            side = kind.removeprefix("swing_")
            state[f"last_{side}"], state[f"last_{side}_label"] = event["level"], event["label"]
            state[f"swing_{side}s"] += 1
        elif kind in ("bos", "choch"):
            state["last_break"], state["last_break_direction"] = kind, event["direction"]
            state["last_break_level"], state["last_break_known_at"] = event["level"], known_at(event)
            state[f"{kind}_{'up' if event['direction'] > 0 else 'down'}"] += 1
        else:
            state["equal_highs" if kind == "eqh" else "equal_lows"] += 1
    return states


def results(logs: Logs) -> dict[str, Row]:
    """Every signal with the decision on it and its final outcome, if it has one."""
    feed = {signal["signal_id"]: {**signal, "final": None, "decision": None} for signal in logs.of("signals")}
    for decision in logs.of("risk_decisions"):
        feed[decision["signal_id"]]["decision"] = decision["decision"]
    for outcome in logs.of("signal_outcomes"):
        signal = feed[outcome["signal_id"]]
        if outcome["outcome"] == "target_1":
            signal["target_1_at"] = outcome["ts"]
        if outcome["outcome"] != "target_1" or signal["target_2"] is None:
            signal["final"] = outcome
    return feed


def performance(feed: Iterable[Row]) -> Row:
    """Track record of some signals."""
    rows = list(feed)
    closed = sorted((row for row in rows if row["final"]), key=lambda row: (known_at(row["final"]), row["signal_id"]))
    values = [row["final"]["r_multiple"] for row in closed]
    wins, losses = [r for r in values if r > 0], [r for r in values if r < 0]
    total = peak = drawdown = 0.0
    streak = longest = 0
    for r in values:
        total += r
        peak = max(peak, total)
        drawdown = max(drawdown, peak - total)
        streak = streak + 1 if r < 0 else 0
        longest = max(longest, streak)
    return {
        "signals": len(rows),
        "sample_size": len(values),
        "wins": len(wins),
        "losses": len(losses),
        "win_rate": len(wins) / len(values) if values else None,
        "expectancy_r": sum(values) / len(values) if values else None,
        "profit_factor": sum(wins) / -sum(losses) if losses else None,
        "total_r": sum(values),
        "max_drawdown_r": drawdown,
        "max_losing_streak": longest,
    }

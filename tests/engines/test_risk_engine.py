"""The risk engine: order of events, a plain-Python reference, chunkings, snapshots."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.errors import StateMismatch
from engines.risk import DECISION_SCHEMA, RULES, VERDICTS, DecisionRows, RiskEngine, RiskPolicy, Sizing
from engines.signals import OUTCOME_SCHEMA, SIGNAL_SCHEMA, BadSignals, OutcomeEngine
from engines.signals.rows import signal_arrays
from tests.engines.account_rows import walks
from tests.engines.market_bars import (
    START_MS,
    assert_same_bits,
    bars_frame,
    chunkings,
    pieces,
    real_bars,
    simulated_bars,
)
from tests.engines.signal_frames import outcome, outcome_frame, random_signals, signal, signal_frame, within

STEP = 900_000
TIGHT = {
    "risk_per_trade": 0.015,
    "max_consecutive_losses": 3,
    "loss_cooldown_bars": 8,
    "max_drawdown": 0.15,
    "drawdown_halt_days": 2.0,
    "max_concurrent_positions": 4,
    "fee_rate": 0.0002,
}


def flat_bars(count: int) -> pl.DataFrame:
    prices = [[100.0] * count] * 4
    return bars_frame([START_MS + STEP * i for i in range(count)], *prices, [1.0] * count)


def decide_all(
    bars: pl.DataFrame, signals: list[dict[str, Any]], outcomes: list[dict[str, Any]], **rules: Any
) -> pl.DataFrame:
    engine = RiskEngine(policy=rules)
    return engine.advance(bars, signal_frame(signals), outcome_frame(outcomes))


def test_outcomes_of_a_bar_come_before_its_signals() -> None:
    first = signal(START_MS, 1, 100.0, 98.0, 102.0)
    second = signal(START_MS + STEP, 1, 100.0, 98.0, 102.0)
    won = outcome(START_MS + STEP, first, "target_1", 102.0)
    rows = decide_all(flat_bars(2), [first, second], [won], max_concurrent_positions=1)
    assert rows["decision"].to_list() == ["accepted", "accepted"]
    assert rows["equity"].to_list() == [10_000.0, 10_100.0]
    assert rows["open_positions"].to_list() == [0, 0]
    later = decide_all(
        flat_bars(3),
        [first, second],
        [outcome(START_MS + 2 * STEP, first, "target_1", 102.0)],
        max_concurrent_positions=1,
    )
    assert later["decision"].to_list() == ["accepted", "rejected"]
    assert later["rule"].to_list() == [None, "concurrent_positions"]
    assert later["rule_value"].to_list() == [None, 2.0]
    assert later["open_positions"].to_list() == [0, 1]


def test_the_best_signal_of_a_bar_is_decided_first() -> None:
    one = signal(START_MS, 1, 100.0, 98.0, 102.0, signal_id="a", score=0.4)
    two = signal(START_MS, -1, 100.0, 102.0, 98.0, signal_id="b", score=0.6)
    rows = decide_all(flat_bars(1), [one, two], [], max_concurrent_positions=1)
    assert rows.select("signal_id", "decision").rows() == [("b", "accepted"), ("a", "rejected")]


def test_the_order_of_rows_within_a_bar_does_not_matter() -> None:
    bars = simulated_bars(1_500, seed=21)
    signals = random_signals(bars, seed=21, density=0.5)
    outcomes = OutcomeEngine(max_bars=10).advance(bars, signals)
    rows = RiskEngine(policy=TIGHT).advance(bars, signals, outcomes)
    shuffled = [
        frame.sample(fraction=1.0, shuffle=True, seed=1).sort("ts", maintain_order=True)
        for frame in (signals, outcomes)
    ]
    assert not shuffled[0].equals(signals)
    assert not shuffled[1].equals(outcomes)
    assert_same_bits(RiskEngine(policy=TIGHT).advance(bars, *shuffled), rows)


def test_outcomes_of_rejected_signals_change_nothing() -> None:
    poor = signal(START_MS, 1, 100.0, 98.0, 101.0)
    rich = signal(START_MS + STEP, 1, 100.0, 98.0, 104.0)
    rows = decide_all(flat_bars(2), [poor, rich], [outcome(START_MS + STEP, poor, "stopped", 98.0)])
    assert rows["rule"].to_list() == ["risk_reward", None]
    assert rows["equity"].to_list() == [10_000.0, 10_000.0]


def test_rows_have_the_columns_of_the_table() -> None:
    rows = decide_all(flat_bars(1), [signal(START_MS, 1, 100.0, 98.0, 102.0)], [])
    assert rows.schema == DECISION_SCHEMA
    assert rows.drop("ts").row(0) == (
        f"{START_MS}:1:100.0", "hand_made", 1, "accepted", None, None, None, [], "fixed_fraction", 5_000.0, 50.0, 5_000.0,
        100.0, 0.01, 5_000.0 / 3.0, (100.0 / 3.0 - 100.0) / (0.005 - 1.0), 10_000.0, 0, 0.0, 0.0, 0.0, "", 0.0,
    )  # fmt: skip


def reference(
    bars: pl.DataFrame, signals: pl.DataFrame, outcomes: pl.DataFrame, policy: RiskPolicy, bar_ms: int
) -> list[dict[str, Any]]:
    """The rules in plain Python, bar by bar, on dictionaries."""
    day_ms = 86_400_000
    equity = peak = day_start = policy.starting_equity
    day, halt_ends, losses, pause_ends = None, None, 0, None
    held: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    by_bar: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for order, frame in enumerate((outcomes, signals)):
        for row in frame.with_columns(pl.col("ts").to_physical()).iter_rows(named=True):
            by_bar.setdefault(row["ts"], []).append((order, row))
    for ts in bars["ts"].to_physical().to_list():
        for order, row in sorted(by_bar.get(ts, []), key=lambda item: item[0]):
            if ts // day_ms != day:
                day, day_start = ts // day_ms, equity
            if halt_ends is not None and ts >= halt_ends:
                halt_ends, peak = None, equity
            key = row["signal_id"]
            if order == 0:
                if key not in held:
                    continue
                p = held[key]
                half = row["outcome"] == "target_1" and p["two"]
                part = p["size"] * 0.5 if half else p["left"]
                gain = part * p["d"] * (row["price"] - p["entry"]) - part * row["price"] * policy.fee_rate
                equity += gain
                p["gain"] += gain
                p["left"] -= part
                peak = max(peak, equity)
                if halt_ends is None and (peak - equity) / peak >= policy.max_drawdown:
                    halt_ends = ts + round(policy.drawdown_halt_days * day_ms) if policy.drawdown_halt_days else 2**62
                if not half:
                    del held[key]
                    losses = losses + 1 if p["gain"] < 0 else 0
                    if losses == policy.max_consecutive_losses:
                        losses, pause_ends = 0, ts + policy.loss_cooldown_bars * bar_ms
                continue
            gross = sum(p["left"] * p["entry"] for p in held.values())
            net = sum(p["d"] * p["left"] * p["entry"] for p in held.values()) * row["direction"]
            lost = (day_start - equity) / day_start
            distance = abs(row["entry"] - row["stop"])
            size = policy.risk_per_trade * equity / distance
            value = size * row["entry"]
            rooms = [
                ("position_size", policy.max_position_fraction * equity),
                ("gross_exposure", policy.max_gross_exposure * equity - gross),
                ("net_exposure", policy.max_net_exposure * equity - net),
            ]
            name, room = min(rooms, key=lambda found: found[1])
            rule = None
            if halt_ends is not None:
                rule = "drawdown_halt"
            elif lost >= policy.max_daily_loss:
                rule = "daily_loss"
            elif pause_ends is not None and ts <= pause_ends:
                rule = "loss_cooldown"
            elif row["risk_reward"] < policy.min_risk_reward:
                rule = "risk_reward"
            elif len(held) >= policy.max_concurrent_positions:
                rule = "concurrent_positions"
            elif room <= 0:
                rule = name
            elif min(value, room) < policy.min_notional:
                rule = "min_notional"
            result = {"signal_id": key, "equity": equity, "open_positions": len(held), "rule": rule}
            if rule is None:
                if room < value:
                    result["rule"], size = name, room / row["entry"]
                held[key] = {
                    "d": row["direction"], "entry": row["entry"], "size": size, "left": size,
                    "two": row["target_2"] is not None, "gain": -size * row["entry"] * policy.fee_rate,
                }  # fmt: skip
                equity -= size * row["entry"] * policy.fee_rate
                decision = "accepted" if result["rule"] is None else "resized"
                rows.append({**result, "decision": decision, "size": size})
            else:
                rows.append({**result, "decision": "rejected", "size": 0.0})
    return rows


def assert_agrees(bars: pl.DataFrame, signals: pl.DataFrame, timeframe: str, rules: dict[str, Any]) -> pl.DataFrame:
    outcomes = OutcomeEngine(timeframe=timeframe, max_bars=60).advance(bars, signals)
    outcomes = outcomes.sort("ts", "signal_ts", "signal_id", maintain_order=True)
    engine = RiskEngine(timeframe=timeframe, policy=rules)
    rows = engine.advance(bars, signals, outcomes)
    expected = reference(bars, signals, outcomes, engine.policy, engine.timeframe.milliseconds)
    names = ["signal_id", "decision", "rule", "open_positions"]
    assert rows.select(names).rows() == [tuple(row[name] for name in names) for row in expected]
    for name in ("size", "equity"):
        np.testing.assert_allclose(rows[name].to_numpy(), [row[name] for row in expected], rtol=1e-9)
    return rows


@pytest.mark.parametrize("rules", [{}, TIGHT])
def test_agrees_with_the_plain_reference(rules: dict[str, Any]) -> None:
    bars = simulated_bars(6_000, seed=9)
    rows = assert_agrees(bars, random_signals(bars, seed=9, density=0.15), "15m", rules)
    assert set(rows["decision"].unique()) == {"accepted", "resized", "rejected"}
    assert rows["rule"].n_unique() > 5


def test_agrees_with_the_plain_reference_on_recorded_bars(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_ETHUSDT_1h_2017-08_2025-06")[:10_000]
    assert_agrees(bars, random_signals(bars, seed=1, density=0.05), "1h", {})


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 50), sizing=st.sampled_from(list(Sizing)))
def test_rows_do_not_depend_on_how_bars_are_cut(data: st.DataObject, seed: int, sizing: Sizing) -> None:
    bars = simulated_bars(600, seed=seed)
    signals = random_signals(bars, seed=seed, density=0.25)
    outcomes = OutcomeEngine(max_bars=40).advance(bars, signals)
    rules = TIGHT | {"sizing": sizing.value, "returns_window": 50, "min_returns": 20, "kelly_min_trades": 5}
    whole = RiskEngine(policy=rules).advance(bars, signals, outcomes)
    engine = RiskEngine(policy=rules)
    parts: list[pl.DataFrame] = []
    for piece in pieces(bars, data.draw(chunkings(600))):
        parts.append(engine.advance(piece, within(signals, piece), within(outcomes, piece)))
        if data.draw(st.booleans()):
            engine = RiskEngine.restore(engine.snapshot(), policy=engine.policy)
    assert_same_bits(pl.concat(parts), whole)


def test_arrays_give_the_rows_of_frames() -> None:
    bars = simulated_bars(800, seed=12)
    signals = random_signals(bars, seed=12, density=0.2)
    walker = OutcomeEngine(max_bars=40)
    frame = RiskEngine(policy=TIGHT).advance(bars, signals, OutcomeEngine(max_bars=40).advance(bars, signals))
    engine = RiskEngine(policy=TIGHT)
    decided: list[tuple[Any, ...]] = []
    for piece in pieces(bars, [300, 1, 0, 499]):
        new = within(signals, piece)
        arrays = signal_arrays(new)
        outcomes = walker.new_rows(new.height)
        count = walker.advance_arrays(*bar_arrays(piece), arrays, outcomes)
        known = type(outcomes)(*(column[:count] for column in outcomes))
        kinds = (np.int8, np.int8, *[np.float64] * 7, np.int64)
        rows = DecisionRows(*(np.empty(new.height, kind) for kind in kinds))
        assert (
            engine.advance_arrays(*bar_arrays(piece), arrays, new["risk_reward"].to_numpy(), known, rows) == new.height
        )
        decided += zip(*(column.tolist() for column in rows), strict=True)
    assert [VERDICTS[row[0]].value for row in decided] == frame["decision"].to_list()
    assert [None if row[1] < 0 else RULES[row[1]].value for row in decided] == frame["rule"].to_list()
    assert [row[4] for row in decided] == frame["size"].to_list()
    assert [row[8] for row in decided] == frame["equity"].to_list()
    assert [row[9] for row in decided] == frame["open_positions"].to_list()


def test_kelly_bets_on_what_is_known_of_the_strategy() -> None:
    """Two wins at 2R and a loss: by then the bet is 2/3 - 1/6 of equity, a quarter of it 12.5 %, capped at 10 %."""
    rules = {"sizing": "kelly", "kelly_min_trades": 3, "kelly_prior_trades": 0.0, "kelly_cap": 0.1}
    rules |= {"max_risk_per_trade": 0.5, "max_position_fraction": 50.0, "max_gross_exposure": 50.0, "leverage": 50.0}
    rules |= {"max_net_exposure": 50.0, "maintenance_margin_rate": 0.0, "max_daily_loss": 0.9}
    signals = [signal(START_MS + STEP * i, 1, 100.0, 99.0, 102.0) for i in range(5)]
    ends = [outcome(START_MS + STEP * (i + 1), signals[i], "target_1", 102.0) for i in (0, 1)]
    ends.append(outcome(START_MS + STEP * 3, signals[2], "stopped", 99.0))
    rows = decide_all(flat_bars(5), signals, ends, **rules)
    assert rows["risk_fraction"].to_list() == pytest.approx([0.01, 0.01, 0.01, 0.1, 0.1])
    assert rows["sizing"].unique().to_list() == ["kelly"]
    # A strategy that only loses is bet on no more.
    losses = [outcome(START_MS + STEP * (i + 1), signals[i], "stopped", 99.0) for i in range(3)]
    rows = decide_all(flat_bars(5), signals, losses, **rules)
    assert rows["rule"].to_list() == [None, None, None, "no_edge", "no_edge"]
    assert rows["rule_value"].to_list()[3:] == [pytest.approx(-0.25)] * 2


def test_volatility_is_that_of_the_closes_known_and_a_gap_has_no_return() -> None:
    prices = walks(1, 400, 5, 0.0)[0].tolist()
    bars = bars_frame([START_MS + STEP * i for i in range(400)], *[prices] * 4, [1.0] * 400)
    gap = pl.concat([bars[:300], bars[310:]])
    made = [signal(gap["ts"].to_physical()[i], 1, 100.0, 98.0, 104.0) for i in (10, 250, 389)]
    rules = {"sizing": "volatility_target", "returns_window": 100, "min_returns": 60, "max_position_fraction": 9.0}
    rows = RiskEngine(policy=rules).advance(gap, signal_frame(made), outcome_frame([]))
    assert rows["rule"][0] == "returns_history"
    assert rows["rule_value"][0] == 10.0
    logs = np.log(bars["close"].to_numpy())
    returns = np.diff(logs)
    # The last 100 steps before bar 399 hold bar 299, the gap of ten bars, and the bars from 310 on.
    known = [returns[150:250], returns[310:399]]
    for row, window in zip(rows["wanted_notional"].to_list()[1:], known, strict=True):
        volatility = np.std(window, ddof=1) * np.sqrt(365 * 96)
        assert row == pytest.approx(10_000.0 * 0.1 / volatility, rel=1e-9)


def test_restored_in_another_process(tmp_path: Path) -> None:
    bars = simulated_bars(1_200, seed=3)
    signals = random_signals(bars, seed=3, density=0.2)
    outcomes = OutcomeEngine(max_bars=40).advance(bars, signals)
    engine = RiskEngine(policy=TIGHT)
    first, rest = bars[:700], bars[700:]
    engine.advance(first, within(signals, first), within(outcomes, first))
    (tmp_path / "state").write_bytes(engine.snapshot())
    rest.write_parquet(tmp_path / "bars")
    within(signals, rest).write_parquet(tmp_path / "signals")
    within(outcomes, rest).write_parquet(tmp_path / "outcomes")
    program = (
        "import sys, polars as pl; from pathlib import Path; from engines.risk import RiskEngine; "
        "p = Path(sys.argv[1]); e = RiskEngine.restore((p / 'state').read_bytes()); "
        "e.advance(*(pl.read_parquet(p / n) for n in ('bars', 'signals', 'outcomes'))).write_parquet(p / 'rows')"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
    expected = engine.advance(rest, within(signals, rest), within(outcomes, rest))
    assert expected.height > 50
    assert_same_bits(pl.read_parquet(tmp_path / "rows"), expected)


@pytest.mark.parametrize(
    ("signals", "outcomes", "rule"),
    [
        ([signal(START_MS, 1, 100.0, 98.0, 102.0)] * 2, [], "row 1: signal_id .* has been given before"),
        ([signal(START_MS + 1, 1, 100.0, 98.0, 102.0)], [], "row 0: ts is not the open time of a bar"),
        (
            [],
            [outcome(START_MS, signal(START_MS, 1, 100.0, 98.0, 102.0), "won", 102.0)],
            "row 0: outcome is 'won'; it must be one of target_1",
        ),
    ],
)
def test_bad_events_are_refused_and_nothing_moves(
    signals: list[dict[str, Any]], outcomes: list[dict[str, Any]], rule: str
) -> None:
    engine = RiskEngine()
    before = engine.snapshot()
    with pytest.raises(BadSignals, match=rule):
        engine.advance(flat_bars(2), signal_frame(signals), outcome_frame(outcomes))
    assert engine.snapshot() == before


def test_a_snapshot_of_another_policy_is_refused() -> None:
    data = RiskEngine(policy=TIGHT).snapshot()
    with pytest.raises(StateMismatch, match="policy"):
        RiskEngine.restore(data, policy=RiskPolicy())
    assert RiskEngine.restore(data).policy == RiskPolicy.from_dict(TIGHT)


def test_empty_frames() -> None:
    rows = RiskEngine().advance(
        simulated_bars(0), pl.DataFrame(schema=SIGNAL_SCHEMA), pl.DataFrame(schema=OUTCOME_SCHEMA)
    )
    assert rows.is_empty()
    assert rows.schema == DECISION_SCHEMA

"""Outcomes: hand-worked bars, a plain-Python reference, chunkings, snapshots."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.errors import BadBars, BadParameter, StateMismatch
from engines.signals import OUTCOME_SCHEMA, SIGNAL_SCHEMA, BadSignals, OutcomeEngine
from engines.signals.rows import SignalArrays, signal_arrays
from tests.engines.market_bars import (
    START_MS,
    assert_same_bits,
    bars_frame,
    chunkings,
    pieces,
    real_bars,
    simulated_bars,
)
from tests.engines.signal_frames import random_signals, signal, signal_frame, within

STEP = 900_000
LONG = signal(START_MS, 1, 100.0, 98.0, 102.0, 106.0)
SHORT = signal(START_MS, -1, 100.0, 102.0, 98.0, 94.0)
CALM = (100.0, 101.0, 99.0, 100.0)


def walk(signals: list[dict[str, Any]], *later: tuple[float, float, float, float], max_bars: int = 200) -> pl.DataFrame:
    """Outcomes of signals decided at the first bar's close, given the open, high, low, close of the bars after it."""
    prices = [CALM, *later]
    columns = list(zip(*prices, strict=True))
    bars = bars_frame([START_MS + STEP * i for i in range(len(prices))], *columns, [1.0] * len(prices))
    return OutcomeEngine(timeframe="15m", max_bars=max_bars).advance(bars, signal_frame(signals))


def told(rows: pl.DataFrame) -> list[tuple[str, float, float, int]]:
    return rows.select("outcome", "price", "r_multiple", "bars_held").rows()


@pytest.mark.parametrize(
    ("one", "bar", "expected"),
    [
        (LONG, (100, 103, 99, 101), [("target_1", 102.0, 1.0, 1)]),
        (LONG, (100, 107, 99, 101), [("target_1", 102.0, 1.0, 1), ("target_2", 106.0, 3.0, 1)]),
        (LONG, (100, 101, 97, 99), [("stopped", 98.0, -1.0, 1)]),
        (LONG, (100, 110, 98, 99), [("stopped", 98.0, -1.0, 1)]),
        (LONG, (97, 110, 96, 99), [("stopped", 97.0, -1.5, 1)]),
        (LONG, (108, 109, 107, 108), [("target_1", 102.0, 1.0, 1), ("target_2", 106.0, 3.0, 1)]),
        (LONG, (100, 101.99, 98.01, 101), []),
        (SHORT, (100, 101, 97, 99), [("target_1", 98.0, 1.0, 1)]),
        (SHORT, (100, 101, 93, 99), [("target_1", 98.0, 1.0, 1), ("target_2", 94.0, 3.0, 1)]),
        (SHORT, (100, 102, 93, 99), [("stopped", 102.0, -1.0, 1)]),
        (SHORT, (103, 104, 93, 99), [("stopped", 103.0, -1.5, 1)]),
    ],
)
def test_one_bar(one: dict[str, Any], bar: tuple[float, float, float, float], expected: list[Any]) -> None:
    assert told(walk([one], bar)) == expected


def test_the_deciding_bar_itself_is_not_walked() -> None:
    bars = bars_frame([START_MS], [100.0], [120.0], [80.0], [100.0], [1.0])
    engine = OutcomeEngine()
    assert engine.advance(bars, signal_frame([LONG])).is_empty()
    assert engine.open_signals == 1


def test_the_stop_stays_where_it_is_after_the_first_target() -> None:
    rows = walk([LONG], (100, 103, 99, 101), (101, 102, 99, 99), (99, 99, 97, 98))
    assert told(rows) == [("target_1", 102.0, 1.0, 1), ("stopped", 98.0, -1.0, 3)]


def test_the_first_target_ends_a_signal_without_a_second() -> None:
    only = signal(START_MS, 1, 100.0, 98.0, 102.0)
    assert told(walk([only], (100, 110, 99, 101), (101, 102, 90, 91))) == [("target_1", 102.0, 1.0, 1)]


def test_expiry_at_the_close() -> None:
    assert told(walk([LONG], CALM, (100, 101, 99, 101), max_bars=2)) == [("expired", 101.0, 0.5, 2)]
    late = walk([LONG], CALM, (100, 103, 99, 101), max_bars=2)
    assert told(late) == [("target_1", 102.0, 1.0, 2), ("expired", 101.0, 0.5, 2)]
    assert told(walk([LONG], CALM, (100, 103, 97, 101), max_bars=2)) == [("stopped", 98.0, -1.0, 2)]


def test_rows_carry_their_signal() -> None:
    rows = walk([LONG, SHORT], (100, 101, 97, 98))
    assert rows.schema == OUTCOME_SCHEMA
    assert rows["signal_id"].to_list() == [LONG["signal_id"], SHORT["signal_id"]]
    assert rows["direction"].to_list() == [1, -1]
    assert rows["outcome"].to_list() == ["stopped", "target_1"]
    assert rows["signal_ts"].to_physical().to_list() == [START_MS] * 2
    assert rows["ts"].to_physical().to_list() == [START_MS + STEP] * 2
    assert rows["strategy"].to_list() == ["hand_made"] * 2


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"direction": 0}, "direction"),
        ({"stop": 101.0}, "stop is not on the losing side"),
        ({"stop": 100.0}, "stop is not on the losing side"),
        ({"target_1": 99.0}, "target_1 is not on the winning side"),
        ({"target_2": 101.0}, "target_2 is not beyond target_1"),
        ({"entry": float("nan")}, "finite"),
        ({"signal_id": None}, "signal_id is null"),
        ({"ts": START_MS + STEP}, "not the open time of a bar"),
    ],
)
def test_bad_signals_are_refused_and_nothing_moves(change: dict[str, Any], rule: str) -> None:
    engine = OutcomeEngine()
    before = engine.snapshot()
    bars = bars_frame([START_MS], [100.0], [101.0], [99.0], [100.0], [1.0])
    with pytest.raises(BadSignals, match=f"row 1: .*{rule}"):
        engine.advance(bars, signal_frame([LONG, {**LONG, **change}]))
    assert engine.snapshot() == before
    engine.advance(bars, signal_frame([LONG]))


def test_bad_bars_are_refused_and_nothing_moves() -> None:
    engine = OutcomeEngine()
    bars = bars_frame([START_MS, START_MS], [100.0] * 2, [101.0] * 2, [99.0] * 2, [100.0] * 2, [1.0] * 2)
    before = engine.snapshot()
    with pytest.raises(BadBars, match="row 1"):
        engine.advance(bars, signal_frame([LONG]))
    assert engine.snapshot() == before


def test_frames_with_a_wrong_column_are_refused() -> None:
    frame = signal_frame([LONG])
    bars = bars_frame([START_MS], [100.0], [101.0], [99.0], [100.0], [1.0])
    with pytest.raises(BadSignals, match="'stop' of the signals is missing"):
        OutcomeEngine().advance(bars, frame.drop("stop"))
    with pytest.raises(BadSignals, match="'direction' of the signals is Int64"):
        OutcomeEngine().advance(bars, frame.with_columns(pl.col("direction").cast(pl.Int64)))
    with pytest.raises(BadParameter, match="max_bars"):
        OutcomeEngine(max_bars=0)


def reference(bars: pl.DataFrame, signals: pl.DataFrame, max_bars: int) -> list[tuple[Any, ...]]:
    """The definition in plain Python: each signal walked alone, then sorted by time and age."""
    all_bars = bars.rows()
    index = {row[0]: i for i, row in enumerate(all_bars)}
    rows: list[tuple[Any, ...]] = []
    for age, s in enumerate(signals.iter_rows(named=True)):
        d, entry, stop = s["direction"], s["entry"], s["stop"]
        reached = False
        start = index[s["ts"]]
        for held, (ts, o, h, l, c, _) in enumerate(all_bars[start + 1 :], 1):
            found: list[tuple[str, float]] = []
            over = False
            if (d > 0 and l <= stop) or (d < 0 and h >= stop):
                beyond = o < stop if d > 0 else o > stop
                found, over = [("stopped", o if beyond else stop)], True
            else:
                best = h if d > 0 else l
                if not reached and (best >= s["target_1"] if d > 0 else best <= s["target_1"]):
                    reached = True
                    found.append(("target_1", s["target_1"]))
                    over = s["target_2"] is None
                if reached and not over and (best >= s["target_2"] if d > 0 else best <= s["target_2"]):
                    found.append(("target_2", s["target_2"]))
                    over = True
                if not over and held == max_bars:
                    found.append(("expired", c))
                    over = True
            for order, (kind, price) in enumerate(found):
                r = (price - entry) * float(d) / abs(entry - stop)
                rows.append((ts, age, order, s["signal_id"], s["strategy"], d, kind, price, r, held, s["ts"]))
            if over:
                break
    return [(row[0], *row[3:]) for row in sorted(rows, key=lambda row: row[:3])]


@pytest.mark.parametrize("max_bars", [1, 7, 120])
def test_agrees_with_the_plain_reference(max_bars: int) -> None:
    bars = simulated_bars(4_000, seed=max_bars)
    signals = random_signals(bars, seed=5)
    rows = OutcomeEngine(max_bars=max_bars).advance(bars, signals)
    assert rows.height > signals.height / 2
    assert rows.rows() == reference(bars, signals, max_bars)


def test_agrees_with_the_plain_reference_on_recorded_bars(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")[:12_000]
    signals = random_signals(bars, seed=3, density=0.1)
    rows = OutcomeEngine(timeframe="1h", max_bars=100).advance(bars, signals)
    assert set(rows["outcome"].unique()) == {"target_1", "target_2", "stopped", "expired"}
    assert rows.rows() == reference(bars, signals, 100)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 50))
def test_rows_do_not_depend_on_how_bars_are_cut(data: st.DataObject, seed: int) -> None:
    bars = simulated_bars(600, seed=seed)
    signals = random_signals(bars, seed=seed, density=0.2)
    whole = OutcomeEngine(max_bars=60).advance(bars, signals)
    engine = OutcomeEngine(max_bars=60)
    parts: list[pl.DataFrame] = []
    for piece in pieces(bars, data.draw(chunkings(600))):
        parts.append(engine.advance(piece, within(signals, piece)))
        if data.draw(st.booleans()):
            engine = OutcomeEngine.restore(engine.snapshot(), timeframe="15m", max_bars=60)
    assert_same_bits(pl.concat(parts), whole)
    assert engine.bars_seen == 600


def test_more_signals_open_at_once_than_the_first_capacity() -> None:
    bars = simulated_bars(300, seed=2)
    signals = random_signals(bars, seed=2, density=0.99)
    engine = OutcomeEngine(max_bars=300)
    rows = engine.advance(bars, signals)
    assert engine.open_signals > 0
    assert rows.rows() == reference(bars, signals, 300)
    assert len(engine.snapshot()) < 2_000 + 250 * engine.open_signals


def test_restored_in_another_process(tmp_path: Path) -> None:
    bars = simulated_bars(900, seed=4)
    signals = random_signals(bars, seed=4, density=0.2)
    engine = OutcomeEngine(max_bars=80)
    engine.advance(bars[:500], within(signals, bars[:500]))
    (tmp_path / "state").write_bytes(engine.snapshot())
    bars[500:].write_parquet(tmp_path / "bars")
    within(signals, bars[500:]).write_parquet(tmp_path / "signals")
    program = (
        "import sys, polars as pl; from pathlib import Path; from engines.signals import OutcomeEngine; "
        "p = Path(sys.argv[1]); e = OutcomeEngine.restore((p / 'state').read_bytes()); "
        "e.advance(pl.read_parquet(p / 'bars'), pl.read_parquet(p / 'signals')).write_parquet(p / 'rows')"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
    expected = engine.advance(bars[500:], within(signals, bars[500:]))
    assert expected.height > 50
    assert_same_bits(pl.read_parquet(tmp_path / "rows"), expected)


def test_a_snapshot_of_other_parameters_is_refused() -> None:
    data = OutcomeEngine(max_bars=80, market="binance:BTCUSDT").snapshot()
    with pytest.raises(StateMismatch, match="max_bars=80"):
        OutcomeEngine.restore(data, max_bars=81)
    with pytest.raises(StateMismatch, match="market"):
        OutcomeEngine.restore(data, market="binance:ETHUSDT")


def test_arrays_give_the_rows_of_frames() -> None:
    bars = simulated_bars(500, seed=6)
    signals = random_signals(bars, seed=6, density=0.2)
    frame = OutcomeEngine(max_bars=50).advance(bars, signals)
    engine = OutcomeEngine(max_bars=50)
    arrays = signal_arrays(signals)
    writable = SignalArrays(*(array.copy() for array in arrays))
    rows = engine.new_rows(signals.height)
    count = engine.advance_arrays(*bar_arrays(bars), writable, rows)
    assert count == frame.height
    assert rows.ts[:count].tolist() == frame["ts"].to_physical().to_list()
    assert rows.price[:count].tolist() == frame["price"].to_list()
    ids = signals["signal_id"].to_list()
    assert [ids[handle] for handle in rows.handle[:count].tolist()] == frame["signal_id"].to_list()


def test_empty_frames() -> None:
    engine = OutcomeEngine()
    rows = engine.advance(simulated_bars(0), pl.DataFrame(schema=SIGNAL_SCHEMA))
    assert rows.is_empty()
    assert rows.schema == OUTCOME_SCHEMA
    assert engine.last_ts is None

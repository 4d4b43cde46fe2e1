"""What structure and zones need does not grow with the bars: memory, looks at a bar, and the error of the running mean."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engines.bars import bar_arrays
from engines.structure import StructureEngine
from engines.structure.state import ANCHOR, LOOKED, NOWHERE
from engines.zones import ZoneEngine
from tests.engines.market_bars import START_MS, advance_in_pieces, assert_same_bits, bars_frame, simulated_bars
from tests.engines.structure_and_zones import (
    Both,
    assert_equal_rows,
    plain,
    reference,
    structure_engine,
    zone_engine,
)

_ALLOWANCE = 200_000
"""Bytes that a call may take for the Python objects around it."""

_EVENT_BYTES = 32
"""What a structure event takes in arrays; there is one for every second bar at most."""

ROOT = Path(__file__).resolve().parents[2]
FEED = """
import resource, sys
from engines.structure import StructureEngine
from engines.zones import ZoneEngine
from tests.engines.market_bars import simulated_bars

structure, zones = StructureEngine(timeframe="1m"), ZoneEngine(timeframe="1m")
start, rows = 0, 0
for k in range(int(sys.argv[1])):
    bars = simulated_bars(20_000, seed=k % 7, timeframe="1m", start_ms=start)
    rows += zones.advance(bars, structure.advance(bars)).height
    start = int(bars["ts"].to_physical()[-1]) + 60_000
print(zones.bars_seen, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def tightening_bars(count: int, widening_from: int | None = None) -> pl.DataFrame:
    """Bars each inside the one before, so that on every bar there is a pivot of each side; then each outside."""
    k = np.arange(count)
    turn = count if widening_from is None else widening_from
    half = 500.0 - np.where(k < turn, k, 2 * turn - k) * (400.0 / count)
    return bars_frame(
        START_MS + k * 900_000, np.full(count, 1_000.0), 1_000.0 + half, 1_000.0 - half, 1_000.0 + half / 4, k * 0.0
    )


def wild_bars(count: int) -> pl.DataFrame:
    """Tightening and widening again and again, at several paces: legs much shorter than the widest scale."""
    k = np.arange(count)
    half = 200.0 + 100.0 * np.sin(k / 3.0) + 60.0 * np.sin(k / 41.0) - 30.0 * np.sin(k / 211.0)
    middle = 1_000.0 + 50.0 * np.sin(k / 97.0)
    return bars_frame(START_MS + k * 900_000, middle, middle + half, middle - half, middle + half / 3, k * 1.0)


@pytest.mark.parametrize("swing", [6, 64, 65, 300])
@pytest.mark.parametrize("shape", ["tightening", "and widening", "wild"])
def test_legs_shorter_than_the_scale(shape, swing):
    """Then extremes are looked up over and over among the same bars, in what was found before and the bars since."""
    bars = {
        "tightening": tightening_bars(1_500),
        "and widening": tightening_bars(1_500, 700),
        "wild": wild_bars(1_500),
    }[shape]
    parameters = {"swing": swing, "internal": 20, "atr_period": 14}
    events, lives = reference(bars, **parameters)
    structure, zones = structure_engine(**parameters), zone_engine(**parameters)
    rows = structure.advance(bars)
    assert_equal_rows(plain(rows), events)
    made = zones.advance(bars, rows)
    assert_equal_rows(plain(made), lives)
    assert rows.filter(scale="swing").height > 0
    cut = Both(**parameters)
    assert_same_bits(advance_in_pieces(cut.advance, bars, [1, 7, 500, 0, 992]), made)
    assert cut.structure.snapshot() == structure.snapshot()
    assert cut.zones.snapshot() == zones.snapshot()


@pytest.mark.parametrize("shape", [tightening_bars, wild_bars])
def test_a_bar_is_looked_at_twice_at_most(shape):
    """Once when an anchor is set, once after it: so a scale of thousands of bars costs no more than one of three."""
    width = 2_000
    bars = shape(12_000)
    engine = StructureEngine(swing=width)
    arrays = bar_arrays(bars)
    rows = engine.new_rows(1)
    marks = engine.state.look_back.marks
    looks = np.zeros(marks.shape[:2], np.int64)
    for t in range(bars.height):
        before = marks.copy()
        engine.advance_arrays(*(array[t : t + 1] for array in arrays), rows)
        moved = marks[:, :, ANCHOR] != before[:, :, ANCHOR]
        looks += np.where(moved, np.array([[3], [5], [width]]), 0)
        looks += np.where(~moved & (before[:, :, LOOKED] != NOWHERE), marks[:, :, LOOKED] - before[:, :, LOOKED], 0)
    assert looks.max() > 0
    assert looks.max() <= 2 * bars.height


def test_calls_allocate_nothing_that_grows():
    """Rows and bars are the caller's; whatever else a call takes is the same for a thousand bars and a hundred thousand."""
    arrays = [np.array(column) for column in bar_arrays(simulated_bars(100_000, seed=4))]
    taken: list[int] = []
    # The first time, kernels are loaded.
    for count in (1_000, 1_000, 100_000):
        structure, zones = StructureEngine(), ZoneEngine()
        events, rows = structure.new_rows(count), zones.new_rows(count)
        bars = [column[:count] for column in arrays]
        tracemalloc.start()
        written = structure.advance_arrays(*bars, events)
        zones.advance_arrays(*bars, events, written, rows)
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(taken[1:]) < _ALLOWANCE


def test_frames_take_a_block_at_a_time():
    """Of the arrays that frames are made of, one block is there at a time; only the events given are held as a whole."""
    taken: list[int] = []
    for count in (140_000, 420_000):
        bars = simulated_bars(count, seed=4, timeframe="1m")
        structure, zones = StructureEngine(timeframe="1m"), ZoneEngine(timeframe="1m")
        tracemalloc.start()
        events = structure.advance(bars)
        held = tracemalloc.get_traced_memory()[0]
        first = tracemalloc.get_traced_memory()[1] - held
        tracemalloc.reset_peak()
        rows = zones.advance(bars, events)
        size, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert rows.height > count / 10
        taken.append(first + peak - size)
    assert taken[1] < taken[0] + _EVENT_BYTES * 280_000 // 2


def test_a_process_that_is_fed_for_long_does_not_grow():
    """Peak memory (KiB) of a process after 300,000 and after 1,500,000 bars, whose rows it does not keep."""
    peaks: list[int] = []
    for calls in (15, 75):
        done = subprocess.run(
            [sys.executable, "-c", FEED, str(calls)], check=True, cwd=ROOT, capture_output=True, text=True
        )
        bars, rows, peak = map(int, done.stdout.split())
        assert bars == calls * 20_000
        assert rows > bars / 10
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 16_000


def test_the_mean_body_of_ten_million_bars():
    """After ten million bars, with bodies of all sizes, the running sum is the exactly rounded one to the last digits."""
    count, piece = 10_000_000, 500_000
    structure, zones = StructureEngine(timeframe="1m"), ZoneEngine(timeframe="1m")
    events, rows = structure.new_rows(piece), zones.new_rows(piece)
    random = np.random.default_rng(7)
    exact: list[float] = []
    for first in range(0, count, piece):
        ts = START_MS + np.arange(first, first + piece, dtype=np.int64) * 60_000
        opened = np.full(piece, 100.0)
        closed = opened * (1.0 + random.normal(0, 1, piece) * 10.0 ** random.integers(-9, -1, piece))
        high, low = np.maximum(opened, closed), np.minimum(opened, closed)
        volume = np.zeros(piece)
        written = structure.advance_arrays(ts, opened, high, low, closed, volume, events)
        zones.advance_arrays(ts, opened, high, low, closed, volume, events, written, rows)
        exact.append(math.fsum(np.abs((closed - opened) / opened)))
    assert zones.bars_seen == count
    total = math.fsum(exact)
    assert sum(zones.state.body) == pytest.approx(total, rel=1e-15)


def test_pieces_of_the_tests_above_add_up():
    """`tightening_bars` really turns the legs on every bar: else the tests of short legs would prove little."""
    rows = StructureEngine(swing=4).advance(tightening_bars(200))
    swings = rows.filter(scale="swing", kind="swing_high")["ts"].to_list()
    lows = rows.filter(scale="swing", kind="swing_low")["ts"].to_list()
    turns = sorted(swings + lows)
    assert len(turns) > 150
    assert {(b - a).total_seconds() for a, b in pairwise(turns)} == {900.0}

"""Rows of structure and zones do not depend on how bars are cut into calls, on the process, or on the kind of array."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.errors import BadBars, BadParameter, StateMismatch
from engines.structure import StructureEngine
from engines.zones import ZoneEngine
from tests.engines.market_bars import advance_in_pieces, assert_same_bits, chunkings, real_bars, simulated_bars
from tests.engines.structure_and_zones import MARKET, Both, small_parameters
from tests.engines.tick_bars import tick_bars

ROOT = Path(__file__).resolve().parents[2]
RESUME = """
import sys
from pathlib import Path
import polars as pl
from engines.structure import StructureEngine
from engines.zones import ZoneEngine

folder = Path(sys.argv[1])
structure = StructureEngine.restore((folder / "structure.state").read_bytes())
zones = ZoneEngine.restore((folder / "zones.state").read_bytes(), market="binance:BTCUSDT")
bars = pl.read_parquet(folder / "bars.parquet")
events = structure.advance(bars)
events.write_parquet(folder / "events.parquet")
zones.advance(bars, events).write_parquet(folder / "zones.parquet")
(folder / "zones.after").write_bytes(zones.snapshot())
"""


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_chunks_do_not_matter(data):
    bars = simulated_bars(1_500, seed=data.draw(st.integers(0, 5)))
    lengths = data.draw(chunkings(bars.height))
    whole, pieces = Both(), Both()
    structure = StructureEngine()
    assert_same_bits(advance_in_pieces(structure.advance, bars, lengths), events := StructureEngine().advance(bars))
    assert_same_bits(advance_in_pieces(pieces.advance, bars, lengths), whole.zones.advance(bars, events))
    assert pieces.zones.snapshot() == whole.zones.snapshot()
    assert pieces.structure.snapshot() == structure.snapshot()


@given(bars=tick_bars(), parameters=small_parameters(), data=st.data())
@settings(max_examples=80, deadline=None)
def test_chunks_do_not_matter_with_ties_and_full_groups(bars, parameters, data):
    lengths = data.draw(chunkings(bars.height))
    whole, pieces = Both(**parameters), Both(**parameters)
    assert_same_bits(advance_in_pieces(pieces.advance, bars, lengths), whole.advance(bars))
    assert pieces.zones.snapshot() == whole.zones.snapshot()


def test_one_bar_at_a_time_is_the_same():
    bars = simulated_bars(3_000, seed=12)
    assert_same_bits(advance_in_pieces(Both().advance, bars, [1] * bars.height), Both().advance(bars))


def test_longer_than_a_block_is_the_same(real_data):
    """A call longer than what is worked on at a time (65,536 bars), against short calls."""
    bars = real_bars(real_data, "binance_BTCUSDT_1m_2024").head(150_000)
    pieces = [10_000] * 15
    assert_same_bits(advance_in_pieces(Both("1m").advance, bars, pieces), Both("1m").advance(bars))


def test_nothing_is_rewritten(real_data):
    """Rows of a prefix are the rows of the whole up to there: a row once shown never changes."""
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").slice(20_000, 6_000)
    whole, events = Both("1h").advance(bars), StructureEngine(timeframe="1h").advance(bars)
    for length in range(251, bars.height, 479):
        prefix = bars.head(length)
        last = prefix["ts"][-1]
        assert_same_bits(Both("1h").advance(prefix), whole.filter(pl.col("ts") <= last))
        shown = StructureEngine(timeframe="1h").advance(prefix)
        assert_same_bits(shown, events.filter(pl.col("ts") <= last))


@given(cut=st.integers(0, 2_500))
@settings(max_examples=25, deadline=None)
def test_a_restored_engine_goes_on(cut):
    bars = simulated_bars(2_500, seed=3)
    first = Both()
    head = first.advance(bars.head(cut))
    second = Both()
    second.structure = StructureEngine.restore(first.structure.snapshot(), timeframe="15m", swing=50)
    second.zones = ZoneEngine.restore(first.zones.snapshot(), timeframe="15m", market=MARKET)
    assert second.zones.live == first.zones.live
    assert second.zones.snapshot() == first.zones.snapshot()
    assert_same_bits(pl.concat([head, second.advance(bars.slice(cut))]), Both().advance(bars))


def test_another_process_goes_on(tmp_path):
    bars = simulated_bars(3_000, seed=4)
    both = Both()
    both.advance(bars.head(1_700))
    (tmp_path / "structure.state").write_bytes(both.structure.snapshot())
    (tmp_path / "zones.state").write_bytes(both.zones.snapshot())
    rest = bars.slice(1_700)
    rest.write_parquet(tmp_path / "bars.parquet")
    subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], check=True, cwd=ROOT)
    events = both.structure.advance(rest)
    assert_same_bits(pl.read_parquet(tmp_path / "events.parquet"), events)
    assert_same_bits(pl.read_parquet(tmp_path / "zones.parquet"), both.zones.advance(rest, events))
    assert (tmp_path / "zones.after").read_bytes() == both.zones.snapshot()


def test_arrays_give_the_same_rows():
    bars = simulated_bars(2_000, seed=8)
    arrays = bar_arrays(bars)
    structure, zones = StructureEngine(), ZoneEngine(market=MARKET)
    events, rows = structure.new_rows(500), zones.new_rows(500)
    frames: list[pl.DataFrame] = []
    for first in range(0, bars.height, 500):
        piece = [array[first : first + 500] for array in arrays]
        count = structure.advance_arrays(*piece, events)
        frames.append(zones.frame(rows, zones.advance_arrays(*piece, events, count, rows)))
    assert_same_bits(pl.concat(frames), Both().advance(bars))
    assert zones.bars_seen == bars.height


def test_writable_arrays_are_taken():
    bars = simulated_bars(300, seed=8)
    arrays = [np.array(array) for array in bar_arrays(bars)]
    structure = StructureEngine()
    rows = structure.new_rows(300)
    assert_same_bits(structure.frame(rows, structure.advance_arrays(*arrays, rows)), StructureEngine().advance(bars))


def test_nothing_moves_when_bars_are_refused():
    bars = simulated_bars(400, seed=9)
    both = Both()
    both.advance(bars)
    before = both.structure.snapshot(), both.zones.snapshot()
    with pytest.raises(BadBars):
        both.structure.advance(bars)
    with pytest.raises(BadBars):
        both.zones.advance(bars, StructureEngine().advance(bars))
    assert (both.structure.snapshot(), both.zones.snapshot()) == before


def test_too_little_room_is_refused():
    bars = bar_arrays(simulated_bars(100, seed=9))
    structure, zones = StructureEngine(), ZoneEngine()
    with pytest.raises(BadParameter, match="room"):
        structure.advance_arrays(*bars, structure.new_rows(99))
    rows = structure.new_rows(100)
    count = structure.advance_arrays(*bars, rows)
    with pytest.raises(BadParameter, match="room"):
        zones.advance_arrays(*bars, rows, count, zones.new_rows(99))
    assert zones.bars_seen == 0


def test_no_bars_give_no_rows():
    nothing = simulated_bars(0)
    both = Both()
    events = both.structure.advance(nothing)
    rows = both.zones.advance(nothing, events)
    assert events.columns == ["ts", "scale", "kind", "direction", "level", "origin_ts", "label", "bias"]
    assert rows.columns == [
        *("ts", "zone_id", "kind", "event", "side", "scale", "top", "bottom", "origin_ts", "volume", "sequence")
    ]
    assert events.height == rows.height == 0
    assert_same_bits(rows, Both().advance(simulated_bars(1_000)).head(0))


@pytest.mark.parametrize("name", ["micro", "internal", "swing", "atr_period"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_bad_structure_parameters(name, value):
    with pytest.raises(BadParameter, match=name):
        StructureEngine(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("live_limit", 0), ("swing", 0), ("wild_bar", 0.0), ("wild_bar", float("nan"))]
)
def test_bad_zone_parameters(name, value):
    with pytest.raises(BadParameter, match=name):
        ZoneEngine(**{name: value})


def test_a_snapshot_of_other_parameters_is_refused():
    with pytest.raises(StateMismatch, match="swing"):
        StructureEngine.restore(StructureEngine(swing=20).snapshot(), swing=50)
    with pytest.raises(StateMismatch, match="market"):
        ZoneEngine.restore(ZoneEngine(market="binance:ETHUSDT").snapshot(), market=MARKET)
    with pytest.raises(StateMismatch):
        ZoneEngine.restore(StructureEngine().snapshot())

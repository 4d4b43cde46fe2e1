"""Rows do not depend on how bars are cut into calls, on the process, or on what kind of array they come in."""

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
from engines.errors import BadParameter, StateMismatch
from engines.indicators import IndicatorEngine
from tests.engines.market_bars import advance_in_pieces, assert_same_bits, chunkings, real_bars, simulated_bars

WIDTH = len(IndicatorEngine().columns)
ROOT = Path(__file__).resolve().parents[2]
RESUME = """
import sys
from pathlib import Path
import polars as pl
from engines.indicators import IndicatorEngine

folder = Path(sys.argv[1])
engine = IndicatorEngine.restore((folder / "state").read_bytes(), timeframe="15m")
engine.advance(pl.read_parquet(folder / "bars.parquet")).write_parquet(folder / "rows.parquet")
(folder / "state").write_bytes(engine.snapshot())
"""


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_chunks_do_not_matter(data):
    bars = simulated_bars(1_200, seed=data.draw(st.integers(0, 7)))
    whole, pieces = IndicatorEngine(), IndicatorEngine()
    rows = advance_in_pieces(pieces.advance, bars, data.draw(chunkings(bars.height)))
    assert_same_bits(rows, whole.advance(bars))
    assert pieces.snapshot() == whole.snapshot()


def test_one_bar_at_a_time_is_the_same():
    bars = simulated_bars(3_000, seed=12)
    engine = IndicatorEngine()
    assert_same_bits(advance_in_pieces(engine.advance, bars, [1] * bars.height), IndicatorEngine().advance(bars))


def test_chunks_do_not_matter_on_recorded_bars(real_data):
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")
    lengths = np.random.default_rng(7).multinomial(bars.height, np.ones(300) / 300).tolist()
    engine = IndicatorEngine(timeframe="1h")
    assert_same_bits(advance_in_pieces(engine.advance, bars, lengths), IndicatorEngine(timeframe="1h").advance(bars))


def test_replay_of_any_prefix_rewrites_nothing():
    bars = simulated_bars(2_500, seed=21)
    whole = IndicatorEngine().advance(bars)
    for end in [*range(1, 300, 13), 1_000, 1_777, 2_499]:
        assert_same_bits(IndicatorEngine().advance(bars.head(end)), whole.head(end))


@given(cut=st.integers(0, 800))
@settings(max_examples=30, deadline=None)
def test_restored_engine_goes_on_as_the_original(cut):
    bars = simulated_bars(800, seed=4)
    engine = IndicatorEngine()
    engine.advance(bars.head(cut))
    again = IndicatorEngine.restore(engine.snapshot())
    assert_same_bits(again.advance(bars.slice(cut)), engine.advance(bars.slice(cut)))
    assert again.snapshot() == engine.snapshot()


def test_another_process_goes_on_as_the_original(tmp_path):
    bars = simulated_bars(2_000, seed=31)
    engine = IndicatorEngine()
    engine.advance(bars.head(1_111))
    (tmp_path / "state").write_bytes(engine.snapshot())
    bars.slice(1_111).write_parquet(tmp_path / "bars.parquet")
    subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], check=True, cwd=ROOT)
    assert_same_bits(pl.read_parquet(tmp_path / "rows.parquet"), engine.advance(bars.slice(1_111)))
    assert (tmp_path / "state").read_bytes() == engine.snapshot()


def test_snapshot_of_other_parameters_is_refused():
    engine = IndicatorEngine(timeframe="1h", rsi_period=7)
    assert IndicatorEngine.restore(engine.snapshot()).columns == engine.columns
    with pytest.raises(StateMismatch, match="rsi_period"):
        IndicatorEngine.restore(engine.snapshot(), rsi_period=14)
    with pytest.raises(StateMismatch, match="timeframe"):
        IndicatorEngine.restore(engine.snapshot(), timeframe="15m")


def test_arrays_get_the_same_values_writable_or_not():
    bars = simulated_bars(1_500, seed=5)
    want = IndicatorEngine().advance(bars)
    read_only = bar_arrays(bars)
    for arrays in (read_only, [array.copy() for array in read_only]):
        for out in (
            IndicatorEngine().empty_rows(1_500),
            np.empty((WIDTH, 1_600))[:, :1_500],
            np.empty((1_500, WIDTH)).T,
        ):
            engine = IndicatorEngine()
            assert engine.advance_arrays(*arrays, out) == 1_500
            assert_same_bits(engine.frame(read_only.ts, out), want)


def test_out_of_another_form_is_refused_before_anything_moves():
    arrays = bar_arrays(simulated_bars(10))
    engine = IndicatorEngine()
    locked = np.empty((WIDTH, 10))
    locked.flags.writeable = False
    for out in (
        np.empty((WIDTH - 1, 10)),
        np.empty((WIDTH, 9)),
        np.empty((WIDTH, 10), np.float32),
        np.empty(10 * WIDTH),
        locked,
    ):
        with pytest.raises(BadParameter, match="out must be"):
            engine.advance_arrays(*arrays, out)
    assert engine.bars_seen == 0


def test_clock_follows_the_bars():
    bars = simulated_bars(100)
    engine = IndicatorEngine()
    engine.advance(bars.head(40))
    assert (engine.bars_seen, engine.last_ts) == (40, int(bars["ts"].dt.epoch("ms")[39]))
    engine.advance(bars.slice(40, 0))
    assert engine.bars_seen == 40

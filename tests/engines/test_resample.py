"""Higher bars from base bars: complete ones only, whatever the chunks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.errors import BadBars, BadParameter, StateMismatch
from engines.resample import COUNT, OPEN_TIME, RESAMPLED_SCHEMA, ResampleEngine, fold_bar, new_pending_bar
from engines.timeframe import Timeframe
from tests.engines.market_bars import (
    START_MS,
    Awkward,
    advance_in_pieces,
    assert_same_bits,
    chunkings,
    real_bars,
    simulated_bars,
)

PAIRS = [
    ("1m", "3m"),
    ("1m", "15m"),
    ("1m", "1h"),
    ("5m", "1h"),
    ("15m", "4h"),
    ("1h", "1d"),
    ("4h", "1w"),
    ("1d", "1w"),
]
RARE_GAPS = Awkward(gap=0.0005)


def oracle(bars: pl.DataFrame, base: str, timeframe: str) -> tuple[pl.DataFrame, int]:
    """Complete higher bars by polars, and the number of those that are over without being complete."""
    full = Timeframe(timeframe).milliseconds // Timeframe(base).milliseconds
    grouped = bars.group_by_dynamic("ts", every=timeframe, start_by="monday" if timeframe == "1w" else "window").agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        pl.len().cast(pl.UInt32).alias("base_bars"),
        (pl.col("ts").last().dt.epoch("ms") + Timeframe(base).milliseconds).alias("end"),
    )
    open_yet = grouped["end"] < grouped["ts"].dt.epoch("ms") + Timeframe(timeframe).milliseconds
    complete = grouped["base_bars"] == full
    still_open = bool(open_yet[-1]) if grouped.height else False
    return grouped.filter(complete).drop("end"), int((~complete).sum()) - still_open


def check_against_oracle(bars: pl.DataFrame, base: str, timeframe: str) -> None:
    engine = ResampleEngine(base=base, timeframe=timeframe)
    got = engine.advance(bars)
    want, incomplete = oracle(bars, base, timeframe)
    assert got.schema == RESAMPLED_SCHEMA
    assert got.drop("volume").equals(want.drop("volume"))
    np.testing.assert_allclose(got["volume"].to_numpy(), want["volume"].to_numpy(), rtol=1e-12)
    assert engine.incomplete_bars == incomplete
    assert got.height > 20


@pytest.mark.parametrize(("base", "timeframe"), PAIRS)
def test_equals_polars_on_simulated_bars(base, timeframe):
    check_against_oracle(simulated_bars(20_000, timeframe=base, awkward=RARE_GAPS), base, timeframe)


@pytest.mark.parametrize("name", ["binance_BTCUSDT_1m_2024", "binance_BTCUSDT_1h_2017-08_2025-06"])
def test_equals_polars_on_recorded_bars(real_data, name):
    bars = real_bars(real_data, name)
    base = name.split("_")[2]
    for timeframe in ("4h", "1d", "1w"):
        check_against_oracle(bars, base, timeframe)


def test_volume_is_summed_in_order_of_time():
    bars = simulated_bars(3_000, timeframe="1m")
    rows = ResampleEngine(base="1m", timeframe="1h").advance(bars)
    for ts, volume in rows.select("ts", "volume").head(20).iter_rows():
        inside = bars.filter(pl.col("ts").dt.truncate("1h") == ts)["volume"].to_list()
        assert volume == sum(inside[1:], inside[0])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_chunks_do_not_matter(data):
    bars = simulated_bars(1_500, seed=data.draw(st.integers(0, 5)), timeframe="1m")
    timeframe = data.draw(st.sampled_from(["3m", "15m", "1h", "4h"]))
    whole, pieces = ResampleEngine(timeframe=timeframe), ResampleEngine(timeframe=timeframe)
    rows = advance_in_pieces(pieces.advance, bars, data.draw(chunkings(bars.height)))
    assert_same_bits(rows, whole.advance(bars))
    assert pieces.snapshot() == whole.snapshot()


def test_one_bar_at_a_time_is_the_same():
    bars = simulated_bars(2_000, seed=8, timeframe="1m")
    engine = ResampleEngine(timeframe="15m")
    assert_same_bits(
        advance_in_pieces(engine.advance, bars, [1] * bars.height), ResampleEngine(timeframe="15m").advance(bars)
    )


def test_a_bar_is_known_with_its_last_base_bar_and_not_before():
    bars = simulated_bars(30, timeframe="1m", awkward=Awkward(gap=0))
    engine = ResampleEngine(timeframe="15m")
    assert engine.advance(bars.head(14)).height == 0
    assert engine.pending_base_bars == 14
    assert engine.advance(bars.slice(14, 1))["ts"].dt.epoch("ms").to_list() == [START_MS]
    assert (engine.pending_base_bars, engine.incomplete_bars) == (0, 0)


@pytest.mark.parametrize("missing", [0, 1, 7, 14])
def test_a_bar_with_a_gap_is_counted_and_not_returned(missing):
    bars = simulated_bars(45, timeframe="1m", awkward=Awkward(gap=0))
    with_gap = bars.filter(pl.int_range(pl.len()) != 15 + missing)
    engine = ResampleEngine(timeframe="15m")
    assert engine.advance(with_gap)["ts"].dt.epoch("ms").to_list() == [START_MS, START_MS + 1_800_000]
    assert engine.incomplete_bars == 1


def test_a_start_midway_is_incomplete_and_an_absent_bar_is_not_counted():
    bars = simulated_bars(60, timeframe="1m", awkward=Awkward(gap=0))
    engine = ResampleEngine(timeframe="15m")
    rows = engine.advance(pl.concat([bars.slice(5, 10), bars.slice(30, 30)]))
    assert rows["ts"].dt.epoch("ms").to_list() == [START_MS + 1_800_000, START_MS + 2_700_000]
    assert engine.incomplete_bars == 1


def test_full_count_from_two_higher_bars_is_not_a_bar():
    bars = simulated_bars(30, timeframe="1m", awkward=Awkward(gap=0)).slice(7, 15)
    engine = ResampleEngine(timeframe="15m")
    assert engine.advance(bars).height == 0
    assert (engine.incomplete_bars, engine.pending_base_bars) == (1, 7)


def test_same_timeframe_gives_the_bars_back():
    bars = simulated_bars(100, timeframe="1h")
    rows = ResampleEngine(base="1h", timeframe="1h").advance(bars)
    assert_same_bits(rows.drop("base_bars"), bars)
    assert rows["base_bars"].unique().to_list() == [1]


def test_step_for_chains_makes_the_same_bars():
    bars = simulated_bars(3_000, seed=4, timeframe="15m")
    pending = new_pending_bar()
    target = Timeframe.H4
    made = []
    for bar in zip(*bar_arrays(bars), strict=True):
        if fold_bar(*bar, target.milliseconds, target.offset_ms, Timeframe.M15.milliseconds, *pending):
            made.append((int(pending.clock[OPEN_TIME]), *pending.values))
            assert pending.clock[COUNT] == 0
    rows = ResampleEngine(base="15m", timeframe="4h").advance(bars)
    want = zip(rows["ts"].dt.epoch("ms"), *(rows[name] for name in rows.columns[1:6]), strict=True)
    assert made == list(want)


def test_arrays_get_the_same_rows():
    bars = simulated_bars(5_000, timeframe="1m")
    engine = ResampleEngine(timeframe="15m")
    room = engine.capacity(bars.height)
    ts, out = np.empty(room, np.int64), np.empty((5, room))
    count = engine.advance_arrays(*bar_arrays(bars), ts, out)
    rows = ResampleEngine(timeframe="15m").advance(bars)
    assert count == rows.height
    assert ts[:count].tolist() == rows["ts"].dt.epoch("ms").to_list()
    for name, row in zip(("open", "high", "low", "close", "volume"), out, strict=True):
        assert row[:count].tolist() == rows[name].to_list()


def test_too_little_room_is_refused_before_anything_moves():
    arrays = bar_arrays(simulated_bars(100, timeframe="1m"))
    engine = ResampleEngine(timeframe="15m")
    for ts, out in (
        (np.empty(6, np.int64), np.empty((5, 6))),
        (np.empty(7, np.int32), np.empty((5, 7))),
        (np.empty(7, np.int64), np.empty((5, 8))),
        (np.empty(7, np.int64), np.empty((5, 7), np.float32)),
    ):
        with pytest.raises(BadParameter):
            engine.advance_arrays(*arrays, ts, out)
    assert engine.bars_seen == 0


def test_refused_input_and_foreign_snapshots():
    bars = simulated_bars(100, timeframe="1m")
    engine = ResampleEngine(base="5m", timeframe="15m")
    with pytest.raises(BadBars, match="off the 5m grid"):
        engine.advance(bars)
    with pytest.raises(BadParameter, match="bars of 5m cannot be made from bars of 3m"):
        ResampleEngine(base="3m", timeframe="5m")
    with pytest.raises(BadParameter, match="bars of 1m cannot be made from bars of 5m"):
        ResampleEngine(base="5m", timeframe="1m")
    with pytest.raises(StateMismatch, match="base"):
        ResampleEngine.restore(engine.snapshot(), base="1m")


def test_snapshot_in_the_middle_of_a_bar():
    bars = simulated_bars(1_000, seed=2, timeframe="1m")
    engine = ResampleEngine(timeframe="1h")
    first = engine.advance(bars.head(333))
    again = ResampleEngine.restore(engine.snapshot(), base="1m", timeframe="1h")
    assert (again.base, again.timeframe, again.base_bars) == (Timeframe.M1, Timeframe.H1, 60)
    whole = ResampleEngine(timeframe="1h")
    assert_same_bits(pl.concat([first, again.advance(bars.slice(333))]), whole.advance(bars))
    assert again.incomplete_bars == whole.incomplete_bars


def test_empty_bars_give_the_schema():
    rows = ResampleEngine(timeframe="1h").advance(simulated_bars(0, timeframe="1m"))
    assert (rows.height, rows.schema) == (0, RESAMPLED_SCHEMA)

"""The rules of ENGINES section 1: what is refused, with which row and rule, and that nothing has moved."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import BAR_SCHEMA, NO_BAR, BarArrays, bar_arrays, check_bars, frozen, take_arrays
from engines.errors import BadBars, BadParameter
from engines.indicators import IndicatorEngine
from engines.timeframe import Timeframe
from tests.engines.market_bars import START_MS, assert_same_bits, simulated_bars

STEP = Timeframe.M15.milliseconds
COUNT = 700
PRICES = ("open", "high", "low", "close")


def _writable(bars: pl.DataFrame) -> BarArrays:
    return BarArrays(*(array.copy() for array in bar_arrays(bars)))


def _refusal(bars: BarArrays, last_ts: int = NO_BAR) -> BadBars:
    with pytest.raises(BadBars) as caught:
        check_bars(bars, Timeframe.M15, last_ts)
    return caught.value


CORRUPTIONS = [
    ("ts", lambda b, r: b.ts[r - 1], "not after the bar before"),
    ("ts", lambda b, r: b.ts[r - 1] - STEP, "not after the bar before"),
    ("ts", lambda b, r: b.ts[r] + 1, "off the 15m grid"),
    ("ts", lambda b, r: b.ts[r] - 60_000, "off the 15m grid"),
    *[(name, lambda b, r: math.nan, "null, NaN or infinite") for name in PRICES],
    *[(name, lambda b, r: math.inf, "null, NaN or infinite") for name in PRICES],
    *[(name, lambda b, r: -math.inf, "null, NaN or infinite") for name in PRICES],
    *[(name, lambda b, r: 0.0, "not above zero") for name in PRICES],
    *[(name, lambda b, r: -1.0, "not above zero") for name in PRICES],
    ("high", lambda b, r: math.nextafter(max(b.open[r], b.close[r]), 0.0), "high is below"),
    ("low", lambda b, r: math.nextafter(min(b.open[r], b.close[r]), math.inf), "low is above"),
    ("volume", lambda b, r: -1e-300, "volume"),
    ("volume", lambda b, r: math.nan, "volume"),
    ("volume", lambda b, r: math.inf, "volume"),
]


@pytest.mark.parametrize("row", [1, 2, 255, 256, 257, 258, 300, COUNT - 1])
@pytest.mark.parametrize(("column", "value", "rule"), CORRUPTIONS)
def test_bad_row_is_named_with_its_rule(column, value, rule, row):
    bars = _writable(simulated_bars(COUNT))
    getattr(bars, column)[row] = value(bars, row)
    refusal = _refusal(bars)
    assert refusal.row == row
    assert rule in refusal.rule
    assert f"row {row}" in str(refusal)


@pytest.mark.parametrize(("column", "value", "rule"), [c for c in CORRUPTIONS if "before" not in c[2]])
def test_first_row_is_checked_too(column, value, rule):
    bars = _writable(simulated_bars(3))
    getattr(bars, column)[0] = value(bars, 0)
    refusal = _refusal(bars)
    assert refusal.row == 0
    assert rule in refusal.rule


def test_bars_must_be_after_the_last_one_seen():
    bars = bar_arrays(simulated_bars(5))
    check_bars(bars, Timeframe.M15, int(bars.ts[0]) - STEP)
    refusal = _refusal(bars, int(bars.ts[0]))
    assert (refusal.row, "already seen" in refusal.rule) == (0, True)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_first_of_several_bad_rows_is_named(data):
    rows = data.draw(st.lists(st.integers(1, COUNT - 1), min_size=1, max_size=5, unique=True))
    bars = _writable(simulated_bars(COUNT, seed=3))
    for row in rows:
        bars.volume[row] = -1.0
    assert _refusal(bars).row == min(rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("timeframe", ["1m", "15m", "1d", "1w"])
def test_awkward_but_legal_bars_pass(seed, timeframe):
    bars = simulated_bars(3000, seed=seed, timeframe=timeframe)
    check_bars(bar_arrays(bars), Timeframe(timeframe))
    assert bars["ts"].diff().n_unique() > 2, "the simulated market must have gaps"
    assert (bars["volume"] == 0).any()
    assert (bars["high"] == bars["low"]).any()


def test_weekly_bars_open_on_monday():
    thursday = bar_arrays(simulated_bars(1, timeframe="1d", start_ms=1_700_092_800_000))
    with pytest.raises(BadBars, match="off the 1w grid"):
        check_bars(thursday, Timeframe.W1)
    monday = bar_arrays(simulated_bars(1, timeframe="1d", start_ms=1_699_833_600_000))
    check_bars(monday, Timeframe.W1)


@pytest.mark.parametrize("name", BAR_SCHEMA.names())
def test_frame_without_a_column_is_refused(name):
    with pytest.raises(BadBars, match=f"'{name}' is missing"):
        bar_arrays(simulated_bars(3).drop(name))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("close", pl.Float32),
        ("volume", pl.Int64),
        ("open", pl.String),
        ("ts", pl.Int64),
        ("ts", pl.Datetime("us", "UTC")),
        ("ts", pl.Datetime("ms")),
        ("ts", pl.Datetime("ms", "Europe/Berlin")),
    ],
)
def test_frame_with_another_type_is_refused(name, dtype):
    bars = simulated_bars(3)
    column = bars[name].dt.replace_time_zone(None) if dtype == pl.Datetime("ms") else bars[name].cast(dtype)
    with pytest.raises(BadBars, match=f"'{name}' is"):
        bar_arrays(bars.with_columns(column.alias(name)))


@pytest.mark.parametrize("name", BAR_SCHEMA.names())
def test_null_is_refused_with_its_row(name):
    bars = simulated_bars(10).with_columns(pl.when(pl.int_range(pl.len()) != 7).then(pl.col(name)).alias(name))
    with pytest.raises(BadBars, match=f"row 7: {name} is null"):
        bar_arrays(bars)


def test_arrays_are_always_read_only_and_contiguous():
    bars = simulated_bars(50)
    several_chunks = pl.concat([bars.head(20), bars.tail(30)], rechunk=False)
    strided = take_arrays(*(np.repeat(array, 2)[::2] for array in bar_arrays(bars)))
    for arrays in (bar_arrays(bars), bar_arrays(several_chunks), strided):
        for got, want in zip(arrays, bar_arrays(bars), strict=True):
            assert not got.flags.writeable
            assert got.flags.c_contiguous
            assert np.array_equal(got, want)


def test_freezing_a_view_leaves_the_array_writable():
    array = np.zeros(3)
    assert not frozen(array).flags.writeable
    array[0] = 1.0
    assert frozen(array)[0] == 1.0


@pytest.mark.parametrize("position", range(6))
def test_arrays_of_another_length_dtype_or_shape_are_refused(position):
    good = list(bar_arrays(simulated_bars(4)))
    for bad in (good[position][:3], good[position].astype(np.float32), np.stack([good[position]] * 2)):
        arrays = [*good[:position], bad, *good[position + 1 :]]
        with pytest.raises(BadBars):
            take_arrays(*arrays)


def test_nothing_moves_when_input_is_refused():
    bars = simulated_bars(900, seed=5)
    engine = IndicatorEngine()
    engine.advance(bars.head(400))
    before = engine.snapshot()
    bad = bars.slice(400, 500).with_columns(
        pl.when(pl.int_range(pl.len()) == 499).then(-1.0).otherwise(pl.col("volume")).alias("volume")
    )
    with pytest.raises(BadBars, match="row 499"):
        engine.advance(bad)
    out = engine.empty_rows(500)
    with pytest.raises(BadBars, match="row 499"):
        engine.advance_arrays(*bar_arrays(bad), out)
    with pytest.raises(BadBars, match="already seen"):
        engine.advance(bars.slice(399, 1))
    assert engine.snapshot() == before
    assert_same_bits(engine.advance(bars.slice(400)), IndicatorEngine().advance(bars).slice(400))


def test_empty_bars_are_fine():
    engine = IndicatorEngine()
    rows = engine.advance(simulated_bars(0))
    assert (rows.height, rows.schema) == (0, engine.schema)
    assert (engine.last_ts, engine.bars_seen) == (None, 0)


def test_timeframe_names_are_checked():
    with pytest.raises(BadParameter, match="unknown timeframe '7m'; known are 1m, 3m"):
        IndicatorEngine(timeframe="7m")


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_open_time_is_the_grid_point_at_or_before(timeframe):
    for instant in (START_MS, START_MS + 1, START_MS + timeframe.milliseconds - 1, START_MS + 12_345_678_901):
        opened = timeframe.open_time(instant)
        assert opened <= instant < opened + timeframe.milliseconds
        assert (opened - timeframe.offset_ms) % timeframe.milliseconds == 0

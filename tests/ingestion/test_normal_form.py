"""The normal form: what is put right, what is counted, what is refused."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import BAR_SCHEMA, bar_arrays, check_bars
from engines.errors import BadBars
from engines.ingestion.normal_form import normal_form
from engines.timeframe import Timeframe
from tests.ingestion.bars_for_tests import MINUTE, START, good_bars, plain_normal_form, with_times

M1 = Timeframe.M1


def spoil(bars: pl.DataFrame, row: int, **values: float | None) -> pl.DataFrame:
    return bars.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value, dtype=pl.Float64)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def test_good_bars_pass_unchanged() -> None:
    bars = good_bars(50)
    form = normal_form(bars, M1)
    assert form.bars.equals(bars)
    assert form.bars.schema == BAR_SCHEMA
    assert (form.snapped, form.refused, form.duplicates) == (0, 0, 0)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"high": 1.0}, "high is below max(open, close)"),
        ({"low": 1000.0}, "low is above min(open, close)"),
        ({"open": math.nan}, "a price is null, NaN or infinite"),
        ({"close": math.inf}, "a price is null, NaN or infinite"),
        ({"low": 0.0}, "a price is not above zero"),
        ({"open": -5.0}, "a price is not above zero"),
        ({"volume": -0.1}, "volume is null, NaN, infinite or negative"),
        ({"volume": math.nan}, "volume is null, NaN, infinite or negative"),
        ({"close": None}, "close is null"),
    ],
)
def test_a_bad_value_names_row_and_rule(values: dict[str, float | None], rule: str) -> None:
    with pytest.raises(BadBars) as raised:
        normal_form(spoil(good_bars(50), 17, **values), M1)
    assert (raised.value.row, raised.value.rule) == (17, rule)


def test_the_first_bad_row_is_named_whatever_its_rule() -> None:
    bars = spoil(good_bars(50), 30, high=1.0)
    ts = bars["ts"].to_physical().to_list()
    ts[20] = ts[10] - 1
    with pytest.raises(BadBars, match="row 20: ts is not after the bar before it"):
        normal_form(with_times(bars, ts), M1)
    with pytest.raises(BadBars, match="row 5: volume"):
        normal_form(spoil(with_times(bars, ts), 5, volume=-1.0), M1)


def test_a_bad_value_counts_even_where_its_time_would_be_refused() -> None:
    ts = [START + i * MINUTE for i in range(50)]
    ts[17] = ts[16] + 5_000
    with pytest.raises(BadBars, match="row 17: high"):
        normal_form(with_times(spoil(good_bars(50), 17, high=1.0), ts), M1)


def test_repetitions_are_dropped_wherever_they_stand() -> None:
    bars = good_bars(50)
    form = normal_form(pl.concat([bars[:30], bars[29:30], bars[10:20], bars[30:], bars]), M1)
    assert form.bars.equals(bars)
    assert form.duplicates == 61


def test_a_contradiction_refuses_and_names_both_rows() -> None:
    bars = good_bars(50)
    other = spoil(bars, 12, volume=99.0)
    with pytest.raises(BadBars, match="row 50: ts is that of row 12, but the values differ"):
        normal_form(pl.concat([bars, other[12:13]]), M1)


def test_rows_out_of_order_are_refused() -> None:
    bars = good_bars(50)
    with pytest.raises(BadBars, match="row 25: ts is not after the bar before it"):
        normal_form(pl.concat([bars[25:], bars[:25]]), M1)


def test_rows_of_another_timeframe_are_refused() -> None:
    with pytest.raises(BadBars, match="bars stand 5 minutes apart, so they are not 1m bars"):
        normal_form(good_bars(20, step=5 * MINUTE), M1)
    with pytest.raises(BadBars, match="bars stand 1 minutes apart, so they are not 5m bars"):
        normal_form(good_bars(20), Timeframe.M5)


def test_weekly_bars_stand_on_mondays() -> None:
    week = 7 * 1440 * MINUTE
    monday = 1_704_067_200_000  # 2024-01-01
    assert normal_form(good_bars(12, monday, week), Timeframe.W1).snapped == 0
    form = normal_form(good_bars(12, monday + 3_600_000, week), Timeframe.W1)
    assert form.snapped == 12
    assert form.bars["ts"].to_physical()[0] == monday


@pytest.mark.parametrize(
    ("offsets", "kept", "snapped", "refused"),
    [
        pytest.param([0, 20.799, 60, 120], [0, 1, 2], 0, 1, id="the slot holds a bar on the grid"),
        pytest.param([0, 60.5, 120], [0, 1, 2], 1, 0, id="alone in the first half"),
        pytest.param([0, 89.999, 120], [0, 1, 2], 1, 0, id="just within the first half"),
        pytest.param([0, 90, 120], [0, 2], 0, 1, id="exactly between two slots"),
        pytest.param([0, 119.999, 180], [0, 3], 0, 1, id="nearer to the next slot"),
        pytest.param([0, 61, 62, 120], [0, 2], 0, 2, id="two in one slot"),
        pytest.param([0, 61, 100, 120], [0, 2], 0, 2, id="one in each half of a slot"),
    ],
)
def test_a_time_off_the_grid_is_snapped_only_when_unambiguous(offsets, kept, snapped: int, refused: int) -> None:
    times = [START + round(offset * 1_000) for offset in offsets]
    form = normal_form(with_times(good_bars(len(times)), times), M1)
    assert form.bars["ts"].to_physical().to_list() == [START + slot * MINUTE for slot in kept]
    assert (form.snapped, form.refused) == (snapped, refused)


def test_a_microsecond_off_the_grid_counts() -> None:
    bars = good_bars(5).with_columns(ts=pl.col("ts").dt.cast_time_unit("us") + pl.duration(microseconds=1))
    form = normal_form(bars, M1)
    assert form.snapped == 5
    assert form.bars["ts"].equals(good_bars(5)["ts"])


TIMES = st.lists(st.integers(0, 40 * MINUTE), min_size=0, max_size=9, unique=True)


@settings(max_examples=200, deadline=None)
@given(times=TIMES, repeats=st.lists(st.integers(0, 8), max_size=5))
def test_snapping_neither_reorders_nor_invents_and_its_counts_add_up(times: list[int], repeats: list[int]) -> None:
    times = sorted(START + t for t in times)
    bars = with_times(good_bars(len(times)), times)
    again = [bars[i : i + 1] for i in repeats if i < len(times)]
    raw = pl.concat([bars, *again])
    form = normal_form(raw, M1)
    assert raw.height == form.bars.height + form.refused + form.duplicates
    assert form.duplicates == len(again)
    check_bars(bar_arrays(form.bars), M1)
    # The values of each row are unlike those of all others, so they tell which row a bar was made of.
    source = {row[1:]: row[0] for row in bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows()}
    made = list(form.bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows())
    came_from = [source[row[1:]] for row in made]
    assert came_from == sorted(came_from)
    assert all(0 <= before - row[0] < MINUTE / 2 for before, row in zip(came_from, made, strict=True))
    assert form.snapped == sum(before != row[0] for before, row in zip(came_from, made, strict=True))


@settings(max_examples=200, deadline=None)
@given(times=TIMES, repeats=st.lists(st.integers(0, 8), max_size=5))
def test_it_agrees_with_a_normal_form_written_plainly(times: list[int], repeats: list[int]) -> None:
    times = sorted(START + t for t in times)
    bars = with_times(good_bars(len(times)), times)
    raw = pl.concat([bars, *(bars[i : i + 1] for i in repeats if i < len(times))])
    form = normal_form(raw, M1)
    rows, snapped, refused, duplicates = plain_normal_form(
        list(raw.with_columns(ts=pl.col("ts").to_physical()).iter_rows()), MINUTE
    )
    assert list(form.bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows()) == rows
    assert (form.snapped, form.refused, form.duplicates) == (snapped, refused, duplicates)

"""Gaps between bars, and bars that came back with other values."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.ingestion.gaps import GAP_SCHEMA, count_missing, find_gaps
from engines.ingestion.restatements import restatements
from engines.ingestion.source import RESTATEMENT_SCHEMA
from engines.timeframe import Timeframe
from tests.ingestion.bars_for_tests import MINUTE, START, good_bars

M1 = Timeframe.M1


def at(*minutes: int) -> np.ndarray:
    return START + MINUTE * np.array(minutes, dtype=np.int64)


def rows(gaps: pl.DataFrame) -> list[tuple[int, int, int]]:
    return [((a - START) // MINUTE, (b - START) // MINUTE, n) for a, b, n in gaps.with_columns(
        pl.col("ts", "gap_end").to_physical()).iter_rows()]  # fmt: skip


def test_gaps_within_and_to_the_neighbours() -> None:
    found = find_gaps(at(3, 4, 7), M1, previous_ts=int(at(1)[0]), next_ts=int(at(8)[0]))
    assert found.schema == GAP_SCHEMA
    assert rows(found) == [(2, 2, 1), (5, 6, 2)]


def test_without_bars_the_neighbours_enclose_the_gap() -> None:
    assert rows(find_gaps(at(), M1, int(at(0)[0]), int(at(10)[0]))) == [(1, 9, 9)]
    assert find_gaps(at(), M1).is_empty()
    assert find_gaps(at(), M1).schema == GAP_SCHEMA


def test_times_out_of_order_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="strictly increasing"):
        find_gaps(at(3, 4), M1, previous_ts=int(at(3)[0]))


@settings(deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1))
def test_gaps_are_the_minutes_nobody_holds(held: set[int]) -> None:
    times = at(*sorted(held))
    missing = [m for m in range(min(held), max(held)) if m not in held]
    found = rows(find_gaps(times, M1))
    assert [m for first, last, _ in found for m in range(first, last + 1)] == missing
    assert sum(count for *_, count in found) == len(missing) == count_missing(times, M1)


def test_new_unchanged_and_changed_bars_are_told_apart() -> None:
    bars = good_bars(20)
    stored = bars[:12]
    incoming = bars[5:].with_columns(
        volume=pl.when(pl.int_range(pl.len()) == 3).then(99.0).otherwise(pl.col("volume")),
        close=pl.when(pl.int_range(pl.len()) == 4).then(pl.col("close") + 1e-14).otherwise(pl.col("close")),
    )
    found = restatements(stored, incoming)
    assert found.new.equals(bars[12:])
    assert found.unchanged.equals(pl.concat([bars[5:8], bars[10:12]]))
    assert found.changed.equals(incoming[3:5])
    assert found.differences.schema == RESTATEMENT_SCHEMA
    first = found.differences.row(0, named=True)
    assert (first["ts"], first["old_volume"], first["new_volume"]) == (bars["ts"][8], bars["volume"][8], 99.0)
    assert found.differences["old_close"].to_list() == bars["close"][8:10].to_list()


def test_a_bar_that_differs_in_its_last_bit_is_changed() -> None:
    stored = good_bars(1).with_columns(volume=0.0)
    assert restatements(stored, stored.with_columns(volume=-0.0)).changed.height == 1
    after = float(np.nextafter(stored["high"][0], np.inf))
    assert restatements(stored, stored.with_columns(high=after)).changed.height == 1


@pytest.mark.parametrize(("stored", "incoming"), [(0, 5), (5, 0), (0, 0)])
def test_nothing_on_one_side(stored: int, incoming: int) -> None:
    found = restatements(good_bars(5)[:stored], good_bars(5)[:incoming])
    assert (found.new.height, found.unchanged.height, found.changed.height) == (incoming, 0, 0)
    assert found.differences.schema == RESTATEMENT_SCHEMA


@settings(deadline=None)
@given(st.data())
def test_the_three_add_up_to_the_incoming(data: st.DataObject) -> None:
    bars = good_bars(15)
    kept = data.draw(st.lists(st.booleans(), min_size=15, max_size=15))
    came = data.draw(st.lists(st.booleans(), min_size=15, max_size=15))
    moved = data.draw(st.lists(st.booleans(), min_size=15, max_size=15))
    stored = bars.filter(pl.Series(kept))
    incoming = bars.with_columns(volume=pl.col("volume") + pl.Series(moved).cast(pl.Float64)).filter(pl.Series(came))
    found = restatements(stored, incoming)
    assert pl.concat([found.new, found.unchanged, found.changed]).sort("ts").equals(incoming)
    assert found.changed.height == sum(k and c and m for k, c, m in zip(kept, came, moved, strict=True))
    assert found.new.height == sum(c and not k for k, c in zip(kept, came, strict=True))

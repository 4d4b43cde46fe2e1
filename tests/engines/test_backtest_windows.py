"""Windows of a walk-forward: in order, never meeting, covering all."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.backtest import BadBacktest
from engines.backtest.windows import WindowKind, WindowPlan, windows
from engines.timeframe import Timeframe
from tests.engines.random_walks import HOUR, START


@given(
    st.integers(1, 400),
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(list(WindowKind)),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_windows_are_in_order_never_meet_and_cover(
    bars: int, train: int, test: int, purge: int, embargo: int, kind: WindowKind, by_time: bool
) -> None:
    hour = timedelta(hours=1)
    plan = WindowPlan(
        train=train * hour if by_time else train,
        # A time is rounded up to bars.
        test=test * hour - timedelta(minutes=10) if by_time else test,
        kind=kind,
        purge=purge,
        embargo=embargo * hour if by_time else embargo,
    )
    last = START + (bars - 1) * HOUR
    before = train + purge + embargo
    if bars <= before:
        with pytest.raises(BadBacktest, match=r"windows: need more than"):
            windows(plan, START, last, Timeframe.H1)
        return
    made = windows(plan, START, last, Timeframe.H1)
    assert made[0].test_begin == START + before * HOUR
    assert made[-1].test_end == last + HOUR
    for one, after in pairwise(made):
        assert one.test_end == after.test_begin
        assert one.test_end - one.test_begin == test * HOUR
    for one in made:
        assert START <= one.train_begin < one.train_end <= one.test_begin < one.test_end
        assert one.test_begin - one.train_end == (purge + embargo) * HOUR
        if kind is WindowKind.ANCHORED:
            assert one.train_begin == START
        else:
            assert one.train_end - one.train_begin == train * HOUR


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": 0}, "train: must be at least 1 bars"),
        ({"test": timedelta(0)}, "test: must be at least 1"),
        ({"purge": -1}, "purge: must be at least 0"),
        ({"embargo": 1.5}, "embargo: must be a number of bars or a timedelta"),
        ({"train": True}, "train: must be a number"),
    ],
)
def test_lengths_that_cannot_be_are_refused(changes: dict[str, Any], words: str) -> None:
    lengths: dict[str, Any] = {"train": 10, "test": 5}
    plan = WindowPlan(**lengths | changes)
    with pytest.raises(BadBacktest, match=words):
        windows(plan, START, START + 99 * HOUR, Timeframe.H1)

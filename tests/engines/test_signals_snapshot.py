"""Snapshots of strategies: as small as what their map holds, and refused when they do not add up."""

from __future__ import annotations

import numpy as np
import pytest

from engines.chain import Chain
from engines.errors import StateMismatch
from engines.signals.runner import StrategyRunner
from engines.state import pack, unpack
from tests.engines.market_bars import simulated_bars


def seasoned() -> StrategyRunner:
    chain = Chain(timeframe="15m", market="sim:BTCUSDT")
    chain.advance(simulated_bars(3_000, seed=5))
    return chain.part("signals").part("strategy:smc_pullback")


def test_a_snapshot_grows_with_what_the_map_holds_only():
    fresh = StrategyRunner(timeframe="15m", strategy="smc_pullback")
    runner = seasoned()
    levels = runner.state.book.marks[:4].sum()
    assert levels > 10
    assert len(runner.snapshot()) - len(fresh.snapshot()) < 64 * levels
    assert len(fresh.snapshot()) < 1_500


def test_restored_and_stored_again_it_is_the_same():
    runner = seasoned()
    data = runner.snapshot()
    again = StrategyRunner.restore(data)
    assert again.snapshot() == data
    assert again.state.book.gaps.shape == runner.state.book.gaps.shape
    counts = runner.state.book.marks
    for mine, theirs, count in zip(again.state.book[:4], runner.state.book[:4], counts, strict=False):
        assert np.array_equal(mine[:count], theirs[:count])


@pytest.mark.parametrize("count", [-1, 1, 10**6])
def test_a_map_that_does_not_add_up_is_refused(count: int):
    found = unpack(seasoned().snapshot(), StrategyRunner.NAME, StrategyRunner.VERSION)
    arrays = dict(found.arrays)
    arrays["book.marks"] = arrays["book.marks"].copy()
    arrays["book.marks"][0] += count
    with pytest.raises(StateMismatch, match="gaps"):
        StrategyRunner.restore(pack(found.engine, found.version, found.parameters, arrays))

"""A strategy of one's own: registered by name, run by the chain, held to the rules of all strategies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from engines.chain import Chain
from engines.errors import StateMismatch
from engines.kernel import kernel
from engines.signals import Strategy, register
from engines.signals import strategy as register_module
from engines.signals.candidates import propose
from engines.signals.view import ATR_14, EMA_9, EMA_50, BarView, CandidateRows
from tests.engines.market_bars import assert_same_bits, pieces, simulated_bars


class CrossParameters(NamedTuple):
    """Stop distance in ATR."""

    stop_atr: float = 1.5


class CrossState(NamedTuple):
    """Whether the fast average was above the slow one at the last bar: +1, -1, or 0 before both existed."""

    side: npt.NDArray[np.int8]


@kernel
def _cross(view: BarView, p: CrossParameters, state: CrossState, rows: CandidateRows) -> int:
    n = 0
    for t in range(view.bars.ts.shape[0]):
        gap = view.indicators[EMA_9, t] - view.indicators[EMA_50, t]
        side = 0
        if gap > 0.0:
            side = 1
        elif gap < 0.0:
            side = -1
        if side * state.side[0] < 0:
            atr = view.indicators[ATR_14, t]
            stop = view.bars.close[t] - side * p.stop_atr * atr
            n = propose(t, view, rows, n, side, stop, np.nan, 0.0, np.inf, 0.5, 1, -1)
        state.side[0] = side
    return n


@kernel
def _nonsense(view: BarView, p: CrossParameters, state: CrossState, rows: CandidateRows) -> int:
    for t in range(view.bars.ts.shape[0]):
        rows.bar[t] = t
        rows.direction[t] = 1
        rows.entry[t] = view.bars.close[t]
        rows.stop[t] = view.bars.close[t] * p.stop_atr
        rows.target_1[t] = view.bars.close[t] * 2.0
        rows.target_2[t] = np.nan
        rows.score[t] = 0.5
        rows.reasons[t] = 0
        rows.zone[t] = -1
    return view.bars.ts.shape[0]


def _state(parameters: CrossParameters) -> CrossState:
    del parameters
    return CrossState(np.zeros(1, np.int8))


CROSS = Strategy("ema_cross", 1, ("averages crossed",), CrossParameters(), _state, _cross)


@pytest.fixture(autouse=True)
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    register(CROSS)


def chain(**settings: Any) -> Chain:
    return Chain(timeframe="15m", strategies=["ema_cross", "structure_breakout"], settings={"ema_cross": settings})


def test_the_chain_runs_it() -> None:
    bars = simulated_bars(3_000, seed=2)
    out = chain().advance(bars)
    made = out.signals.filter(pl.col("strategy") == "ema_cross")
    gaps = out.indicators.select("ts", gap=(pl.col("ema_9") - pl.col("ema_50")).sign()).drop_nulls()
    crossed = gaps.filter(pl.col("gap") * pl.col("gap").shift(1) < 0)
    assert made.height > 20
    assert made.select("ts", pl.col("direction").cast(pl.Float64)).rows() == crossed.rows()
    assert made["target_2"].null_count() == made.height
    assert np.allclose(made["risk_reward"], 1.0)
    assert made["reasons"].to_list() == [["averages crossed"]] * made.height
    wider = chain(stop_atr=3).advance(bars).signals.filter(pl.col("strategy") == "ema_cross")
    assert np.allclose((wider["entry"] - wider["stop"]) / (made["entry"] - made["stop"]), 2.0)


def test_it_does_not_depend_on_how_bars_are_cut() -> None:
    bars = simulated_bars(2_000, seed=3)
    whole = chain().advance(bars).signals
    engine = chain()
    parts: list[pl.DataFrame] = []
    for piece in pieces(bars, [700, 1, 1, 0, 1_298]):
        parts.append(engine.advance(piece).signals)
        engine = Chain.restore(engine.snapshot())
    assert_same_bits(pl.concat(parts), whole)


def test_a_strategy_that_makes_nonsense_is_switched_off_and_stops_nobody() -> None:
    register(replace(CROSS, name="nonsense", fold=_nonsense, parameters=CrossParameters(1.5)))
    bars = simulated_bars(600)
    both = Chain(timeframe="15m", strategies=["nonsense", "ema_cross"])
    made = both.advance(bars).signals
    assert_same_bits(made, Chain(timeframe="15m", strategies=["ema_cross"]).advance(bars).signals)
    assert made.height > 2
    (failure,) = both.failures
    assert (failure.strategy, failure.ts) == ("nonsense", bars["ts"][0])
    assert "stop is not on the losing" in failure.reason
    assert Chain.restore(both.snapshot()).failures == both.failures


def test_a_state_of_another_version_of_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = chain().snapshot()
    monkeypatch.setitem(register_module._REGISTER, "ema_cross", replace(CROSS, version=2))
    with pytest.raises(StateMismatch, match="revision=1"):
        Chain.restore(data)

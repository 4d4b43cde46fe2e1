"""The built-in strategies on hand-made bars: one that gives a signal, then each condition taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engines.errors import BadParameter
from engines.signals.strategy import Strategy, register, registered
from engines.signals.view import (
    BOS,
    CHOCH,
    CREATED,
    FILLED,
    FVG,
    INTERNAL,
    LIQUIDITY,
    MICRO,
    ORDER_BLOCK,
    SWEPT,
    SWING,
    SWING_HIGH,
    SWING_LOW,
    TOUCHED,
)
from tests.engines.hand_made_views import Bar, decided

GAP = {"kind": FVG, "event": CREATED, "side": 1, "top": 99.5, "bottom": 98.5, "origin_ts": 7}
TOUCH = {"kind": ORDER_BLOCK, "event": TOUCHED, "side": 1, "scale": INTERNAL, "top": 99.0, "bottom": 97.0}
PULLBACK = [
    Bar(zones=[GAP]),
    Bar(high=100.0, low=98.8, close=99.6, zones=[TOUCH]),
]
GAP_SHORT = {**GAP, "side": -1, "top": 101.5, "bottom": 100.5}
TOUCH_SHORT = {**TOUCH, "side": -1, "top": 103.0, "bottom": 101.0}
PULLBACK_SHORT = [
    Bar(zones=[GAP_SHORT], swing=-1, internal=-1, position=0.75),
    Bar(high=101.2, low=100.0, close=100.4, swing=-1, internal=-1, position=0.75, zones=[TOUCH_SHORT]),
]


def changed(bars: list[Bar], index: int, **changes: Any) -> list[Bar]:
    return [replace(bar, **changes) if i == index else bar for i, bar in enumerate(bars)]


def test_pullback_long() -> None:
    (found,) = decided("smc_pullback", PULLBACK)
    # Stop a tenth of ATR 2 below 97; risk 99.6 - 96.8; no liquidity known, so the second target stands at 2R.
    assert (found["bar"], found["direction"], found["entry"], found["zone"]) == (1, 1, 99.6, 1)
    assert found["stop"] == pytest.approx(96.8)
    assert found["target_1"] == pytest.approx(102.4)
    assert found["target_2"] == pytest.approx(105.2)
    assert found["score"] == 0.75
    assert found["words"] == [
        "higher timeframe swing bias agrees",
        "higher timeframe internal bias agrees",
        "first touch of an order block",
        "entry in discount",
        "fair value gap overlaps the block",
        "close in the favourable half of the bar",
    ]


def test_pullback_short_mirrors_it() -> None:
    (found,) = decided("smc_pullback", PULLBACK_SHORT)
    assert (found["direction"], found["entry"], found["score"]) == (-1, 100.4, 0.75)
    assert found["stop"] == pytest.approx(103.2)
    assert found["target_1"] == pytest.approx(97.6)
    assert found["target_2"] == pytest.approx(94.8)
    assert "entry in premium" in found["words"]


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (1, {"swing": -1}),
        (1, {"swing": 0, "internal": -1}),
        (1, {"position": 0.5}),
        (1, {"position": float("nan")}),
        (1, {"close": 96.9, "low": 96.9}),
        (1, {"atr": float("nan")}),
        (1, {"atr": 0.6}),
        (1, {"atr": 200.0}),
        (1, {"zones": [{**TOUCH, "event": CREATED}]}),
        (1, {"zones": [{**TOUCH, "kind": FVG}]}),
        (0, {"zones": []}),
        (0, {"zones": [{**GAP, "side": -1}]}),
        (0, {"zones": [{**GAP, "top": 96.9, "bottom": 96.5}]}),
        (0, {"zones": [GAP, {**GAP, "event": FILLED}]}),
    ],
)
def test_pullback_needs_each_condition(index: int, changes: dict[str, Any]) -> None:
    assert decided("smc_pullback", changed(PULLBACK, index, **changes)) == []


def test_pullback_takes_a_gap_that_the_bar_itself_fills() -> None:
    filling = changed(PULLBACK, 1, zones=[{**GAP, "event": FILLED}, TOUCH])
    assert len(decided("smc_pullback", filling)) == 1


@pytest.mark.parametrize(("bars_ago", "expected"), [(0, 1), (11, 1), (12, 0)])
def test_pullback_takes_a_recent_sweep_for_confluence(bars_ago: int, expected: int) -> None:
    sweep = {"kind": LIQUIDITY, "event": SWEPT, "side": 1, "top": 98.9, "bottom": 98.9, "origin_ts": 3}
    bars = [Bar(zones=[sweep]), *(Bar() for _ in range(bars_ago))]
    bars[-1] = replace(PULLBACK[1], zones=[sweep, TOUCH] if bars_ago == 0 else [TOUCH])
    found = decided("smc_pullback", bars)
    assert len(found) == expected
    assert all("liquidity swept" in signal["words"] for signal in found)
    other_side = [
        replace(bar, zones=[{**z, "side": -1} if z["event"] == SWEPT else z for z in bar.zones]) for bar in bars
    ]
    assert decided("smc_pullback", other_side) == []


def test_pullback_prefers_the_larger_block_of_a_bar() -> None:
    larger = {**TOUCH, "scale": SWING, "bottom": 96.5}
    (found,) = decided("smc_pullback", changed(PULLBACK, 1, zones=[TOUCH, larger]))
    assert found["zone"] == 2
    assert found["stop"] == pytest.approx(96.3)
    assert "block from a swing break" in found["words"]


@pytest.mark.parametrize(
    ("known", "target"),
    [
        ([{"kind": SWING_HIGH, "scale": INTERNAL, "level": 106.0}], 106.0),
        ([{"kind": SWING_HIGH, "scale": MICRO, "level": 106.0}], 105.2),
        ([{"kind": SWING_LOW, "scale": INTERNAL, "level": 106.0}], 105.2),
        ([{"kind": SWING_HIGH, "scale": SWING, "level": 103.0}], 105.2),
        ([{"kind": SWING_HIGH, "scale": SWING, "level": 130.0}], 105.2),
        (
            [
                {"kind": SWING_HIGH, "scale": SWING, "level": 112.0},
                {"kind": SWING_HIGH, "scale": INTERNAL, "level": 104.5},
                {"kind": SWING_HIGH, "scale": INTERNAL, "level": 108.0},
            ],
            104.5,
        ),
    ],
)
def test_pullback_aims_at_the_nearest_untaken_pivot(known: list[dict[str, Any]], target: float) -> None:
    (found,) = decided("smc_pullback", changed(PULLBACK, 0, structure=known))
    assert found["target_2"] == pytest.approx(target)
    assert ("target at opposing liquidity" in found["words"]) is (target != 105.2)


def test_a_pivot_that_was_reached_is_no_target() -> None:
    bars = [Bar(structure=[{"kind": SWING_HIGH, "scale": INTERNAL, "level": 106.0}]), Bar(high=106.0), *PULLBACK]
    assert decided("smc_pullback", bars)[0]["target_2"] == pytest.approx(105.2)


@pytest.mark.parametrize(
    ("rest", "target"),
    [
        ([], 104.8),
        ([{"event": SWEPT}], 105.2),
        ([{"side": 1, "top": 104.0, "bottom": 104.0, "origin_ts": 5, "event": CREATED}], 104.8),
    ],
)
def test_pullback_aims_at_opposing_liquidity(rest: list[dict[str, Any]], target: float) -> None:
    pool = {"kind": LIQUIDITY, "event": CREATED, "side": -1, "top": 104.8, "bottom": 104.8, "origin_ts": 4}
    bars = changed(PULLBACK, 0, zones=[GAP, pool, *({**pool, **row} for row in rest)])
    assert decided("smc_pullback", bars)[0]["target_2"] == pytest.approx(target)


def test_pullback_cools_down() -> None:
    again = [*PULLBACK, *(Bar() for _ in range(5)), PULLBACK[1], PULLBACK[1]]
    assert [signal["bar"] for signal in decided("smc_pullback", again)] == [1, 8]
    assert [signal["bar"] for signal in decided("smc_pullback", again, cooldown_bars=0)] == [1, 7, 8]


CALM = [Bar(structure=[{"kind": SWING_LOW, "scale": INTERNAL, "level": 98.0}]), *(Bar() for _ in range(20))]
BREAK = {"kind": BOS, "scale": INTERNAL, "direction": 1, "level": 101.5}
BREAKOUT = [*CALM, Bar(high=103.0, low=100.0, close=102.5, volume=12.0, structure=[BREAK])]


def test_breakout_long() -> None:
    (found,) = decided("structure_breakout", BREAKOUT)
    # Stop a quarter of ATR 2 below the low of 98; risk 102.5 - 97.5.
    assert (found["bar"], found["direction"], found["entry"], found["zone"]) == (21, 1, 102.5, -1)
    assert (found["stop"], found["target_1"], found["target_2"], found["score"]) == (97.5, 107.5, 112.5, 0.65)
    assert found["words"] == [
        "break of structure",
        "higher timeframe swing bias agrees",
        "higher timeframe internal bias agrees",
        "wide bar",
        "high volume",
    ]


def test_breakout_short_mirrors_it() -> None:
    bars = [
        Bar(structure=[{"kind": SWING_HIGH, "scale": INTERNAL, "level": 102.0}], swing=-1, internal=-1),
        *(Bar(swing=-1, internal=-1) for _ in range(20)),
        Bar(
            high=100.0, low=97.0, close=97.5, volume=12.0, swing=-1, internal=-1,
            structure=[{"kind": CHOCH, "scale": SWING, "direction": -1, "level": 98.5}],
        ),
    ]  # fmt: skip
    (found,) = decided("structure_breakout", bars)
    assert (found["direction"], found["stop"], found["target_1"], found["target_2"]) == (-1, 102.5, 92.5, 87.5)
    assert found["score"] == 0.75
    assert {"change of character", "break at the swing scale"} <= set(found["words"])


@pytest.mark.parametrize(
    "changes",
    [
        {"internal": -1},
        {"internal": 0},
        {"swing": -1},
        {"atr": 3.5},
        {"atr": float("nan")},
        {"volume": 11.9},
        {"volume": 0.0},
        {"structure": [{**BREAK, "level": 98.4}]},
        {"structure": [{**BREAK, "scale": MICRO}]},
        {"structure": [{**BREAK, "kind": SWING_HIGH}]},
        {"structure": []},
    ],
)
def test_breakout_needs_each_condition(changes: dict[str, Any]) -> None:
    assert decided("structure_breakout", changed(BREAKOUT, 21, **changes)) == []


def test_breakout_needs_a_pivot_to_stand_its_stop_beyond() -> None:
    assert decided("structure_breakout", changed(BREAKOUT, 0, structure=[])) == []
    far = [{"kind": SWING_LOW, "scale": INTERNAL, "level": 90.0}]
    assert decided("structure_breakout", changed(BREAKOUT, 0, structure=far)) == []


def test_breakout_cools_down() -> None:
    loud = replace(BREAKOUT[-1], volume=20.0)
    again = [*BREAKOUT, *(Bar() for _ in range(11)), loud, loud]
    assert [signal["bar"] for signal in decided("structure_breakout", again)] == [21, 34]


def test_parameters_are_checked() -> None:
    with pytest.raises(BadParameter, match="smc_pullback has no parameter stop_art; it has stop_atr"):
        registered("smc_pullback").with_parameters({"stop_art": 0.2})
    with pytest.raises(BadParameter, match=r"smc_pullback\.sweep_bars must be a int"):
        registered("smc_pullback").with_parameters({"sweep_bars": 1.5})
    with pytest.raises(BadParameter, match="stop_atr"):
        registered("smc_pullback").with_parameters({"stop_atr": float("nan")})
    wide = registered("smc_pullback").with_parameters({"stop_atr": 1})
    assert wide.parameters.stop_atr == 1.0
    assert isinstance(wide.parameters.stop_atr, float)


def test_the_register() -> None:
    known = registered("smc_pullback")
    register(known)
    with pytest.raises(BadParameter, match="already"):
        register(replace(known, version=2))
    with pytest.raises(BadParameter, match="no strategy named 'golden_goose'; there are mean_reversion, smc_pullback"):
        registered("golden_goose")
    with pytest.raises(BadParameter, match="reasons"):
        register(Strategy("wordy", 1, ("x",) * 63, known.parameters, known.new_state, known.fold))

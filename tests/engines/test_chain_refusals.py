"""Bars that break a rule, fed to every engine: nothing moves, the first bad row is named, and the engine goes on as if nothing was."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import BarArrays, bar_arrays
from engines.errors import BadBars
from tests.engines.engine_cases import CASES, EngineCase, Frames, Upstream
from tests.engines.market_bars import Awkward, assert_same_bits, simulated_bars

SEEN, NEW = 700, 400
STEP_MS = 15 * 60_000


@dataclass
class Scene:
    """An engine that has seen bars, the bars that come next, and what the stages before it make of them."""

    case: EngineCase
    engine: Any
    before: bytes
    bars: pl.DataFrame
    inputs: Frames
    expected: tuple[pl.DataFrame, ...]


@pytest.fixture(scope="module", params=CASES)
def scene(request: pytest.FixtureRequest) -> Scene:
    case = CASES[request.param]
    bars = simulated_bars(SEEN + NEW, seed=14, awkward=Awkward(gap=0.004))
    upstream = Upstream("15m")
    first, then = upstream.advance(bars[:SEEN]), upstream.advance(bars[SEEN:])
    engine, twin = case.make("15m"), case.make("15m")
    for one in (engine, twin):
        case.rows(one, bars[:SEEN], first)
    expected = case.rows(twin, bars[SEEN:], then)
    assert sum(frame.height for frame in expected) > 0, "the case must show something"
    return Scene(case, engine, engine.snapshot(), bars[SEEN:], then, expected)


def with_value(bars: pl.DataFrame, column: str, row: int, value: Any) -> pl.DataFrame:
    number = pl.int_range(pl.len())
    if column == "ts" and value is not None:
        value = pl.lit(value, pl.Int64).cast(pl.Datetime("ms", "UTC"))
    return bars.with_columns(pl.when(number == row).then(value).otherwise(pl.col(column)).alias(column))


Spoil = Callable[[BarArrays, int], float | int | None]
PRICES = ("open", "high", "low", "close")
SPOILS: list[tuple[str, Spoil, str]] = [
    ("ts", lambda b, r: int(b.ts[r - 1]), "not after the bar before it"),
    ("ts", lambda b, r: int(b.ts[r - 1]) - STEP_MS, "not after the bar before it"),
    ("ts", lambda b, r: int(b.ts[r]) + 1, "off the 15m grid"),
    ("ts", lambda b, r: int(b.ts[r]) - 60_000, "off the 15m grid"),
    *((name, lambda b, r: math.nan, "null, NaN or infinite") for name in PRICES),
    *((name, lambda b, r: math.inf, "null, NaN or infinite") for name in PRICES),
    *((name, lambda b, r: None, "is null") for name in ("ts", *PRICES, "volume")),
    *((name, lambda b, r: 0.0, "not above zero") for name in PRICES),
    *((name, lambda b, r: -1.0, "not above zero") for name in PRICES),
    ("high", lambda b, r: math.nextafter(max(b.open[r], b.close[r]), 0.0), "high is below max(open, close)"),
    ("low", lambda b, r: math.nextafter(min(b.open[r], b.close[r]), math.inf), "low is above min(open, close)"),
    ("volume", lambda b, r: -1e-300, "volume is null, NaN, infinite or negative"),
    ("volume", lambda b, r: math.nan, "volume is null, NaN, infinite or negative"),
    ("volume", lambda b, r: math.inf, "volume is null, NaN, infinite or negative"),
]


def refused(scene: Scene, bars: pl.DataFrame, row: int, rule: str) -> None:
    with pytest.raises(BadBars) as caught:
        scene.case.rows(scene.engine, bars, scene.inputs)
    assert f"row {row}: " in str(caught.value)
    assert rule in str(caught.value)
    assert caught.value.row == row
    assert scene.engine.snapshot() == scene.before


@pytest.mark.parametrize(("column", "spoil", "rule"), SPOILS)
def test_every_rule(scene: Scene, column: str, spoil: Spoil, rule: str) -> None:
    arrays = bar_arrays(scene.bars)
    for row in (1, 255, 256, NEW - 1):
        bad = with_value(scene.bars, column, row, spoil(arrays, row))
        refused(scene, bad, row, rule)


@pytest.mark.parametrize(("column", "spoil", "rule"), [one for one in SPOILS if one[2] != "is null"])
def test_every_rule_in_arrays(scene: Scene, column: str, spoil: Spoil, rule: str) -> None:
    good = bar_arrays(scene.bars)
    row = 133
    spoiled: Any = [array.copy() for array in good]
    spoiled[BarArrays._fields.index(column)][row] = spoil(good, row)
    with pytest.raises(BadBars) as caught:
        scene.case.feed_arrays(scene.engine, BarArrays(*spoiled), scene.inputs)
    assert (caught.value.row, rule in caught.value.rule) == (row, True)
    assert scene.engine.snapshot() == scene.before


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_the_first_of_several(scene: Scene, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(1, NEW - 1), min_size=1, max_size=4, unique=True))
    bad = scene.bars
    arrays = bar_arrays(scene.bars)
    for row in rows:
        column, spoil, _ = data.draw(st.sampled_from([one for one in SPOILS if one[2] != "is null"]))
        bad = with_value(bad, column, row, spoil(arrays, row))
    with pytest.raises(BadBars) as caught:
        scene.case.rows(scene.engine, bad, scene.inputs)
    assert caught.value.row == min(rows)
    assert scene.engine.snapshot() == scene.before


def test_bars_that_were_seen_already(scene: Scene) -> None:
    last = scene.engine.last_ts
    again = with_value(scene.bars, "ts", 0, last)
    refused(scene, again, 0, "not after the last bar already seen")
    refused(scene, with_value(scene.bars, "ts", 0, last - 50 * STEP_MS), 0, "not after the last bar already seen")


def test_columns_and_types(scene: Scene) -> None:
    for bad, words in [
        (scene.bars.drop("volume"), "'volume' is missing"),
        (scene.bars.cast({"close": pl.Float32}), "'close' is Float32"),
        (scene.bars.cast({"ts": pl.Int64}), "'ts' is Int64"),
        (scene.bars.with_columns(pl.col("ts").dt.replace_time_zone(None)), "'ts' is Datetime"),
    ]:
        with pytest.raises(BadBars, match=words):
            scene.case.rows(scene.engine, bad, scene.inputs)
        assert scene.engine.snapshot() == scene.before
    arrays = list(bar_arrays(scene.bars))
    for position in range(6):
        for wrong in (arrays[position][:-1], arrays[position].astype(np.float32), np.stack([arrays[position]] * 2)):
            spoiled: Any = [*arrays[:position], wrong, *arrays[position + 1 :]]
            with pytest.raises(BadBars):
                scene.case.feed_arrays(scene.engine, BarArrays(*spoiled), scene.inputs)
    assert scene.engine.snapshot() == scene.before


def test_afterwards_the_good_bars_give_their_rows(scene: Scene) -> None:
    """On a copy: the other tests of the scene stand on an engine that has not moved."""
    engine = type(scene.engine).restore(scene.before)
    bad = with_value(scene.bars, "volume", NEW - 1, -1.0)
    with pytest.raises(BadBars):
        scene.case.rows(engine, bad, scene.inputs)
    for made, expected in zip(scene.case.rows(engine, scene.bars, scene.inputs), scene.expected, strict=True):
        assert_same_bits(made, expected)

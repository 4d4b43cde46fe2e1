"""Structure by hand, and what it shares with the indicators."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engines.average_true_range import true_range_average
from engines.bars import bar_arrays
from engines.indicators import IndicatorEngine
from engines.structure import StructureEngine
from tests.engines.market_bars import START_MS, bars_frame, real_bars, simulated_bars

STEP = 900_000


def closes(*values: float) -> pl.DataFrame:
    """Bars that open and close at these prices, with wicks of a quarter."""
    close = np.array(values)
    ts = START_MS + STEP * np.arange(len(close))
    return bars_frame(ts, close, close + 0.25, close - 0.25, close, np.ones(len(close)))


def events(
    bars: pl.DataFrame, scale: str = "internal", **parameters: int
) -> list[tuple[int, str, int, float, int, str | None, int | None]]:
    """Bar, kind, direction, level, origin, label and bias of the events of one scale."""
    widths = {"micro": 1, "internal": 1, "swing": 1, "atr_period": 3, **parameters}
    rows = StructureEngine(**widths).advance(bars).filter(pl.col("scale") == scale)
    return [
        ((at - START_MS) // STEP, kind, direction, level, (origin - START_MS) // STEP, label, bias)
        for at, _, kind, direction, level, origin, label, bias in rows.with_columns(
            pl.selectors.datetime().to_physical()
        ).iter_rows()
    ]


def test_pivots_alternate_and_carry_labels():
    bars = closes(10, 12, 11, 14, 9, 13, 12, 12.5)
    assert [(bar, kind, level, origin, label) for bar, kind, _, level, origin, label, _ in events(bars, "micro")] == [
        (1, "swing_low", 9.75, 0, None),
        (2, "swing_high", 12.25, 1, None),
        (3, "swing_low", 10.75, 2, "HL"),
        (4, "swing_high", 14.25, 3, "HH"),
        (5, "swing_low", 8.75, 4, "LL"),
        (6, "swing_high", 13.25, 5, "LH"),
        (7, "swing_low", 11.75, 6, "HL"),
    ]


def test_breaks_are_changes_of_character_against_the_bias():
    bars = closes(10, 12, 11, 13, 12, 14, 9, 10, 8.5, 16)
    breaks = [row for row in events(bars) if row[1] in {"bos", "choch"}]
    assert [(bar, kind, direction, level, bias) for bar, kind, direction, level, _, _, bias in breaks] == [
        (3, "bos", 1, 12.25, 1),  # the bias was 0: not against it
        (5, "bos", 1, 13.25, 1),
        (6, "choch", -1, 11.75, -1),
        (8, "bos", -1, 8.75, -1),
        (9, "choch", 1, 10.25, 1),
    ]


def test_a_pivot_is_crossed_once_and_only_by_a_close_beyond_it():
    bars = closes(10, 12, 11, 12.25, 12.25, 13, 13.5, 14)
    assert [row[0] for row in events(bars) if row[1] in {"bos", "choch"}] == [5]


@pytest.mark.parametrize(("again", "label"), [(12.0, "LH"), (12.5, "HH"), (11.9, "LH")])
def test_equal_prices_are_a_lower_high(again, label):
    bars = closes(10, 12, 11, again, 11, 10)
    labels = [row[5] for row in events(bars, "micro") if row[1] == "swing_high"]
    assert labels == [None, label]


@pytest.mark.parametrize("turned", [False, True])
def test_equal_levels_take_the_outer_price(turned):
    """Two highs less than the threshold apart, once the average range exists; the micro scale has no bias and no breaks."""
    path = [10.0, 12.0, 11.0, 12.05, 11.0, 12.0, 10.0]
    bars = closes(*(20.0 - value if turned else value for value in path))
    found = events(bars, "micro")
    kind = "eql" if turned else "eqh"
    level = 20.0 - 12.3 if turned else 12.3
    equal = [row for row in found if row[1] == kind]
    assert [(row[0], row[2], row[4], row[5]) for row in equal] == [
        (4, 1 if turned else -1, 3, None),
        (6, 1 if turned else -1, 5, None),
    ]
    assert [row[3] for row in equal] == pytest.approx([level, level])
    assert {row[6] for row in found} == {None}
    assert not {row[1] for row in found} & {"bos", "choch"}
    assert not [row for row in events(bars, "micro", atr_period=5) if row[1] == kind and row[0] == 4]


def test_events_of_a_bar_stand_in_order():
    bars = simulated_bars(3_000, seed=8)
    rows = StructureEngine(micro=2, internal=3, swing=4, atr_period=20).advance(bars)
    ranks = {"swing_high": 0, "swing_low": 0, "eqh": 1, "eql": 1, "bos": 2, "choch": 2}
    scales = {"micro": 0, "internal": 10, "swing": 20}
    place = rows["scale"].replace_strict(scales) + rows["kind"].replace_strict(ranks)
    key = rows.select(
        pl.col("ts").to_physical() * 100 + place + (rows["direction"] < 0).cast(pl.Int64) * (place % 10 == 2)
    )
    assert key.to_series().is_sorted()
    assert key.to_series().is_unique().all()
    assert (rows["ts"] > rows["origin_ts"]).all()


def test_average_range_is_the_indicator_bit_for_bit(real_data):
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").head(5_000)
    column = IndicatorEngine(timeframe="1h").advance(bars)["atr_200"].fill_null(float("nan")).to_numpy()
    arrays = bar_arrays(bars)
    carried, previous = 0.0, 0.0
    ours = np.empty(bars.height)
    for i in range(bars.height):
        high, low, close = arrays.high[i], arrays.low[i], arrays.close[i]
        carried, ours[i] = true_range_average(i, high, low, previous, 200, 1.0 / 200, carried)
        previous = close
    assert np.array_equal(ours.view(np.int64), column.view(np.int64))
    assert np.isnan(ours[:200]).all()
    assert np.isfinite(ours[200:]).all()


def test_the_dealing_range_begins_at_these_pivots(real_data):
    """The indicators find swing pivots for the range themselves: they must be the same ones."""
    bars = real_bars(real_data, "binance_ETHUSDT_1h_2017-08_2025-06").head(20_000)
    rows = StructureEngine(timeframe="1h").advance(bars).filter(pl.col("scale") == "swing")
    pivots = rows.filter(pl.col("kind").is_in(["swing_high", "swing_low"])).select("ts", "kind", "level")
    shown = bars.join(IndicatorEngine(timeframe="1h").advance(bars), on="ts")
    top = bottom = None
    by_ts = {ts: (kind, level) for ts, kind, level in pivots.iter_rows()}
    for ts, high, low, range_top, range_bottom in shown.select(
        "ts", "high", "low", "range_top", "range_bottom"
    ).iter_rows():
        kind, level = by_ts.get(ts, (None, None))
        top = level if kind == "swing_high" else top
        bottom = level if kind == "swing_low" else bottom
        top = None if top is None else max(top, high)
        bottom = None if bottom is None else min(bottom, low)
        assert (range_top, range_bottom) == (top, bottom)
    assert pivots.height > 100

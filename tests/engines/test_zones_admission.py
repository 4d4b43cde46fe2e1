"""Structure events that are not of the bars they come with are refused, and nothing moves."""

from __future__ import annotations

import polars as pl
import pytest

from engines.structure import StructureEngine
from engines.structure.rows import BadStructure
from engines.zones import ZoneEngine
from tests.engines.hand_made_zones import event, zone_events
from tests.engines.market_bars import assert_same_bits, simulated_bars

BARS = [(500.0, 505.0, 495.0, 500.0)] * 12
PIVOT = event(2, "internal", "swing_high", -1, 505.0, 1)


@pytest.mark.parametrize(
    ("events", "row", "rule"),
    [
        ([event(12, "micro", "eql", 1, 490.0, 9)], 0, "open time"),
        ([event(4, "micro", "eql", 1, 490.0, 2), event(3, "micro", "eql", 1, 490.0, 2)], 1, "open time"),
        ([event(4, "micro", "eql", 1, 490.0, 2), event(4, "micro", "eql", 1, 480.0, 2)], 1, "out of order"),
        ([PIVOT, event(2, "micro", "eql", 1, 490.0, 1)], 1, "out of order"),
        ([event(9, "internal", "swing_low", 1, 490.0, 0)], 0, "last bars"),
        ([PIVOT, event(3, "internal", "swing_high", -1, 505.0, 0)], 1, "not after the last"),
        ([PIVOT, event(3, "internal", "swing_high", -1, 505.0, 1)], 1, "not after the last"),
        ([event(4, "internal", "bos", 1, 505.0, 1)], 0, "not the last"),
        ([PIVOT, event(4, "internal", "bos", -1, 505.0, 1)], 1, "not the last"),
        ([PIVOT, event(4, "swing", "bos", 1, 505.0, 1)], 1, "not the last"),
        ([PIVOT, event(4, "internal", "bos", 1, 505.0, 2)], 1, "not the last"),
        ([PIVOT, event(4, "internal", "choch", 0, 505.0, 1)], 1, "no direction"),
        ([event(4, "micro", "bos", 1, 505.0, 1)], 0, "micro"),
    ],
)
def test_events_that_do_not_fit(events, row, rule):
    with pytest.raises(BadStructure, match=rule) as caught:
        zone_events(1, BARS, events)
    assert caught.value.row == row


def test_nothing_moves_when_events_are_refused():
    bars = simulated_bars(800, seed=3)
    structure, zones = StructureEngine(), ZoneEngine()
    zones.advance(bars.head(400), structure.advance(bars.head(400)))
    before, rest = zones.snapshot(), bars.slice(400)
    events = structure.advance(rest)
    for wrong in (
        events.reverse(),
        events.with_columns(pl.col("ts").dt.offset_by("1m")),
        StructureEngine().advance(bars),
        StructureEngine(swing=200).advance(bars).filter(pl.col("ts") >= rest["ts"][0]),
    ):
        with pytest.raises(BadStructure):
            zones.advance(rest, wrong)
        assert zones.snapshot() == before
    again = ZoneEngine()
    whole = again.advance(bars, StructureEngine().advance(bars))
    assert_same_bits(zones.advance(rest, events), whole.filter(pl.col("ts") >= rest["ts"][0]))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (pl.col("kind").replace("bos", "boss"), "kind is 'boss'"),
        (pl.lit(None, pl.String).alias("scale"), "scale is null"),
        (pl.col("direction").cast(pl.Int64), "must be"),
        (pl.col("level").replace(pl.col("level").first(), None), "level is null"),
    ],
)
def test_frames_of_another_form(change, rule):
    bars = simulated_bars(400, seed=3)
    events = StructureEngine().advance(bars)
    with pytest.raises(BadStructure, match=rule):
        ZoneEngine().advance(bars, events.with_columns(change))
    with pytest.raises(BadStructure, match="column 'scale' is missing"):
        ZoneEngine().advance(bars, events.drop("scale"))

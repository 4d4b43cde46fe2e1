"""Every row of the table of zone lives, by hand, for demand and (upside down) for supply."""

from __future__ import annotations

import pytest

from tests.engines.hand_made_zones import Ohlc, Turned, event, story, ts, zone_events

# A pivot high at bar 0, its confirmation at bar 1, the break at bar 2. The block is bar 0: 490 to 500, mid 495. The bodies are
# alike, so that the break leaves no gap.
BLOCK: list[Ohlc] = [(490, 500, 490, 499), (491, 498, 491, 497), (495, 510, 494, 505)]
BREAK = [
    event(1, "internal", "swing_high", -1, 500.0, 0),
    event(2, "internal", "bos", 1, 500.0, 0),
]

ABOVE: Ohlc = (505, 506, 501, 505)
TO_TOP: Ohlc = (505, 506, 500, 505)
TO_MID: Ohlc = (505, 506, 495, 505)
TO_BOTTOM: Ohlc = (505, 506, 490, 505)
BELOW_LOW: Ohlc = (505, 506, 480, 490)
CLOSE_BELOW: Ohlc = (505, 506, 480, 489)
UNDER: Ohlc = (485, 486, 480, 485)

sides = pytest.mark.parametrize("side", [1, -1])


@sides
@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        (ABOVE, []),
        (TO_TOP, ["touched"]),
        (TO_MID, ["touched", "mitigated"]),
        (TO_BOTTOM, ["touched", "mitigated"]),
        (BELOW_LOW, ["touched", "mitigated"]),  # a close on the bound is not beyond it
    ],
)
def test_order_block(side, bar, expected):
    rows = zone_events(side, [*BLOCK, bar], BREAK)
    assert story(rows, 2) == [(0, "order_block", "created", side), *((1, "order_block", e, side) for e in expected)]


@sides
def test_bounds_origin_and_volume_of_an_order_block(side):
    turned = Turned(side)
    (row,) = zone_events(side, BLOCK, BREAK).to_dicts()
    assert {row["top"], row["bottom"]} == {turned.price(490), turned.price(500)}
    assert row["top"] > row["bottom"]
    assert (row["scale"], row["volume"], row["sequence"]) == ("internal", 10.0, 0)
    assert int(row["origin_ts"].timestamp() * 1000) == ts(0)


@sides
def test_the_bar_of_creation_does_not_touch(side):
    """The break's own low may lie in the block."""
    rows = zone_events(side, [*BLOCK[:2], (495, 510, 490.5, 505)], BREAK)
    assert story(rows, 2) == [(0, "order_block", "created", side)]


@sides
def test_each_event_happens_once(side):
    rows = zone_events(side, [*BLOCK, TO_TOP, TO_TOP, TO_MID, TO_MID, TO_TOP], BREAK)
    assert story(rows, 2)[1:] == [(1, "order_block", "touched", side), (3, "order_block", "mitigated", side)]


@sides
def test_an_invalidated_order_block_becomes_a_breaker_of_the_other_side(side):
    """All in one bar, the breaker right after; its own life begins on the next bar, and its end ends it."""
    rows = zone_events(side, [*BLOCK, CLOSE_BELOW, UNDER, (485, 490, 480, 485), (485, 512, 480, 500)], BREAK)
    assert story(rows, 2) == [
        (0, "order_block", "created", side),
        (1, "order_block", "touched", side),
        (1, "order_block", "mitigated", side),
        (1, "order_block", "invalidated", side),
        (1, "breaker", "created", -side),
        (3, "breaker", "touched", -side),
        (4, "breaker", "mitigated", -side),
    ]
    block, breaker = rows.filter(kind="order_block", event="created"), rows.filter(kind="breaker", event="created")
    same = ["scale", "top", "bottom", "origin_ts", "volume"]
    assert block.select(same).equals(breaker.select(same))
    assert rows["sequence"].to_list() == [0, 0, 1, 2, 3, 0, 0]


@sides
def test_an_invalidated_breaker_ends(side):
    rows = zone_events(side, [*BLOCK, CLOSE_BELOW, (485, 512, 480, 501), CLOSE_BELOW, TO_MID], BREAK)
    assert story(rows, 2)[5:] == [
        (2, "breaker", "touched", -side),
        (2, "breaker", "mitigated", -side),
        (2, "breaker", "invalidated", -side),
    ]


# Eight still bars, then: high 500, a body of 2 %, low 505. The gap is 500 to 505, its mid 502.5.
GAP: list[Ohlc] = [*[(500.0, 500.0, 500.0, 500.0)] * 8, (500, 511, 500, 510), (510, 515, 505, 512)]


@sides
@pytest.mark.parametrize(
    ("low", "expected"),
    [
        (505.5, []),
        (505, ["touched"]),
        (502.5, ["touched", "mitigated"]),
        (500.5, ["touched", "mitigated"]),
        (500, ["touched", "mitigated", "filled"]),
    ],
)
def test_fair_value_gap(side, low, expected):
    rows = zone_events(side, [*GAP, (512, 515, low, 512), (512, 515, 506, 512)], [])
    assert story(rows, 9)[:1] == [(0, "fvg", "created", side)]
    assert story(rows, 9)[1:] == [(1, "fvg", what, side) for what in expected]
    turned = Turned(side)
    assert {rows["top"][0], rows["bottom"][0]} == {turned.price(500), turned.price(505)}
    assert (rows["scale"][0], rows["volume"][0]) == (None, 18.0)
    assert int(rows["origin_ts"][0].timestamp() * 1000) == ts(8)


@sides
def test_a_filled_gap_is_gone(side):
    rows = zone_events(side, [*GAP, (512, 515, 500, 512), (512, 515, 490, 495), (495, 515, 490, 512)], [])
    assert story(rows, 9)[-1] == (1, "fvg", "filled", side)


@sides
@pytest.mark.parametrize(
    "last",
    [
        (510, 515, 500, 512),  # no room between the bars
        (512, 515, 499, 512),
    ],
)
def test_bars_that_meet_leave_no_gap(side, last):
    assert zone_events(side, [*GAP[:9], last], []).height == 0


@sides
def test_a_usual_body_leaves_no_gap(side):
    """Twice the mean body is the least: here every bar's body is alike."""
    steps: list[Ohlc] = [(500 + 4 * k, 504.1 + 4 * k, 500 + 4 * k, 504 + 4 * k) for k in range(10)]
    jump: list[Ohlc] = [(545, 549.1, 545, 549), (552, 556, 551, 556)]
    assert zone_events(side, steps + jump, []).filter(kind="fvg").height == 0


POOL: list[Ohlc] = [(500, 505, 495, 500)] * 3
EQUAL = [event(2, "micro", "eql", 1, 490.0, 1)]


@sides
@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((500, 505, 490, 500), []),  # on the level is not beyond it
        ((500, 505, 489, 500), ["swept"]),
        ((500, 505, 489, 490), ["swept"]),
        ((500, 505, 489, 489.5), ["broken"]),
    ],
)
def test_liquidity(side, bar, expected):
    rows = zone_events(side, [*POOL, bar, (500, 505, 480, 480)], EQUAL)
    end = [(1, "liquidity", what, side) for what in expected] or [(2, "liquidity", "broken", side)]
    assert story(rows, 2) == [(0, "liquidity", "created", side), *end]
    assert rows["top"].to_list() == rows["bottom"].to_list() == [Turned(side).price(490)] * 2
    assert rows["volume"].to_list() == [None, None]
    assert {*rows["scale"]} == {"micro"}
    assert int(rows["origin_ts"][0].timestamp() * 1000) == ts(1)


@sides
def test_order_of_new_zones_of_a_bar(side):
    """Lives first, oldest first; then gaps, liquidity, order blocks of the internal and of the swing scale."""
    bars = [*GAP[:8], (495, 500, 490, 495), (495, 496, 491, 495), (500, 511, 500, 510), (510, 515, 505, 512)]
    events = [
        event(9, "internal", "swing_high", -1, 500.0, 8),
        event(10, "micro", "eql", 1, 480.0, 9),
        event(10, "internal", "bos", 1, 500.0, 8),
        event(10, "swing", "swing_high", -1, 500.0, 8),
        event(11, "micro", "eql", 1, 470.0, 9),
        event(11, "swing", "bos", 1, 500.0, 8),
        event(12, "micro", "eql", 1, 460.0, 9),
    ]
    rows = zone_events(side, [*bars, (512, 515, 469, 470)], events)
    assert [(bar, kind, what) for bar, kind, what, _ in story(rows, 10)] == [
        (0, "liquidity", "created"),
        (0, "order_block", "created"),
        (1, "fvg", "created"),
        (1, "liquidity", "created"),
        (1, "order_block", "created"),
        (2, "liquidity", "broken"),
        (2, "order_block", "touched"),
        (2, "order_block", "mitigated"),
        (2, "order_block", "invalidated"),
        (2, "breaker", "created"),
        (2, "fvg", "touched"),
        (2, "fvg", "mitigated"),
        (2, "fvg", "filled"),
        (2, "liquidity", "swept"),
        (2, "order_block", "touched"),
        (2, "order_block", "mitigated"),
        (2, "order_block", "invalidated"),
        (2, "breaker", "created"),
        (2, "liquidity", "created"),
    ]
    assert rows["scale"].to_list()[6:] == [*["internal"] * 4, *[None] * 3, "micro", *["swing"] * 4, "micro"]
    assert rows["sequence"].to_list() == [0, 1, 0, 1, 2, *range(14)]

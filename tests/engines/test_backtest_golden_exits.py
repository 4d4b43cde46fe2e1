"""Exits worked by hand: one unit bought at 100 in bar 1 (fee 0.1, cash 999.9), unless said otherwise."""

from __future__ import annotations

import pytest

from tests.engines.backtest_worked import FLAT, both, case_of, flat, long, short, worked

BOUGHT = (1, 1, 100, 0.1, "entry", 999.9)


@both
def test_a_stop_fills_at_its_price(engine: str) -> None:
    """Stop 95; bar 2 opens at 98 and falls to 94: 999.9 - 5 - 0.095."""
    case = case_of([FLAT, FLAT, (98, 98, 94, 96)], [long(0, stop=95)])
    worked(engine, case, [BOUGHT, (2, -1, 95, 0.095, "stop", 994.805)], ["filled"])


@both
def test_a_gap_over_the_stop_fills_at_the_open(engine: str) -> None:
    """Stop 95; bar 2 opens at 92. With 100 bp of slippage 91.08."""
    bars = [FLAT, FLAT, (92, 93, 90, 91)]
    worked(engine, case_of(bars, [long(0, stop=95)]), [BOUGHT, (2, -1, 92, 0.092, "stop", 991.808)], ["filled"])
    slipped = case_of(bars, [long(0, stop=95)], slippage__bp=100.0)
    rows = [(1, 1, 101, 0.101, "entry", 999.899), (2, -1, 91.08, 0.09108, "stop", 989.88792)]
    worked(engine, slipped, rows, ["filled"])


@both
def test_a_short_stop_fills_above(engine: str) -> None:
    """Sold at 100, stop 105, the high is 105: touched."""
    case = case_of([FLAT, FLAT, (101, 105, 101, 102)], [short(0, stop=105)])
    rows = [(1, -1, 100, 0.1, "entry", 999.9), (2, 1, 105, 0.105, "stop", 994.795)]
    worked(engine, case, rows, ["filled"])


@both
def test_a_stop_holds_in_the_bar_of_the_entry(engine: str) -> None:
    """Bar 1 opens at 100 and falls to 94."""
    case = case_of([FLAT, (100, 100, 94, 96)], [long(0, stop=95)])
    worked(engine, case, [BOUGHT, (1, -1, 95, 0.095, "stop", 994.805)], ["filled"])


@both
def test_the_open_came_before_a_stop_entry(engine: str) -> None:
    """Stop entry 100, stop 95. Bar 1 opens at 94, rises to 101 and is at 93 too: the stop fills at 95, not at the open."""
    case = case_of([FLAT, (94, 101, 93, 98)], [long(0, entry=100, stop=95)], entry="stop")
    worked(engine, case, [BOUGHT, (1, -1, 95, 0.095, "stop", 994.805)], ["filled"])


@both
def test_both_targets_in_one_bar(engine: str) -> None:
    """Targets 105 and 110, half each, as maker; bar 2 reaches 111.

    half at 105: +2.5 - 0.02625 = 1,002.37375; half at 110: +5 - 0.0275 = 1,007.34625
    """
    case = case_of([FLAT, FLAT, (101, 111, 100, 109)], [long(0, stop=95, target_1=105, target_2=110)])
    rows = [
        BOUGHT,
        (2, -0.5, 105, 0.02625, "target_1", 1_002.37375),
        (2, -0.5, 110, 0.0275, "target_2", 1_007.34625),
    ]
    worked(engine, case, rows, ["filled"])


@both
def test_the_stop_comes_first_where_a_bar_has_both(engine: str) -> None:
    """Stop 95 and target 105, bar 2 from 94 to 106."""
    case = case_of([FLAT, FLAT, (100, 106, 94, 100)], [long(0, stop=95, target_1=105)])
    worked(engine, case, [BOUGHT, (2, -1, 95, 0.095, "stop", 994.805)], ["filled"])


@both
def test_an_only_target_closes_everything(engine: str) -> None:
    """Without a second target the fractions do not count. A gap over it fills no better."""
    case = case_of([FLAT, FLAT, (107, 108, 106, 107)], [long(0, target_1=105)])
    worked(engine, case, [BOUGHT, (2, -1, 105, 0.0525, "target_1", 1_004.8475)], ["filled"])


@both
def test_fractions_that_leave_something_leave_it_to_the_end(engine: str) -> None:
    """A quarter at 105, half at 110, a quarter is left.

    999.9 + 1.25 - 0.013125 = 1,001.136875; + 5 - 0.0275 = 1,006.109375; the end at 108: + 2 - 0.027
    """
    signal = long(0, target_1=105, target_2=110)
    case = case_of([FLAT, FLAT, (101, 111, 100, 108)], [signal], target_fractions=(0.25, 0.5))
    rows = [
        BOUGHT,
        (2, -0.25, 105, 0.013125, "target_1", 1_001.136875),
        (2, -0.5, 110, 0.0275, "target_2", 1_006.109375),
        (2, -0.25, 108, 0.027, "end", 1_008.082375),
    ]
    worked(engine, case, rows, ["filled"])


@both
@pytest.mark.parametrize("close", [104.0, 105.0])
def test_a_target_in_the_bar_of_a_limit_entry_counts_by_the_close(engine: str, close: float) -> None:
    """Limit 100 (maker: 0.05), target 105; bar 1 is at 99 and at 106. The way up may have come before the fill."""
    case = case_of([FLAT, (101, 106, 99, close)], [long(0, entry=100, target_1=105)], entry="limit")
    left = (1, -1, 104, 0.104, "end", 1_003.846) if close < 105 else (1, -1, 105, 0.0525, "target_1", 1_004.8975)
    worked(engine, case, [(1, 1, 100, 0.05, "entry", 999.95), left], ["filled"])


@both
def test_break_even_from_the_next_bar_on(engine: str) -> None:
    """Half at 105 in bar 2, which is at 99 too: the stop of 95 holds there. Bar 3 touches 100.

    1,002.37375 - 0.05
    """
    bars = [FLAT, FLAT, (101, 106, 99, 104), (104, 104, 99, 99)]
    case = case_of(bars, [long(0, stop=95, target_1=105, target_2=110)], break_even=True)
    rows = [
        BOUGHT,
        (2, -0.5, 105, 0.02625, "target_1", 1_002.37375),
        (3, -0.5, 100, 0.05, "break_even", 1_002.32375),
    ]
    worked(engine, case, rows, ["filled"])


@both
def test_a_stop_that_trails_by_percent(engine: str) -> None:
    """5 %: the high of 110 in bar 1 makes it 104.5, which bar 2 touches. 999.9 + 4.5 - 0.1045."""
    case = case_of(
        [FLAT, (100, 110, 100, 109), (108, 109, 104, 105)],
        [long(0)],
        trailing__kind="percent",
        trailing__distance=5.0,
    )
    worked(engine, case, [BOUGHT, (2, -1, 104.5, 0.1045, "trailing", 1_004.2955)], ["filled"])


@both
def test_a_stop_that_trails_by_the_range(engine: str) -> None:
    """One true range of period 1.

    bar  high  low  true range  stop from the next bar on
    1    108   100  8           100
    2    112   106  6           106
    3    111   105              hit
    """
    bars = [FLAT, (100, 108, 100, 107), (107, 112, 106, 111), (111, 111, 105, 105)]
    case = case_of(bars, [long(0)], trailing__kind="atr", trailing__distance=1.0, trailing__atr_period=1)
    worked(engine, case, [BOUGHT, (3, -1, 106, 0.106, "trailing", 1_005.794)], ["filled"])


@both
def test_trailing_waits_for_its_activation(engine: str) -> None:
    """Stop 90 and activation 1: nothing follows at 109, at 110 the stop becomes 104.5."""
    bars = [FLAT, (100, 109, 100, 109), (109, 110, 103, 109), (109, 109, 104, 104)]
    terms = {"trailing__kind": "percent", "trailing__distance": 5.0, "trailing__activation_r": 1.0}
    case = case_of(bars, [long(0, stop=90)], **terms)
    worked(engine, case, [BOUGHT, (3, -1, 104.5, 0.1045, "trailing", 1_004.2955)], ["filled"])


@both
def test_a_time_stop(engine: str) -> None:
    """Two bars: entered in bar 1, over at the close of bar 2, closed at the open of bar 3."""
    case = case_of([FLAT, FLAT, FLAT, (103, 104, 102, 104)], [long(0)], time_stop_bars=2)
    worked(engine, case, [BOUGHT, (3, -1, 103, 0.103, "time_stop", 1_002.797)], ["filled"])


@both
def test_a_signal_against_the_position(engine: str) -> None:
    """Bought at 100, a short signal at the close of bar 1, bar 2 opens at 103 and closes at 101.

    ignore   the end sells at 101
    close    sold at 103
    reverse  sold at 103 and again; the end buys at 101
    """
    bars, signals = [FLAT, FLAT, (103, 103, 101, 101)], [long(0), short(1)]
    ignored = [BOUGHT, (2, -1, 101, 0.101, "end", 1_000.799)]
    worked(engine, case_of(bars, signals, opposite="ignore"), ignored, ["filled", "in_position"])
    closed = [BOUGHT, (2, -1, 103, 0.103, "opposite", 1_002.797)]
    worked(engine, case_of(bars, signals, opposite="close"), closed, ["filled", "closing"])
    reversed_ = [*closed, (2, -1, 103, 0.103, "entry", 1_002.694), (2, 1, 101, 0.101, "end", 1_004.593)]
    worked(engine, case_of(bars, signals, opposite="reverse"), reversed_, ["filled", "filled"])


@both
def test_direction_0_closes_at_the_next_open(engine: str) -> None:
    """Also under ignore. A second one, and one with nothing open, do nothing."""
    case = case_of([FLAT, FLAT, (102, 102, 102, 102)], [flat(0), long(0), flat(1), flat(1)])
    rows = [BOUGHT, (2, -1, 102, 0.102, "signal", 1_001.798)]
    worked(engine, case, rows, ["in_position", "filled", "closing", "in_position"])


@both
def test_direction_0_withdraws_a_waiting_entry(engine: str) -> None:
    """Limit 99 is cancelled at the close of bar 1; bar 2 would have touched it."""
    case = case_of([FLAT, FLAT, (100, 100, 98, 98)], [long(0, entry=99), flat(1)], entry="limit")
    worked(engine, case, [], ["cancelled", "closing"])

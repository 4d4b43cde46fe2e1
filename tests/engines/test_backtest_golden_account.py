"""Volume, rounding, margin and many markets, worked by hand. Fees: maker 5 bp, taker 10 bp; 1,000 paid in."""

from __future__ import annotations

import pytest

from tests.engines.backtest_worked import FLAT, both, case_of, flat, long, short, worked

THIN = (100.0, 100.0, 100.0, 100.0, 10.0)
"""A bar of which a fifth is 2 units."""


@both
def test_an_entry_that_the_volume_bounds_goes_on(engine: str) -> None:
    """5 wanted, 2 a bar: 2, 2 and 1 at the next opens, one position."""
    bars = [FLAT, THIN, (102, 102, 102, 102, 10), (101, 101, 101, 101), FLAT]
    rows = [
        (1, 2, 100, 0.2, "entry", 999.8),
        (2, 2, 102, 0.204, "entry", 999.596),
        (3, 1, 101, 0.101, "entry", 999.495),
        (4, -5, 100, 0.5, "end", 993.995),
    ]
    worked(engine, case_of(bars, [long(0)], size=5.0, max_participation=0.2), rows, ["filled"])


@both
def test_the_rest_of_an_entry_ends_with_its_bars(engine: str) -> None:
    """Two bars are allowed: 4 of 5 are bought."""
    rows = [
        (1, 2, 100, 0.2, "entry", 999.8),
        (2, 2, 100, 0.2, "entry", 999.6),
        (4, -4, 100, 0.4, "end", 999.2),
    ]
    case = case_of([FLAT, THIN, THIN, THIN, THIN], [long(0)], size=5.0, max_participation=0.2, valid_bars=2)
    worked(engine, case, rows, ["filled"])


@both
def test_the_rest_of_an_entry_does_not_fill_behind_its_stop(engine: str) -> None:
    """Limit 100, 3 wanted, 1 a bar; 3 % trailing.

    bar  open   high  low  volume
    1    100    100   100  2       buys 1
    2    100.5  110   100.5        best 110: stop 106.7
    3    107    107   99   2       on the way to 100 lies 106.7: sells there, buys nothing
    """
    bars = [FLAT, (100, 100, 100, 100, 2), (100.5, 110, 100.5, 108), (107, 107, 99, 100, 2), FLAT]
    terms = {"trailing__kind": "percent", "trailing__distance": 3.0}
    case = case_of(bars, [long(0, entry=100)], entry="limit", size=3.0, max_participation=0.5, **terms)
    rows = [(1, 1, 100, 0.05, "entry", 999.95), (3, -1, 106.7, 0.1067, "trailing", 1_006.5433)]
    worked(engine, case, rows, ["filled"])


@both
def test_a_stop_that_the_volume_bounds_goes_on_at_the_next_opens(engine: str) -> None:
    """3 units, stop 95, 2 a bar: 2 at 95, 1 at the open of bar 3, also above the stop."""
    case = case_of(
        [FLAT, FLAT, (98, 98, 94, 96, 10), (97, 99, 97, 99, 10)], [long(0, stop=95)], size=3.0, max_participation=0.2
    )
    rows = [
        (1, 3, 100, 0.3, "entry", 999.7),
        (2, -2, 95, 0.19, "stop", 989.51),
        (3, -1, 97, 0.097, "stop", 986.413),
    ]
    worked(engine, case, rows, ["filled"])


@both
def test_a_closing_that_the_volume_bounds_goes_on(engine: str) -> None:
    """3 units closed by a signal: 2 at the open of bar 2, 1 at that of bar 3."""
    case = case_of([FLAT, FLAT, THIN, (101, 101, 101, 101)], [long(0), flat(1)], size=3.0, max_participation=0.2)
    rows = [
        (1, 3, 100, 0.3, "entry", 999.7),
        (2, -2, 100, 0.2, "signal", 999.5),
        (3, -1, 101, 0.101, "signal", 1_000.399),
    ]
    worked(engine, case, rows, ["filled", "closing"])


@both
def test_a_target_goes_on_while_it_is_touched(engine: str) -> None:
    """3 units at 105, 2 a bar: 2 in bar 2, none in bar 3, which does not touch it, 1 in bar 4."""
    touched = (104.0, 105.0, 104.0, 104.0, 10.0)
    bars = [FLAT, FLAT, touched, (104, 104, 104, 104, 10), touched]
    rows = [
        (1, 3, 100, 0.3, "entry", 999.7),
        (2, -2, 105, 0.105, "target_1", 1_009.595),
        (4, -1, 105, 0.0525, "target_1", 1_014.5425),
    ]
    worked(engine, case_of(bars, [long(0, target_1=105)], size=3.0, max_participation=0.2), rows, ["filled"])


@both
@pytest.mark.parametrize(("wanted", "step", "filled"), [(0.3, 0.1, 0.3), (1.27, 0.5, 1.0), (2.0, 0.001, 2.0)])
def test_quantities_are_rounded_down_to_the_step(engine: str, wanted: float, step: float, filled: float) -> None:
    """0.3 holds three steps of 0.1, though 0.3 / 0.1 is 2.9999999999999996 in floats."""
    fee = filled * 0.1
    rows = [(1, filled, 100, fee, "entry", 1_000 - fee), (1, -filled, 100, fee, "end", 1_000 - 2 * fee)]
    worked(engine, case_of([FLAT, FLAT], [long(0)], size=wanted, quantity_step=step), rows, ["filled"])


@both
def test_target_parts_are_rounded_down_and_the_second_takes_the_rest(engine: str) -> None:
    """3 units, half each, step 1: 1 at 105, 2 at 110."""
    signal = long(0, target_1=105, target_2=110)
    case = case_of([FLAT, FLAT, (101, 111, 100, 109)], [signal], size=3.0, quantity_step=1.0)
    rows = [
        (1, 3, 100, 0.3, "entry", 999.7),
        (2, -1, 105, 0.0525, "target_1", 1_004.6475),
        (2, -2, 110, 0.11, "target_2", 1_024.5375),
    ]
    worked(engine, case, rows, ["filled"])


@both
def test_entries_that_are_too_small(engine: str) -> None:
    """0.4 units at a step of 0.5, and 0.4 * 100 below a least value of 50."""
    worked(engine, case_of([FLAT, FLAT], [long(0)], size=0.4, quantity_step=0.5), [], ["too_small"])
    worked(engine, case_of([FLAT, FLAT], [long(0)], size=0.4, min_notional=50.0), [], ["too_small"])


@both
def test_an_entry_is_cut_to_its_margin(engine: str) -> None:
    """100 units wanted at leverage 2: 1,000 / (100 * (1 / 2 + 0.001)) = 1,000 / 50.1."""
    quantity = 1_000 / 50.1
    fee = quantity * 0.1
    rows = [(1, quantity, 100, fee, "entry", 1_000 - fee), (1, -quantity, 100, fee, "end", 1_000 - 2 * fee)]
    worked(engine, case_of([FLAT, FLAT], [long(0)], size=100.0, leverage=2.0), rows, ["filled"])


@both
def test_no_margin_for_a_step(engine: str) -> None:
    """A step of 10 units would cost 1,001."""
    worked(engine, case_of([FLAT, FLAT], [long(0)], size=20.0, quantity_step=10.0), [], ["no_margin"])


@both
def test_two_markets_compete_for_cash(engine: str) -> None:
    """6 units each at 100. A comes first, whatever the order of the signals; B gets (1,000 - 0.6 - 600) / 100.1."""
    signals = [long(0, market="B"), long(0, market="A")]
    second = 399.4 / 100.1
    fee = second * 0.1
    rows = [
        (1, 6, 100, 0.6, "entry", 999.4),
        (1, second, 100, fee, "entry", 999.4 - fee),
        (1, -6, 100, 0.6, "end", 998.8 - fee),
        (1, -second, 100, fee, "end", 998.8 - 2 * fee),
    ]
    worked(engine, case_of({"A": [FLAT, FLAT], "B": [FLAT, FLAT]}, signals, size=6.0), rows, ["filled", "filled"])


@both
def test_as_many_positions_as_allowed(engine: str) -> None:
    """One: the first signal given has it, the other is not taken."""
    signals = [long(0, market="B"), short(0, market="A")]
    rows = [(1, 1, 100, 0.1, "entry", 999.9), (1, -1, 100, 0.1, "end", 999.8)]
    case = case_of({"A": [FLAT, FLAT], "B": [FLAT, FLAT]}, signals, max_positions=1)
    worked(engine, case, rows, ["filled", "max_positions"])

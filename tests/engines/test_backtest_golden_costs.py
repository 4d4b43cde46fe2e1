"""Funding, liquidation and finer bars, worked by hand. Fees: maker 5 bp, taker 10 bp; 1,000 paid in."""

from __future__ import annotations

import pytest

from tests.engines.backtest_worked import FLAT, both, case_of, long, short, worked

BOUGHT = (1, 1, 100, 0.1, "entry", 999.9)
LEVERED = {"leverage": 5.0, "maintenance_margin": 0.02}
"""A long of 1 at 100: margin 20, liquidated at (20 - 100) / (0.02 - 1) = 81.632653, bankrupt at 80."""
LIQUIDATED = 80 / 0.98


@both
def test_funding_at_the_open_is_paid_on_what_is_carried_in(engine: str) -> None:
    """1 % at the open of bar 1 (before the entry there), and at that of bar 2 (open 102): 1.02."""
    bars = [FLAT, FLAT, (102, 102, 102, 102)]
    case = case_of(bars, [long(0)], funding=[(0, 0), (1, 0.01), (2, 0.01)])
    worked(engine, case, [BOUGHT, (2, -1, 102, 0.102, "end", 1_000.778)], ["filled"])


@both
def test_fundings_within_a_bar_are_paid_at_its_open_price(engine: str) -> None:
    """Half past 1 and two within bar 2, whose open is 102: 1 + 1.02 + 2.04, on what was bought at the open of bar 1."""
    bars = [FLAT, FLAT, (102, 104, 102, 102)]
    case = case_of(bars, [long(0)], funding=[(0, 0), (1.5, 0.01), (2.25, 0.01), (2.75, 0.02)])
    worked(engine, case, [BOUGHT, (2, -1, 102, 0.102, "end", 997.738)], ["filled"])


@both
def test_a_short_receives_what_a_long_pays(engine: str) -> None:
    """1 % of 100."""
    rows = [(1, -1, 100, 0.1, "entry", 999.9), (2, 1, 100, 0.1, "end", 1_000.8)]
    worked(engine, case_of([FLAT, FLAT, FLAT], [short(0)], funding=[(0, 0), (1.5, 0.01)]), rows, ["filled"])


@both
def test_funding_is_reckoned_at_the_mark(engine: str) -> None:
    """The mark of bar 1 opens at 110: 1.1."""
    case = case_of([FLAT, FLAT], [long(0)], funding=[(0, 0), (1.5, 0.01)], mark=[FLAT, (110, 110, 100, 100)])
    worked(engine, case, [BOUGHT, (1, -1, 100, 0.1, "end", 998.7)], ["filled"])


@both
def test_funding_beyond_the_cash_comes_out_of_the_margin(engine: str) -> None:
    """Leverage 5, 49 units: margin 980, fee 4.9, available 15.1. 1 % of 4,900 is 49: 33.9 come out of the margin of 980.

    946.1 / 49 = 19.308163: liquidated at (19.308163 - 100) / (0.02 - 1) = 82.338609 instead of 81.632653.
    Left of the margin there: 946.1 - 49 * 17.661391 = 80.691837; the fees, 49 * 82.338609 * 0.006, are 24.207551.
    """
    bars = [FLAT, FLAT, (100, 100, 82, 90)]
    case = case_of(bars, [long(0)], size=49.0, funding=[(0, 0), (1.5, 0.01)], **LEVERED)
    price = (946.1 / 49 - 100) / (0.02 - 1)
    fee = 49 * price * 0.006
    rows = [(1, 49, 100, 4.9, "entry", 995.1), (2, -49, price, fee, "liquidation", 946.1 - 49 * (100 - price) - fee)]
    assert price == pytest.approx(82.338609, abs=1e-6)
    worked(engine, case, rows, ["filled"])


@both
def test_liquidation_at_its_price(engine: str) -> None:
    """Bar 2 falls to 81: sold at 81.632653, fee (10 + 50) bp of it: 0.489796."""
    case = case_of([FLAT, FLAT, (100, 100, 81, 90)], [long(0)], **LEVERED)
    rows = [BOUGHT, (2, -1, LIQUIDATED, LIQUIDATED * 0.006, "liquidation", 899.9 + LIQUIDATED * 0.994)]
    worked(engine, case, rows, ["filled"])


@both
def test_a_gap_liquidates_at_the_bankruptcy_price_at_worst(engine: str) -> None:
    """Opens at 80.5, between both: sold there, and the fee takes no more than is left of the margin, 0.483. At 70: sold at 80."""
    between = case_of([FLAT, FLAT, (80.5, 85, 79, 85)], [long(0)], **LEVERED)
    worked(engine, between, [BOUGHT, (2, -1, 80.5, 0.483, "liquidation", 979.917)], ["filled"])
    below = case_of([FLAT, FLAT, (70, 85, 69, 85)], [long(0)], **LEVERED)
    worked(engine, below, [BOUGHT, (2, -1, 80, 0, "liquidation", 979.9)], ["filled"])


@both
def test_a_short_is_liquidated_above(engine: str) -> None:
    """(20 + 100) / (0.02 + 1) = 117.647059."""
    price = 120 / 1.02
    case = case_of([FLAT, FLAT, (100, 118, 100, 110)], [short(0)], **LEVERED)
    fee = price * 0.006
    rows = [(1, -1, 100, 0.1, "entry", 999.9), (2, 1, price, fee, "liquidation", 1_099.9 - price - fee)]
    worked(engine, case, rows, ["filled"])


@both
def test_the_mark_liquidates_and_not_the_last_price(engine: str) -> None:
    """The bar falls to 70, the mark to 90: nothing. The bar stays, the mark falls to 81: liquidated."""
    kept = case_of([FLAT, FLAT, (100, 100, 70, 100)], [long(0)], mark=[FLAT, FLAT, (100, 100, 90, 100)], **LEVERED)
    worked(engine, kept, [BOUGHT, (2, -1, 100, 0.1, "end", 999.8)], ["filled"])
    lost = case_of([FLAT, FLAT, FLAT], [long(0)], mark=[FLAT, FLAT, (100, 100, 81, 100)], **LEVERED)
    rows = [BOUGHT, (2, -1, LIQUIDATED, LIQUIDATED * 0.006, "liquidation", 899.9 + LIQUIDATED * 0.994)]
    worked(engine, lost, rows, ["filled"])


@both
def test_stop_or_liquidation_whichever_comes_first(engine: str) -> None:
    """Bar 2 falls to 75: a stop of 85 is hit before 81.632653, one of 80.5 is not. A trailed stop of 116.4 is hit first of all."""
    bars = [FLAT, FLAT, (100, 100, 75, 80)]
    stopped = [BOUGHT, (2, -1, 85, 0.085, "stop", 984.815)]
    worked(engine, case_of(bars, [long(0, stop=85)], **LEVERED), stopped, ["filled"])
    liquidated = [BOUGHT, (2, -1, LIQUIDATED, LIQUIDATED * 0.006, "liquidation", 899.9 + LIQUIDATED * 0.994)]
    worked(engine, case_of(bars, [long(0, stop=80.5)], **LEVERED), liquidated, ["filled"])
    bars = [FLAT, (100, 120, 100, 120), (120, 120, 75, 80)]
    trailed = case_of(bars, [long(0)], trailing__kind="percent", trailing__distance=3.0, **LEVERED)
    worked(engine, trailed, [BOUGHT, (2, -1, 116.4, 0.1164, "trailing", 1_016.1836)], ["filled"])


@both
def test_what_a_stop_without_volume_leaves_can_be_liquidated(engine: str) -> None:
    """2 units, stop 85, 1 can be sold there; the bar goes on to 75, and liquidation has no bound."""
    case = case_of([FLAT, FLAT, (100, 100, 75, 80, 2)], [long(0, stop=85)], size=2.0, max_participation=0.5, **LEVERED)
    cash = 999.8 - 15 - 0.085
    rows = [
        (1, 2, 100, 0.2, "entry", 999.8),
        (2, -1, 85, 0.085, "stop", cash),
        (2, -1, LIQUIDATED, LIQUIDATED * 0.006, "liquidation", cash - 100 + LIQUIDATED * 0.994),
    ]
    worked(engine, case, rows, ["filled"])


@both
def test_finer_bars_tell_what_came_first(engine: str) -> None:
    """Bar 2 has both 106 and 94. Alone: the stop. Where its first quarter rises: the target. Where it falls: the stop."""
    bars = [FLAT, FLAT, (100, 106, 94, 100)]
    signal = long(0, stop=95, target_1=105)
    up, down = (100.0, 106.0, 100.0, 100.0), (100.0, 100.0, 94.0, 100.0)
    stop = (2, -1, 95, 0.095, "stop", 994.805)
    target = (2, -1, 105, 0.0525, "target_1", 1_004.8475)
    worked(engine, case_of(bars, [signal]), [BOUGHT, stop], ["filled"])
    worked(engine, case_of(bars, [signal], finer=[FLAT] * 8 + [up, down, FLAT, FLAT]), [BOUGHT, target], ["filled"])
    later = (2.25, *target[1:])
    worked(engine, case_of(bars, [signal], finer=[FLAT] * 9 + [up, down, FLAT]), [BOUGHT, later], ["filled"])
    worked(engine, case_of(bars, [signal], finer=[FLAT] * 8 + [down, up, FLAT, FLAT]), [BOUGHT, stop], ["filled"])


@both
def test_a_bar_that_finer_bars_do_not_fill_is_walked_as_a_whole(engine: str) -> None:
    """The last quarter is missing: the stop."""
    up, down = (100.0, 106.0, 100.0, 100.0), (100.0, 100.0, 94.0, 100.0)
    case = case_of(
        [FLAT, FLAT, (100, 106, 94, 100)], [long(0, stop=95, target_1=105)], finer=[FLAT] * 8 + [up, down, FLAT]
    )
    worked(engine, case, [BOUGHT, (2, -1, 95, 0.095, "stop", 994.805)], ["filled"])

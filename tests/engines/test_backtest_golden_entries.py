"""Entries worked by hand. Fees: maker 5 bp, taker 10 bp; one unit; 1,000 paid in."""

from __future__ import annotations

from tests.engines.backtest_worked import FLAT, both, case_of, long, short, worked


@both
def test_a_market_entry_fills_at_the_next_open(engine: str) -> None:
    """Decided at the close of bar 0.

    bar  open  high  low  close
    1    101   103   100  102    buy 1 at 101; the end sells at 102
    """
    case = case_of([FLAT, (101, 103, 100, 102)], [long(0)])
    worked(engine, case, [(1, 1, 101, 0.101, "entry", 999.899), (1, -1, 102, 0.102, "end", 1_000.797)], ["filled"])


@both
def test_market_fills_slip_against_the_order_and_the_end_does_not(engine: str) -> None:
    """20 bp: a buy at 100 pays 100.2, a sale at 100 gets 99.8; the end fills at the close itself."""
    bought = case_of([FLAT, FLAT], [long(0)], slippage__bp=20.0)
    worked(engine, bought, [(1, 1, 100.2, 0.1002, "entry", 999.8998), (1, -1, 100, 0.1, "end", 999.5998)], ["filled"])
    sold = case_of([FLAT, FLAT], [short(0)], slippage__bp=20.0)
    worked(engine, sold, [(1, -1, 99.8, 0.0998, "entry", 999.9002), (1, 1, 100, 0.1, "end", 999.6002)], ["filled"])


@both
def test_impact_grows_with_the_root_of_the_share_of_the_volume(engine: str) -> None:
    """4 of a volume of 16 at 100 bp: 100 * (1 + 0.01 * sqrt(0.25)) = 100.5."""
    case = case_of([FLAT, (100, 100, 100, 100, 16.0)], [long(0)], size=4.0, slippage__impact_bp=100.0)
    worked(engine, case, [(1, 4, 100.5, 0.402, "entry", 999.598), (1, -4, 100, 0.4, "end", 997.198)], ["filled"])


@both
def test_a_limit_entry_waits_for_a_touch_and_never_fills_better(engine: str) -> None:
    """Limit 99.

    bar  open  high  low   close
    1    100   100   99.5  100    not touched
    2    98    99    98    98.5   opens below: still 99, as maker
    """
    case = case_of([FLAT, (100, 100, 99.5, 100), (98, 99, 98, 98.5)], [long(0, entry=99)], entry="limit")
    worked(engine, case, [(2, 1, 99, 0.0495, "entry", 999.9505), (2, -1, 98.5, 0.0985, "end", 999.352)], ["filled"])


@both
def test_a_short_limit_entry_fills_above(engine: str) -> None:
    """Limit 101, the high is 101: touched."""
    case = case_of([FLAT, (100, 101, 100, 100)], [short(0, entry=101)], entry="limit")
    worked(engine, case, [(1, -1, 101, 0.0505, "entry", 999.9495), (1, 1, 100, 0.1, "end", 1_000.8495)], ["filled"])


@both
def test_a_limit_may_have_to_be_gone_beyond(engine: str) -> None:
    """Limit 100 and 50 bp: a low of 99.6 is not enough, 99.5 is."""
    bars = [FLAT, (101, 101, 99.6, 101), (101, 101, 99.5, 101)]
    case = case_of(bars, [long(0, entry=100)], entry="limit", limit_beyond_bp=50.0)
    worked(engine, case, [(2, 1, 100, 0.05, "entry", 999.95), (2, -1, 101, 0.101, "end", 1_000.849)], ["filled"])


@both
def test_a_waiting_entry_is_withdrawn_after_its_bars(engine: str) -> None:
    """Two bars do not touch 99; the third would."""
    case = case_of([FLAT, FLAT, FLAT, (100, 100, 98, 100)], [long(0, entry=99)], entry="limit", valid_bars=2)
    worked(engine, case, [], ["not_reached"])


@both
def test_a_stop_entry_fills_at_its_price(engine: str) -> None:
    """Stop entry 102; bar 1 opens at 101 and reaches 103. As taker, slipped by 10 bp."""
    case = case_of([FLAT, (101, 103, 101, 103)], [long(0, entry=102)], entry="stop", slippage__bp=10.0)
    worked(
        engine,
        case,
        [(1, 1, 102.102, 0.102102, "entry", 999.897898), (1, -1, 103, 0.103, "end", 1_000.692898)],
        ["filled"],
    )


@both
def test_a_stop_entry_that_is_gapped_over_fills_at_the_open(engine: str) -> None:
    """Stop entry 102, the bar opens at 104. Short: 98, opens at 97."""
    up = case_of([FLAT, (104, 105, 103, 105)], [long(0, entry=102)], entry="stop")
    worked(engine, up, [(1, 1, 104, 0.104, "entry", 999.896), (1, -1, 105, 0.105, "end", 1_000.791)], ["filled"])
    down = case_of([FLAT, (97, 98, 96, 96)], [short(0, entry=98)], entry="stop")
    worked(engine, down, [(1, -1, 97, 0.097, "entry", 999.903), (1, 1, 96, 0.096, "end", 1_000.807)], ["filled"])


@both
def test_an_entry_that_opens_beyond_its_stop_is_not_made(engine: str) -> None:
    """Stop 95, the next open is 94."""
    worked(engine, case_of([FLAT, (94, 96, 93, 95)], [long(0, stop=95)]), [], ["stop_beyond"])


@both
def test_an_entry_decided_at_the_last_close_stays_pending(engine: str) -> None:
    """There is no bar after it."""
    worked(engine, case_of([FLAT, FLAT], [long(1)]), [], ["pending"])


@both
def test_what_sizes_an_entry(engine: str) -> None:
    """Close 100 and stop 95, next open 125; leverage 2.

    risk_fraction 0.01     10 / |100 - 95| = 2
    equity_fraction 0.5    500 / 125 = 4
    fixed_notional 250     250 / 125 = 2
    from_signal 1.5        1.5 * 3 = 4.5
    """
    bars = [FLAT, (125, 125, 125, 125)]
    signals = [long(0, stop=95, quantity=3)]
    for sizing, size, quantity in (
        ("risk_fraction", 0.01, 2.0),
        ("equity_fraction", 0.5, 4.0),
        ("fixed_notional", 250.0, 2.0),
        ("from_signal", 1.5, 4.5),
    ):
        case = case_of(bars, signals, sizing=sizing, size=size, leverage=2.0)
        fee = quantity * 0.125
        rows = [(1, quantity, 125, fee, "entry", 1_000 - fee), (1, -quantity, 125, fee, "end", 1_000 - 2 * fee)]
        worked(engine, case, rows, ["filled"])

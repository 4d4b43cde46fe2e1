"""Input that a backtest cannot run with is refused before anything runs, by the name of the field or the row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from engines.backtest.config import BacktestConfig
from engines.backtest.errors import BadBacktest
from tests.engines.backtest_cases import HOUR, START, Case
from tests.engines.backtest_worked import FLAT, case_of, long

NAN = float("nan")
GOOD = case_of([FLAT] * 30, [long(0, stop=95), long(1, entry=100, stop=95, target_1=105, target_2=110)])


def refused(case: Case) -> BadBacktest:
    with pytest.raises(BadBacktest) as caught:
        case.compiled()
    return caught.value


def test_the_case_that_is_broken_below_is_good() -> None:
    assert GOOD.compiled().fills.height


@pytest.mark.parametrize(
    ("signal", "rule"),
    [
        ({"ts": START + 30 * HOUR, "direction": 1}, "ts is not the open time of a bar"),
        ({"ts": START - HOUR, "direction": 1}, "ts is not the open time of a bar"),
        ({"ts": START + 1, "direction": 1}, "ts is not the open time of a bar"),
        (long(1, entry=100, stop=100), "stop is not on the losing side of entry"),
        ({"ts": START, "direction": -1, "entry": 100.0, "stop": 95.0}, "stop is not on the losing side of entry"),
        (long(1, entry=100, target_1=99), "target_1 is not on the winning side of entry"),
        (long(1, stop=100, target_1=99), "target_1 is not on the winning side of stop"),
        (long(1, entry=100, target_1=105, target_2=104), "target_2 is not beyond target_1"),
        (long(1, entry=100, target_2=105), "target_2 is there without target_1"),
        (long(1, stop=NAN), "stop is NaN"),
        (long(1, entry=NAN), "entry is NaN"),
        (long(1, stop=float("inf")), "stop must be a finite number above 0"),
        (long(1, entry=-1.0), "entry must be a finite number above 0"),
        (long(1, quantity=0.0), "quantity must be a finite number above 0"),
        ({"ts": START, "direction": 2}, "direction must be"),
        ({"ts": START, "direction": None}, "direction is null"),
        ({"ts": None, "direction": 1}, "ts is null"),
        ({"ts": START, "direction": 1, "market": "Z"}, "there are no bars of Z"),
    ],
)
def test_a_bad_signal_is_named_by_its_row(signal: dict[str, Any], rule: str) -> None:
    bars = {"A": [FLAT] * 30, "B": [FLAT] * 30}
    error = refused(case_of(bars, [long(0), signal]))
    assert error.where == "signals, row 1"
    assert rule in error.rule


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"sizing": "risk_fraction", "size": 0.01}, "sizing by risk_fraction needs it"),
        ({"sizing": "from_signal"}, "sizing from_signal needs it"),
        ({"entry": "limit"}, "limit entries need it"),
        ({"entry": "stop"}, "stop entries need it"),
    ],
)
def test_what_a_configuration_needs_of_signals(terms: dict[str, Any], rule: str) -> None:
    error = refused(case_of([FLAT] * 3, [long(0, stop=95, entry=100, quantity=1), long(1)], **terms))
    assert error.where == "signals, row 1"
    assert rule in error.rule


def test_closing_signals_need_no_prices() -> None:
    case = case_of([FLAT] * 3, [{"ts": START, "direction": 0}], sizing="risk_fraction", size=0.01, entry="limit")
    assert case.compiled().signals["fate"].to_list() == ["in_position"]


@pytest.mark.parametrize("name", ["ts", "direction"])
def test_signals_without_a_column(name: str) -> None:
    error = refused(replace(GOOD, signals=GOOD.signals.drop(name)))
    assert error.where == "signals"
    assert f"column {name!r} is missing" in error.rule


def test_signals_of_the_wrong_type() -> None:
    error = refused(replace(GOOD, signals=GOOD.signals.with_columns(pl.col("stop").cast(pl.String))))
    assert error.where == "signals, column stop"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cash": 0.0}, "cash"),
        ({"cash": NAN}, "cash"),
        ({"cash": float("inf")}, "cash"),
        ({"size": 0.0}, "size"),
        ({"sizing": "risk_fraction", "size": 1.0}, "size"),
        ({"sizing": "all_in"}, "sizing"),
        ({"leverage": 0.5}, "leverage"),
        ({"leverage": 150.0, "maintenance_margin": 0.01}, "maintenance_margin"),
        ({"target_fractions": (0.7, 0.7)}, "target_fractions"),
        ({"target_fractions": (0.7,)}, "target_fractions"),
        ({"valid_bars": 0}, "valid_bars"),
        ({"time_stop_bars": 1.5}, "time_stop_bars"),
        ({"break_even": "yes"}, "break_even"),
        ({"max_participation": 1.1}, "max_participation"),
        ({"trailing.distance": 0.0}, "trailing.distance"),
        ({"trailing.kind": "ladder"}, "trailing.kind"),
        ({"fees.taker_bp": -1.0}, "fees.taker_bp"),
        ({"slippage.bp": NAN}, "slippage.bp"),
        ({"take_profit": 1.0}, "take_profit"),
        ({"fees.tax_bp": 1.0}, "fees.tax_bp"),
    ],
)
def test_a_bad_configuration_is_named_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadBacktest) as caught:
        BacktestConfig().with_values(changes)
    assert caught.value.where == field


def test_overlapping_configurations() -> None:
    """One group as a whole and a field of it."""
    with pytest.raises(BadBacktest, match="give one of them") as caught:
        BacktestConfig().with_values({"fees": BacktestConfig().fees, "fees.taker_bp": 1.0})
    assert caught.value.where == "fees"


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("ts", START + HOUR, "ts is not after the bar before it"),
        ("ts", START, "ts is not after the bar before it"),
        ("ts", START + 2 * HOUR + 1, "grid"),
        ("close", NAN, "a price is null, NaN or infinite"),
        ("low", -1.0, "a price is not above zero"),
        ("high", 99.0, "high is below"),
        ("volume", -1.0, "volume"),
    ],
)
@pytest.mark.parametrize("table", ["bars", "finer", "mark"])
def test_bad_bars_are_named_by_their_row(table: str, column: str, value: float, rule: str) -> None:
    """Row 2 of each: twice the time of row 1, out of order, off the grid, or with a price that cannot be."""
    case = case_of([FLAT] * 6, [long(0)], mark=[FLAT] * 6)
    frame = case.bars if table != "mark" else case.mark
    assert frame is not None
    if table == "finer":
        frame = case_of([FLAT] * 6, [long(0)], finer=[FLAT] * 24).finer
        assert frame is not None
        if column == "ts":
            value = START + (value - START) / 4 + value % 2
    ts = frame["ts"].to_physical().to_list()
    broken: list[Any] = ts if column == "ts" else frame[column].to_list()
    broken[2] = int(value) if column == "ts" else value
    new = pl.Series(column, broken).cast(frame.schema[column])
    error = refused(replace(case, **{"mark": None, table: frame.with_columns(new)}))
    # The finer bars' timeframe is told by their times, which must tell one.
    no_grid = table == "finer" and rule == "grid"
    assert error.where == ("finer, column ts" if no_grid else f"{table}, row 2")
    assert ("no timeframe has bars" if no_grid else rule) in error.rule


def test_no_bars() -> None:
    assert refused(replace(GOOD, bars=GOOD.bars.clear(), signals=GOOD.signals.clear())).where == "bars"


def test_mark_bars_must_cover_every_bar() -> None:
    error = refused(case_of([FLAT] * 6, [long(0)], mark=[FLAT] * 5))
    assert error.where == "mark"
    assert "no mark price of the bar at 2024-01-01 05:00 UTC" in error.rule


def test_finer_bars_must_make_up_the_bars() -> None:
    """Hours out of hours, and hours for quarters."""
    case = case_of([FLAT] * 6, [long(0)])
    error = refused(replace(case, finer=case.bars))
    assert error.where == "finer"
    assert "1h bars are not made of these" in error.rule


def test_a_gap_in_the_funding() -> None:
    """Nothing between 4 and 20 o'clock; 8 hours are allowed."""
    error = refused(case_of([FLAT] * 24, [long(0)], funding=[(0, 0), (4, 0), (20, 0)]))
    assert error.where == "funding"
    assert "16.0 hours from 2024-01-01 04:00 UTC" in error.rule
    case_of([FLAT] * 24, [long(0)], funding=[(0, 0), (4, 0), (20, 0)], max_funding_gap_hours=16.0).compiled()


def test_funding_that_ends_too_soon() -> None:
    error = refused(case_of([FLAT] * 24, [long(0)], funding=[(0, 0), (8, 0)]))
    assert "16.0 hours from 2024-01-01 08:00 UTC" in error.rule


@pytest.mark.parametrize(
    ("rows", "where", "rule"),
    [
        ([(0, 0.0), (2, NAN)], "funding, row 1", "funding_rate is not a finite number"),
        ([(0, 0.0), (2, 0.0), (1, 0.0)], "funding, row 2", "ts is not after the row before it"),
        ([(0, 0.0), (2, 0.0), (2, 0.0)], "funding, row 2", "ts is not after the row before it"),
    ],
)
def test_bad_funding_rows(rows: list[tuple[float, float]], where: str, rule: str) -> None:
    error = refused(case_of([FLAT] * 4, [long(0)], funding=rows))
    assert error.where == where
    assert rule in error.rule

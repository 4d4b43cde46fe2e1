"""Metrics of small tables, worked by hand."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest

from engines.backtest.metrics import summary
from engines.backtest.metrics.calendar import monthly_returns, return_table
from engines.backtest.metrics.catalogue import CATALOGUE, METRIC_NAMES, markdown
from engines.backtest.metrics.drawdowns import worst_drawdowns
from engines.backtest.metrics.inputs import DAY_MS, curve_of, daily_returns
from tests.engines.backtest_curves import daily_curve, day, some_trades

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_the_catalogue() -> None:
    assert (ROOT / "docs" / "backtest_metrics.md").read_text() == markdown(), (
        "write it anew: python -m engines.backtest.metrics.catalogue > docs/backtest_metrics.md"
    )


def test_a_summary_holds_the_catalogue_in_its_order() -> None:
    assert tuple(summary(daily_curve(np.array([0.1])), some_trades([1.0]))) == METRIC_NAMES
    assert len(set(METRIC_NAMES)) == len(CATALOGUE)


def test_returns() -> None:
    """Four days.

    | day | equity | r | lost of the peak |
    |---|---|---|---|
    | before | 1,000 | | |
    | 1 | 1,100 | +10 % | 0 |
    | 2 | 880 | -20 % | 20 % |
    | 3 | 924 | +5 % | 16 % |
    | 4 | 924 | 0 % | 16 % |
    """
    curve = daily_curve(np.array([0.1, -0.2, 0.05, 0.0]), start=1_000.0, traded=3_828.0)
    found = summary(curve, some_trades([]))
    root = math.sqrt(365)
    # Deviations from the mean of -1.25 %: 11.25, -18.75, 6.25, 1.25; squares 126.5625, 351.5625, 39.0625, 1.5625.
    deviation = math.sqrt(518.75 / 3) / 100
    # In the order -20, 0, 5, 10 the quantiles of 5 % and 95 % lie 0.15 and 2.85 steps up.
    expected = {
        "total_return": -0.076,
        "annual_return": 0.924 ** (365 / 4) - 1,
        "net_profit": -76.0,
        "best_day": 0.1,
        "worst_day": -0.2,
        "winning_days": 2 / 3,
        "days": 4,
        "volatility": deviation * root,
        "max_drawdown": 0.2,
        "max_drawdown_days": 3,
        "ulcer_index": math.sqrt((0.04 + 0.0256 + 0.0256) / 4),
        "value_at_risk_95": 0.17,
        "expected_shortfall_95": 0.2,
        "tail_ratio": 0.0925 / 0.17,
        "sharpe": -0.0125 / deviation * root,
        "sortino": -0.0125 / 0.1 * root,
        "calmar": (0.924 ** (365 / 4) - 1) / 0.2,
        "omega": 0.15 / 0.2,
        "turnover": 3_828 / 957 * 365 / 4,
        "exposure": 1.0,
        "time_in_market": 1.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_trades() -> None:
    """Six trades, of 10 units at 100 with the stop 10 away: one R is 100.

    | pnl | R | fees | before fees | worst | best |
    |---|---|---|---|---|---|
    | 200 | 2 | 10 | 210 | -5 | 25 |
    | -100 | -1 | 10 | -90 | -10 | 0 |
    | 50 | 0.5 | 10 | 60 | -2 | 8 |
    | -100 | -1 | 10 | -90 | -10 | 4 |
    | -50 | -0.5 | 10 | -40 | -6 | 1 |
    | 300 | 3 | 10 | 310 | -3 | 34 |
    """
    pnl = [200.0, -100.0, 50.0, -100.0, -50.0, 300.0]
    trades = some_trades(
        pnl,
        r_multiple=[2.0, -1.0, 0.5, -1.0, -0.5, 3.0],
        pnl_gross=[210.0, -90.0, 60.0, -90.0, -40.0, 310.0],
        fees=[10.0] * 6,
        slippage_cost=[1.0] * 6,
        funding=[0.5, -0.25, 0, 0, 0, 0],
        mae=[-5.0, -10.0, -2.0, -10.0, -6.0, -3.0],
        mfe=[25.0, 0.0, 8.0, 4.0, 1.0, 34.0],
        quantity=[10.0] * 6,
        direction=[1, 1, -1, -1, 1, -1],
        bars_held=[1, 2, 3, 4, 5, 9],
    )
    found = summary(daily_curve(np.array([0.03])), trades)
    # Squares of the deviations of R from 0.5: 2.25, 2.25, 0, 2.25, 1, 6.25; their sum over 5 is 2.8.
    expected = {
        "trades": 6,
        "win_rate": 0.5,
        "profit_factor": 550 / 250,
        "expectancy": 50.0,
        "expectancy_r": 0.5,
        "sqn": math.sqrt(6) * 0.5 / math.sqrt(2.8),
        "average_win": 550 / 3,
        "average_loss": 250 / 3,
        "payoff": 2.2,
        "best_trade": 0.03,
        "worst_trade": -0.01,
        "consecutive_wins": 1,
        "consecutive_losses": 2,
        "average_bars_held": 4,
        "average_mae_percent": -6,
        "average_mfe_percent": 12,
        "average_mae_r": -0.6,
        "average_mfe_r": 1.2,
        "long_share": 0.5,
        "fees": 60,
        "slippage_cost": 6,
        "funding": 0.25,
        "fees_share": 60 / 580,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_trades_without_a_stop_or_a_result_are_not_in_the_means_in_r() -> None:
    trades = some_trades(
        [100.0, 40.0, 0.0],
        r_multiple=[1.0, np.nan, 0.0],
        mae=[-5.0, -50.0, -70.0],
        mfe=[20.0, 60.0, 80.0],
        quantity=[10.0, 10.0, 10.0],
    )
    found = summary(daily_curve(np.array([0.014])), trades)
    assert found["expectancy_r"] == pytest.approx(0.5)
    assert (found["average_mae_r"], found["average_mfe_r"]) == pytest.approx((-0.5, 2.0))
    assert found["win_rate"] == pytest.approx(2 / 3)


def test_bars_of_a_day_count_by_the_last() -> None:
    """Two bars on 1 January, one on the 3rd: the 2nd has none and returns 0."""
    ts = np.array([day("2024-01-01"), day("2024-01-01") + DAY_MS // 2, day("2024-01-03")])
    curve = curve_of(ts, np.array([90.0, 110.0, 121.0]), 100.0, np.array([0.0, 0.5, 0.25]))
    assert curve.day_equity.tolist() == [110.0, 121.0]
    assert daily_returns(curve) == pytest.approx([0.1, 0.0, 0.1])
    assert curve.max_drawdown == pytest.approx(0.1)
    assert curve.max_drawdown_ms == DAY_MS // 2
    assert (curve.time_in_market, curve.mean_exposure) == (2 / 3, 0.25)
    assert summary(curve, some_trades([]))["days"] == 3


@pytest.mark.parametrize(
    ("equity", "hours"),
    [
        ([100, 101, 102], 0),
        ([101, 100, 101, 102], 2),
        ([101, 100, 100.5], 2),
        ([99, 98, 100], 2),
        ([99], 0),
        ([101, 100], 1),
        ([101, 100, 101, 100, 100, 100, 101, 100], 4),
        ([100, 100, 100], 0),
    ],
)
def test_time_below_a_peak(equity: list[float], hours: int) -> None:
    """From the peak's bar to the one that reaches it again, or to the last."""
    ts = np.arange(len(equity)) * 3_600_000
    assert curve_of(ts, np.array(equity, dtype=np.float64), 100.0).max_drawdown_ms == hours * 3_600_000


def test_worst_drawdowns() -> None:
    """100 to 110, 99 (-10 %), 110, 120, 84 (-30 %), 96: the second has not recovered."""
    curve = daily_curve(np.array([110, 99, 110, 120, 84, 96]) / np.array([100, 110, 99, 110, 120, 84]) - 1, start=100.0)
    found = worst_drawdowns(curve)

    def at(number: int) -> dt.datetime:
        return dt.datetime(2023, 1, number, tzinfo=dt.UTC)

    deep, shallow = found.rows(named=True)
    assert deep["depth"] == pytest.approx(0.3)
    assert (deep["peak_ts"], deep["trough_ts"], deep["recovered_ts"]) == (at(4), at(5), None)
    assert (deep["days"], deep["recovery_days"]) == (2, None)
    assert shallow["depth"] == pytest.approx(0.1)
    assert (shallow["peak_ts"], shallow["trough_ts"], shallow["recovered_ts"]) == (at(1), at(2), at(3))
    assert (shallow["days"], shallow["recovery_days"]) == (2, 1)
    assert worst_drawdowns(curve, 1).height == 1
    assert worst_drawdowns(daily_curve(np.array([0.1, 0.0]))).is_empty()


def test_months() -> None:
    """Three days around the turn of a year: -50 % on 31 December, then +10 % and +20 %."""
    curve = daily_curve(np.array([-0.5, 0.1, 0.2]), first="2023-12-31")
    assert monthly_returns(curve).rows() == [(2023, 12, pytest.approx(-0.5)), (2024, 1, pytest.approx(0.32))]
    table = return_table(curve)
    assert table["dec"].to_list() == [pytest.approx(-0.5), None]
    assert table["jan"].to_list() == [None, pytest.approx(0.32)]
    assert table["whole_year"].to_list() == [pytest.approx(-0.5), pytest.approx(0.32)]

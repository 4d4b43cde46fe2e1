"""Metrics equal those of quantstats, empyrical and scipy wherever they define the same thing."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs
import scipy.stats

from engines.backtest.metrics import returns as of
from engines.backtest.metrics import summary
from engines.backtest.metrics.calendar import monthly_returns, return_table, yearly_returns
from engines.backtest.metrics.drawdowns import drawdown_series
from engines.backtest.metrics.significance import minimum_track_record, probabilistic_sharpe, sample
from engines.backtest.metrics.trade_statistics import longest_run, outcome
from engines.risk import historical_tail
from tests.engines.backtest_curves import daily_curve, some_trades

CASES = [(count, seed) for count in (20, 61, 365, 1_000) for seed in (1, 2)]


def heavy_returns(count: int, seed: int) -> np.ndarray:
    """Returns with heavy tails, some days of exactly 0."""
    made = scipy.stats.t.rvs(3, loc=0.001, scale=0.02, size=count, random_state=seed).clip(-0.5, 0.8)
    return np.where(np.random.default_rng(seed).random(count) < 0.1, 0.0, made)


def series(returns: np.ndarray) -> Any:
    return pd.Series(returns, index=pd.date_range("2023-01-01", periods=returns.shape[0], freq="D"))


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def returns(request: pytest.FixtureRequest) -> np.ndarray:
    return heavy_returns(*request.param)


def test_numbers_of_returns_equal_quantstats(returns: np.ndarray) -> None:
    days = series(returns)
    found = summary(daily_curve(returns), some_trades([]))
    root = math.sqrt((returns.shape[0] - 1) / returns.shape[0])
    expected = {
        "total_return": qs.comp(days),
        "annual_return": qs.cagr(days, periods=365),
        "volatility": qs.volatility(days, periods=365),
        "sharpe": qs.sharpe(days, periods=365),
        "sortino": qs.sortino(days, periods=365),
        "calmar": qs.calmar(days, periods=365),
        "omega": qs.omega(days, periods=365),
        "max_drawdown": -qs.max_drawdown(days),
        "ulcer_index": qs.ulcer_index(days) * root,
        "ulcer_performance": qs.cagr(days, periods=365) / (qs.ulcer_index(days) * root),
        "tail_ratio": qs.tail_ratio(days),
        "best_day": qs.best(days),
        "worst_day": qs.worst(days),
        "winning_days": qs.win_rate(days),
        "expected_shortfall_95": -qs.conditional_value_at_risk(days, method="historical"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_numbers_of_returns_equal_empyrical(returns: np.ndarray) -> None:
    found = summary(daily_curve(returns), some_trades([]))
    year = {"annualization": 365}
    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": empyrical.annual_return(returns, **year),
        "volatility": empyrical.annual_volatility(returns, **year),
        "sharpe": empyrical.sharpe_ratio(returns, **year),
        "sortino": empyrical.sortino_ratio(returns, **year),
        "calmar": empyrical.calmar_ratio(returns, **year),
        "omega": empyrical.omega_ratio(returns),
        "max_drawdown": -empyrical.max_drawdown(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "value_at_risk_95": -empyrical.value_at_risk(returns),
        "expected_shortfall_95": -empyrical.conditional_value_at_risk(returns),
        "skew": scipy.stats.skew(returns),
        "excess_kurtosis": scipy.stats.kurtosis(returns),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_tails_are_those_of_the_risk_engine(returns: np.ndarray) -> None:
    ordered = np.sort(returns)
    tail = historical_tail(returns, 0.95)
    assert of.value_at_risk(ordered) == pytest.approx(tail.value_at_risk, rel=1e-12)
    assert of.expected_shortfall(ordered) == pytest.approx(tail.expected_shortfall, rel=1e-12)


def test_drawdowns_equal_both(returns: np.ndarray) -> None:
    curve = daily_curve(returns)
    lost = drawdown_series(curve.day_equity, curve.start_equity)
    np.testing.assert_allclose(lost, -qs.to_drawdown_series(series(returns)).to_numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(lost, -empyrical.stats.drawdown_series(returns), rtol=0, atol=1e-12)


def test_moments_equal_quantstats_but_for_its_correction(returns: np.ndarray) -> None:
    n = returns.shape[0]
    g1, g2 = of.skew(returns), of.excess_kurtosis(returns)
    assert qs.skew(series(returns)) == pytest.approx(g1 * math.sqrt(n * (n - 1)) / (n - 2), rel=1e-9)
    assert qs.kurtosis(series(returns)) == pytest.approx((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6), rel=1e-9)


def test_probabilistic_sharpe_equals_quantstats_with_its_moments(returns: np.ndarray) -> None:
    days = series(returns)
    seen = sample(returns)._replace(skew=float(qs.skew(days)), kurtosis=float(qs.kurtosis(days)) + 3.0)
    assert probabilistic_sharpe(seen) == pytest.approx(qs.probabilistic_ratio(days, periods=365), rel=1e-9)


def test_summary_knows_significance_from_its_own_moments(returns: np.ndarray) -> None:
    found = summary(daily_curve(returns), some_trades([]))
    seen = sample(returns)
    assert found["probabilistic_sharpe"] == pytest.approx(probabilistic_sharpe(seen), rel=1e-9)
    assert found["minimum_track_record_days"] == pytest.approx(minimum_track_record(seen), rel=1e-9, nan_ok=True)


def test_numbers_of_trades_equal_quantstats(returns: np.ndarray) -> None:
    results = series(returns)
    made = outcome(returns)
    assert made.profit_factor == pytest.approx(qs.profit_factor(results), rel=1e-9)
    assert made.payoff == pytest.approx(qs.payoff_ratio(results), rel=1e-9)
    assert made.average_win == pytest.approx(qs.avg_win(results), rel=1e-9)
    assert made.average_loss == pytest.approx(-qs.avg_loss(results), rel=1e-9)
    assert longest_run(returns > 0.0) == qs.consecutive_wins(results)
    assert longest_run(returns < 0.0) == qs.consecutive_losses(results)


def test_months_and_years_equal_quantstats() -> None:
    returns = heavy_returns(800, 5)
    curve = daily_curve(returns, first="2022-11-20")
    days = pd.Series(returns, index=pd.date_range("2022-11-20", periods=800, freq="D"))
    theirs = qs.monthly_returns(days)
    table = return_table(curve)
    assert [str(year) for year in table["year"]] == theirs.index.tolist()
    np.testing.assert_allclose(table.drop("year").fill_null(0.0).to_numpy(), theirs.to_numpy(), rtol=0, atol=1e-12)
    assert table["jan"].null_count() == 1
    assert monthly_returns(curve).height == 27
    assert yearly_returns(curve)["return"].to_list() == table["whole_year"].to_list()

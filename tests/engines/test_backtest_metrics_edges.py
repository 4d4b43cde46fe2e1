"""Whatever a run came to, its metrics neither fail nor warn, and are numbers or NaN."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.backtest.metrics import Curve, TradeArrays, summary
from engines.backtest.metrics.calendar import return_table
from engines.backtest.metrics.catalogue import METRIC_NAMES
from engines.backtest.metrics.drawdowns import worst_drawdowns
from engines.backtest.metrics.inputs import DAY_MS, curve_of, daily_returns, no_trades
from tests.engines.backtest_curves import daily_curve, some_trades

ALWAYS = ("total_return", "net_profit", "max_drawdown", "max_drawdown_days", "trades", "fees", "exposure", "days")


@contextmanager
def nothing_amiss() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise", over="raise"):
        warnings.simplefilter("error")
        yield


def checked(curve: Curve, trades: TradeArrays) -> dict[str, float]:
    with nothing_amiss():
        found = summary(curve, trades)
        return_table(curve)
        worst_drawdowns(curve)
    assert tuple(found) == METRIC_NAMES
    assert all(type(value) is float for value in found.values())
    assert [name for name, value in found.items() if math.isinf(value)] == []
    assert all(math.isfinite(found[name]) for name in ALWAYS)
    return found


def undefined(found: dict[str, float]) -> set[str]:
    return {name for name, value in found.items() if math.isnan(value)}


OF_RESULTS = {"win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "payoff", "best_trade"}
OF_R = {"expectancy_r", "sqn", "average_mae_r", "average_mfe_r"}


def test_no_trades_and_flat_equity() -> None:
    found = checked(daily_curve(np.zeros(30)), no_trades())
    assert undefined(found) >= OF_RESULTS | OF_R | {"sharpe", "sortino", "calmar", "omega", "tail_ratio", "fees_share"}
    assert found["volatility"] == found["annual_return"] == found["ulcer_index"] == found["trades"] == 0.0
    assert found["value_at_risk_95"] == 0.0


def test_all_wins() -> None:
    found = checked(daily_curve(np.full(30, 0.01)), some_trades([1.0, 2.0, 3.0], r_multiple=[1.0, 1.0, 1.0]))
    assert found["win_rate"] == 1.0
    assert found["consecutive_wins"] == 3.0
    assert {"profit_factor", "average_loss", "payoff", "sortino", "omega", "calmar"} <= undefined(found)
    assert {"sqn"} <= undefined(found)


def test_all_losses() -> None:
    found = checked(daily_curve(np.linspace(-0.02, -0.01, 30)), some_trades([-1.0, -2.0]))
    assert (found["win_rate"], found["profit_factor"], found["omega"]) == (0.0, 0.0, 0.0)
    assert found["sharpe"] < 0.0
    assert {"average_win", "payoff", "minimum_track_record_days"} <= undefined(found)


@pytest.mark.parametrize("left", [0.0, -50.0])
def test_ruin(left: float) -> None:
    """Everything is lost on the second day, or more; nothing comes back."""
    curve = curve_of(np.arange(4) * DAY_MS, np.array([110.0, left, left, left]), 100.0)
    found = checked(curve, some_trades([10.0, left - 110.0]))
    assert daily_returns(curve).tolist() == pytest.approx([0.1, left / 110.0 - 1.0, 0.0, 0.0])
    assert found["annual_return"] == -1.0
    assert found["total_return"] == left / 100.0 - 1.0
    assert found["max_drawdown"] == pytest.approx(1.0 - left / 110.0)


def test_what_comes_after_ruin_is_no_return() -> None:
    curve = curve_of(np.arange(4) * DAY_MS, np.array([110.0, -10.0, 20.0, 40.0]), 100.0)
    assert daily_returns(curve)[2:].tolist() == [0.0, 0.0]


def test_one_day() -> None:
    found = checked(daily_curve(np.array([0.02])), some_trades([200.0]))
    assert found["total_return"] == pytest.approx(0.02)
    assert found["best_day"] == found["worst_day"] == pytest.approx(0.02)
    assert {"volatility", "sharpe", "sortino", "omega", "skew", "probabilistic_sharpe"} <= undefined(found)


def test_no_day_at_all() -> None:
    none = Curve(np.empty(0, dtype=np.int64), np.empty(0), 100.0, 0.0, 0, 0.0, 0.0, 0.0, 0)
    assert undefined(checked(none, no_trades())) >= {"annual_return", "best_day", "turnover", "ulcer_index"}


@pytest.mark.parametrize("daily", [0.01, -0.003, 1.0, 1e-9])
def test_even_growth_has_no_sharpe_ratio(daily: float) -> None:
    """A standard deviation that rounding leaves is not one."""
    found = checked(daily_curve(np.full(365, daily)), no_trades())
    assert found["volatility"] == 0.0
    assert {"sharpe", "skew", "excess_kurtosis", "probabilistic_sharpe"} <= undefined(found)


amounts = st.floats(0.01, 1e9)
# What rounding leaves of a trade that came to nothing is a result too.
results_of_trades = amounts | amounts.map(lambda amount: -amount) | st.sampled_from([0.0, 1e-17, -1e-17])


@given(
    equity=st.lists(
        st.floats(1e-3, 1e12) | st.floats(-1e3, -1e-3) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=40
    ),
    gaps=st.lists(st.integers(1, 40), min_size=40, max_size=40),
    start=st.floats(1e-3, 1e9),
    exposed=st.booleans(),
    results=st.lists(
        st.tuples(results_of_trades, amounts | st.just(math.nan), amounts, st.floats(0.0, 1e9)),
        max_size=12,
    ),
)
def test_any_run(
    equity: list[float],
    gaps: list[int],
    start: float,
    exposed: bool,
    results: list[tuple[float, float, float, float]],
) -> None:
    ts = np.cumsum(gaps[: len(equity)]) * 7 * 3_600_000
    values = np.array(equity)
    curve = curve_of(ts, values, start, np.where(values > 0.0, 1.0, np.nan) if exposed else None, 12.5)
    pnl = np.array([result[0] for result in results])
    trades = some_trades(
        pnl,
        r_multiple=[result[0] / result[1] for result in results],
        entry_price=[result[2] for result in results],
        fees=[result[3] for result in results],
        mae=[-result[3] for result in results],
        mfe=[result[3] for result in results],
    )
    found = checked(curve, trades)
    assert found["max_drawdown"] >= 0.0
    assert found["ulcer_index"] >= 0.0
    risk = found["value_at_risk_95"]
    assert found["expected_shortfall_95"] >= risk - 1e-9 * abs(risk)
    assert found["days"] == curve.day_ts[-1] // DAY_MS - curve.day_ts[0] // DAY_MS + 1

"""The sentence a report begins with: what it says, and what it never does."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from deploy.reports.verdict import Finding, Measure, Verdict, mean_interval, verdict


def _trades(mean: float, count: int, spread: float = 1.0, stop: bool = True) -> pl.DataFrame:
    """Results with exactly this mean."""
    noise = np.linspace(-1.0, 1.0, count) * spread if count > 1 else np.zeros(count)
    results = mean + noise
    multiples = pl.Series(results if stop else [None] * count, dtype=pl.Float64)
    return pl.DataFrame({"r_multiple": multiples, "return_on_equity": results / 100.0})


def _judge(trades: pl.DataFrame, **changes: object) -> Verdict:
    given: dict[str, object] = {
        "out_of_sample": True,
        "total_return": 0.2,
        "probabilistic_sharpe": 0.981,
        "p_random": 0.004,
        "p_out_of_sample": True,
    }
    return verdict(trades, **(given | changes))  # type: ignore[arg-type]


def test_an_edge_is_said_with_all_its_numbers() -> None:
    said = _judge(_trades(0.25, 200))
    assert said.finding is Finding.EDGE
    assert said.sentence == (
        "An edge after costs out of sample: 200 trades averaged +0.25 R (95 % interval +0.17 to +0.33), "
        "probabilistic Sharpe ratio 98.1 %, p against random entries 0.004."
    )


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"out_of_sample": False}, "nothing was tested out of sample"),
        ({"out_of_sample": False, "trials": 400}, "with 400 parameter sets looked at"),
        ({"total_return": -0.01}, "the account as a whole gained nothing"),
        ({"probabilistic_sharpe": 0.93}, "the probabilistic Sharpe ratio is below 95 %"),
        ({"probabilistic_sharpe": float("nan")}, "the probabilistic Sharpe ratio is not known"),
        ({"p_out_of_sample": False}, "random entries were tested in sample only"),
        ({"p_random": 0.2}, "random entries do as well too often"),
        ({"p_random": float("nan")}, "random entries were not tested"),
    ],
)
def test_one_doubt_is_enough_not_to_call_it_an_edge(changes: dict[str, object], doubt: str) -> None:
    said = _judge(_trades(0.25, 200), **changes)
    assert said.finding is Finding.UNPROVEN
    assert said.sentence.startswith("Not proven")
    assert doubt in said.sentence


def test_random_entries_in_sample_are_called_so() -> None:
    assert "p against random entries 0.004 in sample;" in _judge(_trades(0.25, 200), p_out_of_sample=False).sentence
    said = _judge(_trades(0.05, 200), p_out_of_sample=False, out_of_sample=False)
    assert "p against random entries 0.004;" in said.sentence


def test_an_interval_with_0_in_it_is_no_edge() -> None:
    said = _judge(_trades(0.05, 100))
    assert said.finding is Finding.NO_EDGE
    assert said.sentence == (
        "No edge after costs is shown out of sample: 100 trades averaged +0.05 R (95 % interval −0.07 to +0.17), "
        "probabilistic Sharpe ratio 98.1 %, p against random entries 0.004; the interval includes 0."
    )


def test_a_loss_is_called_one() -> None:
    said = _judge(_trades(-0.3, 100), out_of_sample=False, p_random=float("nan"), probabilistic_sharpe=0.0004)
    assert said.finding is Finding.LOSS
    assert said.sentence == (
        "It loses after costs in sample: 100 trades averaged −0.30 R (95 % interval −0.42 to −0.18), "
        "probabilistic Sharpe ratio below 0.1 %, and nothing was tested out of sample."
    )


@pytest.mark.parametrize("count", [1, 2, 29])
def test_few_trades_tell_nothing_however_good(count: int) -> None:
    said = _judge(_trades(5.0, count, spread=0.01))
    assert said.finding is Finding.TOO_FEW
    assert said.sentence.startswith(f"No verdict: {count} trade")
    assert "at least 30 are needed" in said.sentence


def test_no_trade_at_all() -> None:
    assert _judge(_trades(0.0, 0)).sentence == "No verdict: there was no trade out of sample."


def test_without_stops_results_are_parts_of_equity() -> None:
    said = _judge(_trades(0.25, 200, stop=False))
    assert said.measure is Measure.EQUITY
    assert "200 trades averaged +0.25 % of equity" in said.sentence


@given(
    st.integers(0, 80),
    st.floats(-2.0, 2.0),
    st.floats(0.0, 3.0),
    st.booleans(),
    st.floats(0.0, 1.0) | st.just(float("nan")),
    st.floats(0.0, 1.0) | st.just(float("nan")),
)
def test_no_sentence_promises_more_than_its_numbers(
    count: int, mean: float, spread: float, unseen: bool, sharpe: float, p_random: float
) -> None:
    said = _judge(_trades(mean, count, spread), out_of_sample=unseen, probabilistic_sharpe=sharpe, p_random=p_random)
    assert "profitable" not in said.sentence.lower()
    assert said.sentence.count(".") >= 1
    assert "nan" not in said.sentence
    if not (count >= 30 and said.expectancy.low > 0.0):
        assert said.finding in (Finding.TOO_FEW, Finding.NO_EDGE, Finding.LOSS)
        assert not said.sentence.startswith("An edge")
        assert "positive" not in said.sentence
    assert said.sentence.startswith("An edge") == (said.finding is Finding.EDGE)
    assert ("out of sample" in said.sentence.split(":")[0] or not unseen) or said.finding is Finding.TOO_FEW


@pytest.mark.parametrize("count", [10, 30, 400])
def test_interval_is_students(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 1.0, count)
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), values.std(ddof=1) / np.sqrt(count))
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)

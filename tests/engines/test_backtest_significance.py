"""Sharpe ratios and luck: against published numbers, and the probability of overfitting against a plain reference."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from engines.backtest.errors import BadBacktest
from engines.backtest.metrics.overfitting import probability_of_overfitting
from engines.backtest.metrics.significance import (
    Sample,
    deflated_sharpe,
    expected_best_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sample,
)


@pytest.mark.parametrize(("skew", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
def test_probabilistic_sharpe_as_published(skew: float, kurtosis: float, published: float) -> None:
    """Bailey and López de Prado (2012): two years of months, 0.458 a month; a hedge fund's moments cost 7 points."""
    assert probabilistic_sharpe(Sample(0.458, 24, skew, kurtosis)) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("steps_a_year", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_minimum_track_record_as_published(steps_a_year: int, skew: float, kurtosis: float, years: float) -> None:
    """Bailey and López de Prado (2012): years after which 2 a year is above 1 a year with 95 % confidence."""
    root = math.sqrt(steps_a_year)
    found = minimum_track_record(Sample(2 / root, 0, skew, kurtosis), benchmark=1 / root)
    assert found / steps_a_year == pytest.approx(years, abs=5e-3)


def test_deflated_sharpe_as_published() -> None:
    """Bailey and López de Prado (2014), numerical example: 2.5 a year over five years of days, best of 100 trials."""
    seen, variance = Sample(2.5 / math.sqrt(250), 1_250, skew=-3.0, kurtosis=10.0), 0.5 / 250
    assert expected_best_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(seen, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(seen, 46, variance) == pytest.approx(0.9505, abs=5e-5)
    normal = seen._replace(skew=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_expected_best_is_that_of_normal_draws() -> None:
    draws = np.random.default_rng(7).normal(0.0, 0.3, (20_000, 50)).max(axis=1)
    assert expected_best_sharpe(50, 0.09) == pytest.approx(draws.mean(), rel=0.02)


@given(st.floats(0.01, 0.5), st.integers(3, 5_000), st.floats(-2.0, 2.0), st.floats(0.0, 20.0))
def test_the_track_record_is_where_the_probability_reaches_its_confidence(
    sharpe: float, length: int, skew: float, more: float
) -> None:
    seen = Sample(sharpe, length, skew, 1.0 + skew * skew + more)
    needed = minimum_track_record(seen)
    if needed > 1.0 + 1e-9:
        # Lengths are whole in a sample, not in the formula: the standard error goes with the root of n - 1.
        spread = seen.sharpe * math.sqrt(needed - 1.0) / scipy.stats.norm.ppf(0.95)
        assert probabilistic_sharpe(seen) == pytest.approx(
            scipy.stats.norm.cdf(sharpe * math.sqrt(length - 1) / spread)
        )
    assert deflated_sharpe(seen, 10, 0.01) <= probabilistic_sharpe(seen) == deflated_sharpe(seen, 1, 0.01)


def test_without_variation_or_edge_there_is_none() -> None:
    flat = sample(np.zeros(100))
    assert math.isnan(probabilistic_sharpe(flat))
    assert math.isnan(minimum_track_record(flat))
    assert math.isnan(minimum_track_record(Sample(-0.1, 100)))
    assert math.isnan(probabilistic_sharpe(sample(np.array([0.1]))))


def plain_sharpe(returns: np.ndarray) -> float:
    return 0.0 if np.ptp(returns) == 0.0 else float(np.mean(returns) / np.std(returns, ddof=1))


def plain_overfitting(returns: np.ndarray, blocks: int) -> tuple[list[float], list[float], list[float]]:
    """Logits, and the best trial's Sharpe ratio inside and outside, as the paper says it: every half, joined and measured."""
    length = returns.shape[0] // blocks
    parts = np.split(returns[returns.shape[0] - length * blocks :], blocks)
    logits, inside, outside = [], [], []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        rest = [number for number in range(blocks) if number not in chosen]
        train = [plain_sharpe(trial) for trial in np.concatenate([parts[number] for number in chosen]).T]
        test = [plain_sharpe(trial) for trial in np.concatenate([parts[number] for number in rest]).T]
        best = int(np.argmax(train))
        place = scipy.stats.rankdata(test)[best] / (len(test) + 1)
        logits.append(math.log(place / (1 - place)))
        inside.append(train[best])
        outside.append(test[best])
    return logits, inside, outside


@pytest.mark.parametrize(
    ("steps", "trials", "blocks"), [(100, 7, 6), (83, 20, 8), (40, 2, 4), (21, 5, 10), (9, 3, 2), (301, 101, 6)]
)
@pytest.mark.parametrize("drift", [0.0, 3.0])
def test_overfitting_equals_the_plain_reference(steps: int, trials: int, blocks: int, drift: float) -> None:
    returns = np.random.default_rng(steps).normal(0.0, 0.01, (steps, trials)) + drift
    # One that never traded, and one the same as another: parameters that made no difference.
    returns[:, 1] = 0.0
    returns[:, -1] = returns[:, 0]
    returns[:, 3::7] = returns[:, 3:4]
    found = probability_of_overfitting(returns, blocks)
    logits, inside, outside = plain_overfitting(returns, blocks)
    np.testing.assert_allclose(found.best_inside, inside, rtol=1e-7)
    np.testing.assert_allclose(found.best_outside, outside, rtol=1e-7)
    np.testing.assert_allclose(found.logits, logits, rtol=0, atol=1e-12)
    assert found.probability == np.mean(np.array(logits) <= 0.0)
    assert found.probability_of_loss == np.mean(np.array(outside) < 0.0)
    if np.ptp(inside) > 0.0:
        assert found.slope == pytest.approx(scipy.stats.linregress(inside, outside).slope, rel=1e-6)


def test_many_trials_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, (120, 30))
    whole = probability_of_overfitting(returns, 8)
    monkeypatch.setattr("engines.backtest.metrics.overfitting._CELLS", 200)
    pieces = probability_of_overfitting(returns, 8)
    np.testing.assert_allclose(pieces.logits, whole.logits)
    assert pieces.probability == whole.probability


def test_luck_is_told_from_skill() -> None:
    random = np.random.default_rng(11)
    lucky = [probability_of_overfitting(random.normal(0.0, 0.01, (400, 40)), 10).probability for _ in range(12)]
    assert 0.35 < np.mean(lucky) < 0.75
    skilled = random.normal(0.0, 0.01, (400, 40))
    skilled[:, 17] += 0.004
    found = probability_of_overfitting(skilled, 10)
    assert found.probability < 0.01
    assert found.probability_of_loss < 0.01


@pytest.mark.parametrize(
    ("returns", "blocks", "words"),
    [
        (np.zeros((100, 3)), 7, "blocks: must be an even number"),
        (np.zeros((100, 3)), 22, "blocks: must be an even number"),
        (np.zeros((100, 1)), 4, "at least 2 trials"),
        (np.zeros(100), 4, "at least 2 trials"),
        (np.zeros((7, 3)), 4, "7 steps do not give 2 for each of 4 blocks"),
        (np.where(np.arange(300).reshape(100, 3) == 8, np.nan, 0.0), 4, "trial 2 is not finite in step 2"),
    ],
)
def test_what_cannot_be_judged_is_refused(returns: np.ndarray, blocks: int, words: str) -> None:
    with pytest.raises(BadBacktest, match=words):
        probability_of_overfitting(returns, blocks)

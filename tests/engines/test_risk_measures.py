"""Tails against scipy and empyrical, correlations and clusters against scipy, liquidation and Kelly by definition."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pytest
import scipy.cluster.hierarchy
import scipy.spatial.distance
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import BadParameter
from engines.risk import (
    RiskPolicy,
    StrategyRecord,
    clusters,
    correlations,
    ewma_tail,
    ewma_volatility,
    historical_tail,
    kelly_risk,
    liquidation_price,
)
from engines.risk.correlation import UNMEASURED, annual_volatility, log_returns
from tests.engines.account_rows import walks

CONFIDENCES = (0.9, 0.95, 0.975, 0.99)


def some_returns(count: int, seed: int) -> np.ndarray:
    return scipy.stats.t.rvs(3, scale=0.01, size=count, random_state=seed).clip(-0.9, 5.0)


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("count", [2, 11, 100, 101, 5_000])
def test_historical_tail_is_that_of_empyrical_and_numpy(count: int, confidence: float) -> None:
    returns = some_returns(count, count)
    found = historical_tail(returns, confidence)
    cutoff = round(1.0 - confidence, 12)
    assert found.value_at_risk == pytest.approx(-empyrical.value_at_risk(returns, cutoff), rel=1e-12)
    assert found.expected_shortfall == pytest.approx(-empyrical.conditional_value_at_risk(returns, cutoff), rel=1e-12)
    assert found.value_at_risk == pytest.approx(-np.quantile(returns, cutoff), rel=1e-12)
    assert found.expected_shortfall >= found.value_at_risk


@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("horizon", [1, 10])
def test_ewma_tail_is_that_of_a_normal_distribution(confidence: float, horizon: int) -> None:
    returns = some_returns(400, 1)
    found = ewma_tail(returns, confidence, horizon)
    deviation = ewma_volatility(returns) * math.sqrt(horizon)
    normal = scipy.stats.norm(scale=deviation)
    assert found.value_at_risk == pytest.approx(normal.isf(1.0 - confidence), rel=1e-9)
    assert found.expected_shortfall == pytest.approx(
        normal.expect(lb=normal.ppf(confidence), conditional=True), rel=1e-6
    )


def test_ewma_volatility_is_the_recursion_once_it_has_forgotten_its_start() -> None:
    returns = some_returns(2_000, 2)
    variance = 0.0
    for value in returns.tolist():
        variance = 0.94 * variance + 0.06 * value**2
    assert ewma_volatility(returns) == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert ewma_volatility(returns[:2], 0.5) == pytest.approx(
        math.sqrt((0.5 * returns[0] ** 2 + returns[1] ** 2) / 1.5)
    )


def test_a_longer_horizon_compounds_every_window() -> None:
    returns = some_returns(300, 3)
    windows = [float(np.prod(1.0 + returns[i : i + 5]) - 1.0) for i in range(296)]
    assert historical_tail(returns, 0.95, 5) == pytest.approx(historical_tail(np.array(windows), 0.95), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    returns=st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60),
    confidence=st.floats(0.5, 0.999),
    moved=st.floats(0.0, 0.3),
)
def test_tails_behave(returns: list[float], confidence: float, moved: float) -> None:
    values = np.array(returns)
    found = historical_tail(values, confidence)
    assert -values.max() - 1e-12 <= found.value_at_risk <= found.expected_shortfall + 1e-12
    assert found.expected_shortfall <= -values.min() + 1e-12
    assert historical_tail(values + moved, confidence).value_at_risk == pytest.approx(
        found.value_at_risk - moved, abs=1e-12
    )
    shuffled = np.random.default_rng(0).permutation(values)
    assert historical_tail(shuffled, confidence) == found


@pytest.mark.parametrize(
    ("returns", "arguments", "message"),
    [
        ([0.1], {}, "1 returns are too few; at least 2"),
        ([0.1, math.nan], {}, "return 1 is .*nan"),
        ([-1.0, 0.1], {}, "return 0 is .*above -1"),
        ([0.1, 0.2], {"confidence": 1.0}, "confidence must lie between 0 and 1"),
        ([0.1, 0.2], {"horizon": 0}, "horizon must be"),
        ([0.1, 0.2], {"horizon": 2}, "2 returns are too few; at least 3"),
    ],
)
def test_returns_that_make_no_sense_are_refused(returns: list[float], arguments: dict[str, Any], message: str) -> None:
    for tail in (historical_tail, ewma_tail):
        with pytest.raises(BadParameter, match=message):
            tail(np.array(returns), **arguments)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_correlations_are_those_of_pearson_over_common_steps(missing: float) -> None:
    returns = log_returns(walks(6, 300, 1, 0.4))
    returns[np.random.default_rng(0).random(returns.shape) < missing] = np.nan
    found = correlations(returns, 30)
    for one in range(6):
        for other in range(6):
            both = ~np.isnan(returns[one]) & ~np.isnan(returns[other])
            expected = scipy.stats.pearsonr(returns[one, both], returns[other, both]).statistic
            assert found[one, other] == pytest.approx(expected, abs=1e-12)


def test_correlation_needs_common_returns_that_vary() -> None:
    returns = np.full((3, 50), np.nan)
    returns[0, :30] = np.linspace(-1, 1, 30)
    returns[1, 20:] = np.linspace(1, -1, 30)
    returns[2] = 0.1
    found = correlations(returns, 20)
    assert math.isnan(found[0, 1])
    assert np.isnan(found[2]).all()
    assert correlations(returns, 10)[0, 1] == pytest.approx(-1.0)
    assert np.isnan(correlations(np.full((2, 40), 0.1), 20)).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), markets=st.integers(1, 12), threshold=st.floats(0.1, 0.95), common=st.floats(0.0, 0.9)
)
def test_clusters_are_those_of_single_linkage(seed: int, markets: int, threshold: float, common: float) -> None:
    returns = log_returns(walks(markets, 60, seed, common))
    names = [f"m{i:02d}" for i in range(markets)]
    found = clusters(names, returns, threshold, 20)
    if markets > 1:
        distance = 1.0 - np.abs(np.corrcoef(returns))
        np.fill_diagonal(distance, 0.0)
        tree = scipy.cluster.hierarchy.linkage(scipy.spatial.distance.squareform(distance, checks=False), "single")
        labels = scipy.cluster.hierarchy.fcluster(tree, 1.0 - threshold, "distance").tolist()
        expected = {name: names[labels.index(label)] for name, label in zip(names, labels, strict=True)}
        assert found == expected
    else:
        assert found == {"m00": "m00"}


def test_markets_against_each_other_are_one_bet_and_new_ones_are_not_measured() -> None:
    closes = walks(2, 60, 0, 0.0)
    against = np.vstack([closes[0], 1e4 / closes[0], closes[1]])
    assert clusters(["a", "b", "c"], log_returns(against), 0.9, 20) == {"a": "a", "b": "a", "c": "c"}
    against[1:, :50] = np.nan
    assert clusters(["a", "b", "c"], log_returns(against), 0.9, 20) == {"a": "a", "b": UNMEASURED, "c": UNMEASURED}


def test_annual_volatility() -> None:
    returns = log_returns(walks(1, 200, 0, 0.0))[0]
    returns[::7] = np.nan
    expected = np.nanstd(returns, ddof=1) * math.sqrt(365 * 24 * 4)
    assert annual_volatility(returns, 900_000, 10) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(annual_volatility(returns, 900_000, 200))
    assert annual_volatility(np.zeros(20), 900_000, 10) == 0.0


@settings(max_examples=200, deadline=None)
@given(
    direction=st.sampled_from([-1, 1]),
    entry=st.floats(1e-6, 1e6),
    leverage=st.floats(1.0, 125.0),
    rate=st.floats(0.0, 0.007),
    size=st.floats(0.001, 1e4),
)
def test_at_the_liquidation_price_the_margin_is_the_maintenance_margin(
    direction: int, entry: float, leverage: float, rate: float, size: float
) -> None:
    found = liquidation_price(direction, entry, leverage, rate, size=size)
    if found is None:
        assert (direction, leverage) == (1, 1.0)
        return
    margin = size * entry / leverage + size * direction * (found - entry)
    assert margin == pytest.approx(size * found * rate, rel=1e-9, abs=size * entry * 1e-12)
    assert (entry - found) * direction > 0.0


def test_liquidation_of_a_tier_with_a_maintenance_amount() -> None:
    # 10 BTC at 50,000 with 20x in a tier of 1 % and 1,300: margin 25,000 + 10 (P - 50,000) = 0.1 P - 1,300.
    found = liquidation_price(1, 50_000.0, 20.0, 0.01, size=10.0, maintenance_amount=1_300.0)
    assert found == pytest.approx((500_000.0 - 25_000.0 - 1_300.0) / 9.9)
    for arguments in ((0, 1.0, 2.0, 0.0), (1, 0.0, 2.0, 0.0), (1, 1.0, 0.5, 0.0), (1, 1.0, 2.0, 1.0)):
        with pytest.raises(BadParameter):
            liquidation_price(*arguments)


def test_the_kelly_bet_lets_equity_grow_fastest() -> None:
    record = StrategyRecord(wins=60, losses=40, won=90.0, lost=36.0)
    full = RiskPolicy(kelly_fraction=1.0, kelly_cap=0.99, kelly_prior_trades=0.0)
    bets = np.linspace(0.0, 0.9, 90_001)
    growth = 0.6 * np.log1p(1.5 * bets) + 0.4 * np.log1p(-0.9 * bets)
    assert kelly_risk(record, full) == pytest.approx(bets[growth.argmax()], abs=2e-5)


def test_the_kelly_bet_is_shrunk_cut_and_capped() -> None:
    record = StrategyRecord(wins=60, losses=40, won=60.0, lost=40.0)
    assert kelly_risk(record, RiskPolicy(kelly_cap=0.5)) == pytest.approx(0.2 * 100 / 150 * 0.25)
    assert kelly_risk(record, RiskPolicy()) == 0.02
    # Fifty more trades that break even at even odds, in numbers.
    prior = StrategyRecord(wins=85, losses=65, won=85.0, lost=65.0)
    unshrunk = RiskPolicy(kelly_cap=0.5, kelly_prior_trades=0.0)
    assert kelly_risk(record, RiskPolicy(kelly_cap=0.5)) == pytest.approx(kelly_risk(prior, unshrunk))
    assert kelly_risk(StrategyRecord(0, 10, 0.0, 10.0), RiskPolicy()) < 0.0
    assert kelly_risk(StrategyRecord(10, 0, 10.0, 0.0), RiskPolicy()) == 0.02
    assert kelly_risk(StrategyRecord(), RiskPolicy()) == 0.0

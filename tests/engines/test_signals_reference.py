"""The built-in strategies against themselves in plain Python, over the rows of a whole chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engines.chain import Chain
from engines.signals.mean_reversion import ReversionParameters
from engines.signals.smc_pullback import PullbackParameters
from engines.signals.structure_breakout import BreakoutParameters
from engines.signals.trend_following import TrendParameters
from tests.engines.market_bars import real_bars, simulated_bars
from tests.engines.strategy_reference import breakout, market, pullback, reversion, trend

REFERENCES: dict[str, tuple[Callable[..., list[dict[str, Any]]], type[Any]]] = {
    "smc_pullback": (pullback, PullbackParameters),
    "structure_breakout": (breakout, BreakoutParameters),
    "trend_following": (trend, TrendParameters),
    "mean_reversion": (reversion, ReversionParameters),
}
COLUMNS = ["ts", "strategy", "direction", "entry", "stop", "target_1", "target_2", "risk_reward", "score", "zone_id"]


def assert_agrees(bars: pl.DataFrame, timeframe: str, least: dict[str, int], **settings: dict[str, Any]) -> None:
    out = Chain(timeframe=timeframe, market="binance:BTCUSDT", settings=settings).advance(bars)
    expected = {
        name: reference(market(bars, out, timeframe), kind(**settings.get(name, {})))
        for name, (reference, kind) in REFERENCES.items()
    }
    for strategy, wanted in expected.items():
        made = out.signals.filter(pl.col("strategy") == strategy).select(COLUMNS).to_dicts()
        assert len(wanted) >= least[strategy], f"{strategy}: {len(wanted)} signals prove little"
        assert made == wanted


@pytest.mark.parametrize("timeframe", ["1m", "15m"])
def test_simulated_market(timeframe: str) -> None:
    bars = simulated_bars(20_000, seed=8, timeframe=timeframe)
    assert_agrees(
        bars, timeframe, {"smc_pullback": 5, "structure_breakout": 20, "trend_following": 20, "mean_reversion": 20}
    )


def test_simulated_market_with_other_parameters() -> None:
    assert_agrees(
        simulated_bars(20_000, seed=18, timeframe="5m"),
        "5m",
        {"smc_pullback": 10, "structure_breakout": 40, "trend_following": 40, "mean_reversion": 40},
        smc_pullback={"sweep_bars": 40, "cooldown_bars": 0, "least_reward": 1.0, "stop_atr": 0.5},
        structure_breakout={"least_volume": 0.0, "cooldown_bars": 2, "most_reward": 3.0, "plain_reward": 1.5},
        trend_following={"fresh_bars": 20, "most_stretch_atr": 1.0, "reward": 1.5, "cooldown_bars": 3},
        mean_reversion={"extreme_rsi": 35.0, "most_bars": 3, "least_reward": 0.5, "cooldown_bars": 0},
    )


def test_recorded_hours_with_their_outages(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")[:30_000]
    assert bars["ts"].diff().max() != bars["ts"].diff().min()
    assert_agrees(
        bars, "1h", {"smc_pullback": 50, "structure_breakout": 150, "trend_following": 50, "mean_reversion": 50}
    )


def test_a_recorded_month_of_minutes(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_ETHUSDT_1m_2024").filter(pl.col("ts").dt.month() == 3)
    assert_agrees(
        bars, "1m", {"smc_pullback": 50, "structure_breakout": 80, "trend_following": 50, "mean_reversion": 50}
    )

"""Backtest equals live: bars that come one at a time bring the same signals and the same fills as all of them at once."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from engines.backtest import BacktestConfig, Fees, Simulation, Slippage, Trailing, backtest
from engines.bars import BarArrays, bar_arrays
from engines.chain import Chain
from engines.signals.rows import SIGNAL_SCHEMA
from tests.engines.market_bars import assert_same_bits, real_bars, simulated_bars

CONFIG = BacktestConfig(
    size=0.005,
    leverage=3.0,
    break_even=True,
    trailing=Trailing(activation_r=1.0),
    time_stop_bars=240,
    fees=Fees(),
    slippage=Slippage(impact_bp=10.0),
    max_participation=0.25,
)
MINUTES = 31 * 1_440


def live(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Signals, fills, trades and equity of bars that come one at a time, through what a live account runs."""
    chain = Chain(timeframe="1m", market="test:BTC")
    account = Simulation(CONFIG, timeframe="1m", markets=["test:BTC"])
    rows = chain.new_rows(1)
    arrays = bar_arrays(bars)
    nothing = SIGNAL_SCHEMA.to_frame()
    signals, fills, trades, equity = [nothing], [], [], []
    for k in range(bars.height):
        bar = BarArrays(*(column[k : k + 1] for column in arrays))
        counts = chain.advance_arrays(*bar, rows)
        made = nothing
        if counts.signals:
            part = type(rows.signals)(*(column[: counts.signals].copy() for column in rows.signals))
            made = chain.part("signals").frame(bar.ts, part, pl.Series("zone_id", [None] * counts.zones, pl.String))
            signals.append(made)
        # A paper account moves when a bar or an order is there; most bars bring neither signal nor fill.
        step = account.advance(bars[k : k + 1], made)
        fills.append(step.fills)
        trades.append(step.trades)
        equity.append(step.equity)
    last = account.finish()
    equity[-1] = last.equity
    return (
        pl.concat(signals),
        pl.concat([*fills, last.fills]),
        pl.concat([*trades, last.trades]),
        pl.concat(equity),
    )


def assert_live_is_backtest(bars: pl.DataFrame) -> None:
    signals, fills, trades, equity = live(bars)
    at_once = Chain(timeframe="1m", market="test:BTC").advance(bars).signals
    ids = ["ts", "signal_id", "direction", "entry", "stop", "target_1", "target_2", "score"]
    assert_same_bits(signals.select(ids), at_once.select(ids))
    result = backtest(bars, at_once, CONFIG, market="test:BTC")
    assert result.trades.height > 20
    assert_same_bits(fills, result.fills)
    assert_same_bits(trades, result.trades)
    assert_same_bits(equity, result.equity)


def test_a_month_of_recorded_minutes_one_bar_at_a_time(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1m_2024")
    assert_live_is_backtest(bars.head(MINUTES))


def test_a_week_of_simulated_minutes_one_bar_at_a_time() -> None:
    assert_live_is_backtest(simulated_bars(7 * 1_440, timeframe="1m", seed=5))

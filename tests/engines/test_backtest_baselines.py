"""Buy and hold by hand and as a backtest; curves made from bars equal those of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engines.backtest import BacktestConfig, Fees, Sizing, Slippage, backtest
from engines.backtest.errors import BadBacktest
from engines.backtest.metrics.baselines import buy_and_hold
from engines.backtest.metrics.inputs import DAY_MS, curve_of
from engines.bars import BAR_SCHEMA
from tests.engines.market_bars import real_bars


def bars_of(prices: list[tuple[float, float, float, float]], first: int = 0) -> pl.DataFrame:
    columns = list(zip(*prices, strict=True))
    ts = [(first + number) * DAY_MS for number in range(len(prices))]
    return pl.DataFrame([ts, *columns, [1.0] * len(prices)], schema=BAR_SCHEMA.names()).cast(BAR_SCHEMA)


RISING = bars_of([(100, 104, 96, 102), (102, 121, 101, 120), (120, 125, 109, 110)])


def test_one_market() -> None:
    """1,000 buys 10 units at 100; 102, 120 and 110 at the closes."""
    found = buy_and_hold(RISING, 1_000.0)
    assert found.equity == pytest.approx([1_020.0, 1_200.0, 1_100.0])
    metrics = found.metrics()
    assert metrics["total_return"] == pytest.approx(0.1)
    assert metrics["max_drawdown"] == pytest.approx(100 / 1_200)
    assert (metrics["trades"], metrics["win_rate"], metrics["fees"]) == (1.0, 1.0, 0.0)
    assert (metrics["average_mae_percent"], metrics["average_mfe_percent"]) == pytest.approx((-4.0, 25.0))
    assert metrics["best_trade"] == pytest.approx(0.1)
    assert metrics["time_in_market"] == pytest.approx(2 / 3)
    assert metrics["exposure"] == pytest.approx(2 / 3)
    assert metrics["turnover"] == pytest.approx((1_000 + 1_100) / (3_320 / 3) * 365 / 3)


def test_fees() -> None:
    """1 % of 10 units bought at 100 and sold at 110, out of 1,010: 10 and 11."""
    found = buy_and_hold(RISING, 1_010.0, taker_bp=100.0)
    assert found.equity == pytest.approx([1_020.0, 1_200.0, 1_089.0])
    assert found.metrics()["fees"] == pytest.approx(21.0)
    assert found.trades.pnl == pytest.approx([79.0])


def test_many_markets_share_the_cash() -> None:
    """B begins a day later, and falls from 50 to 25: 500 in each."""
    falling = bars_of([(50, 51, 39, 40), (40, 41, 24, 25)], first=1)
    late = bars_of([(10, 10, 10, 10)], first=4)
    bars = pl.concat([frame.with_columns(market=pl.lit(name)) for name, frame in (("A", RISING), ("B", falling))])
    found = buy_and_hold(bars, 1_000.0)
    assert found.equity == pytest.approx([1_010.0, 600 + 400, 550 + 250])
    assert found.metrics()["trades"] == 2.0
    assert found.trades.pnl == pytest.approx([50.0, -250.0])
    gap = buy_and_hold(pl.concat([bars, late.with_columns(market=pl.lit("C"))]), 1_500.0)
    assert gap.equity == pytest.approx([1_510.0, 1_500.0, 1_300.0, 1_300.0])
    assert gap.metrics()["days"] == 5.0


def test_refusals() -> None:
    with pytest.raises(BadBacktest, match="bars: there are none"):
        buy_and_hold(RISING.clear(), 1_000.0)
    for cash in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadBacktest, match="cash: must be a number above 0"):
            buy_and_hold(RISING, cash)


def test_a_backtest_that_only_holds_is_the_baseline(real_data: Path) -> None:
    """From the second bar on: what is decided at a close happens at the next open."""
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").head(4_000)
    config = BacktestConfig(
        sizing=Sizing.EQUITY_FRACTION,
        size=1.0 / 1.0005,
        fees=Fees(maker_bp=5.0, taker_bp=5.0),
        slippage=Slippage(bp=0.0),
    )
    signals = pl.DataFrame({"ts": bars["ts"][:1], "direction": pl.Series([1], dtype=pl.Int8)})
    run = backtest(bars, signals, config)
    hold = buy_and_hold(bars[1:], config.cash, taker_bp=5.0)
    # The quantity is fixed by a value at one open, which the other divides.
    assert run.equity["equity"].to_numpy()[1:] == pytest.approx(hold.equity, rel=1e-9)
    theirs, ours = run.metrics, hold.metrics()
    assert theirs["trades"] == 1.0
    for name in ("total_return", "max_drawdown", "sortino", "fees", "average_mae_percent", "average_mfe_percent"):
        assert theirs[name] == pytest.approx(ours[name], rel=1e-2 if name == "sortino" else 1e-6), name


@pytest.mark.parametrize("seed", range(4))
def test_a_curve_from_bars_is_that_of_the_run(real_data: Path, seed: int) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06").head(3_000)
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(2_990, 40, replace=False))
    signals = pl.DataFrame(
        {"ts": bars["ts"][rows.tolist()], "direction": pl.Series(random.choice([-1, 0, 1], 40), dtype=pl.Int8)}
    )
    run = backtest(bars, signals, BacktestConfig(sizing=Sizing.EQUITY_FRACTION, size=0.9, time_stop_bars=30))
    equity, theirs = run.equity, run.curve
    assert run.trades.height > 5
    ts, exposure = equity["ts"].dt.epoch("ms").to_numpy(), equity["exposure"].to_numpy()
    ours = curve_of(ts, equity["equity"].to_numpy(), run.config.cash, exposure, theirs.traded_notional)
    assert ours.day_ts.tolist() == theirs.day_ts.tolist()
    assert ours.day_equity == pytest.approx(theirs.day_equity, rel=1e-12)
    assert (ours.max_drawdown_ms, ours.bars) == (theirs.max_drawdown_ms, theirs.bars)
    assert ours.max_drawdown == pytest.approx(theirs.max_drawdown, rel=1e-12)
    assert ours.time_in_market == pytest.approx(theirs.time_in_market, rel=1e-12)
    assert ours.mean_exposure == pytest.approx(theirs.mean_exposure, rel=1e-9)

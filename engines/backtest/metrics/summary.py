"""All numbers of one run. `catalogue` says what each is."""

from __future__ import annotations

import numpy as np

from engines.backtest.metrics import returns as of
from engines.backtest.metrics.drawdowns import drawdown_series
from engines.backtest.metrics.inputs import DAY_MS, DAYS_A_YEAR, Curve, TradeArrays, daily_returns
from engines.backtest.metrics.returns import NAN, ratio
from engines.backtest.metrics.significance import Sample, minimum_track_record, probabilistic_sharpe
from engines.backtest.metrics.trade_statistics import excursions, longest_run, mean, outcome, sqn


def summary(curve: Curve, trades: TradeArrays) -> dict[str, float]:
    """Numbers of a run, by name, in the order of `catalogue.CATALOGUE`; NaN where one is not defined.

    Parameters
    ----------
    curve : Curve
    trades : TradeArrays
    """
    return _of_returns(curve) | _of_trades(trades) | _of_use(curve, trades)


def _of_returns(curve: Curve) -> dict[str, float]:
    day = daily_returns(curve)
    ordered = np.sort(day)
    days = day.shape[0]
    last = float(curve.day_equity[-1]) if days else curve.start_equity
    annual = of.annual_return(day, DAYS_A_YEAR)
    ulcer = of.ulcer_index(drawdown_series(np.multiply.accumulate(1.0 + day), 1.0))
    sharpe, skew, kurtosis = of.sharpe(day, DAYS_A_YEAR), of.skew(day), of.excess_kurtosis(day)
    seen = Sample(sharpe / DAYS_A_YEAR**0.5, days, skew, kurtosis + 3.0)
    return {
        "total_return": last / curve.start_equity - 1.0,
        "annual_return": annual,
        "net_profit": last - curve.start_equity,
        "best_day": float(ordered[-1]) if days else NAN,
        "worst_day": float(ordered[0]) if days else NAN,
        "winning_days": ratio(float(np.count_nonzero(day > 0.0)), float(np.count_nonzero(day))),
        "days": float(days),
        "volatility": of.volatility(day, DAYS_A_YEAR),
        "max_drawdown": curve.max_drawdown,
        "max_drawdown_days": curve.max_drawdown_ms / DAY_MS,
        "ulcer_index": ulcer,
        "value_at_risk_95": of.value_at_risk(ordered),
        "expected_shortfall_95": of.expected_shortfall(ordered),
        "tail_ratio": of.tail_ratio(ordered),
        "skew": skew,
        "excess_kurtosis": kurtosis,
        "sharpe": sharpe,
        "sortino": of.sortino(day, DAYS_A_YEAR),
        "calmar": ratio(annual, curve.max_drawdown),
        "omega": of.omega(day),
        "ulcer_performance": ratio(annual, ulcer),
        "probabilistic_sharpe": probabilistic_sharpe(seen),
        "minimum_track_record_days": minimum_track_record(seen),
    }


def _of_trades(trades: TradeArrays) -> dict[str, float]:
    made = outcome(trades.pnl)
    r_multiples = trades.r_multiple[~np.isnan(trades.r_multiple)]
    moves = excursions(trades)
    any_trade = made.trades > 0
    return {
        "trades": float(made.trades),
        "win_rate": made.win_rate,
        "profit_factor": made.profit_factor,
        "expectancy": mean(trades.pnl),
        "expectancy_r": mean(r_multiples),
        "sqn": sqn(r_multiples),
        "average_win": made.average_win,
        "average_loss": made.average_loss,
        "payoff": made.payoff,
        "best_trade": float(np.max(trades.return_on_equity)) if any_trade else NAN,
        "worst_trade": float(np.min(trades.return_on_equity)) if any_trade else NAN,
        "consecutive_wins": float(longest_run(trades.pnl > 0.0)),
        "consecutive_losses": float(longest_run(trades.pnl < 0.0)),
        "average_bars_held": float(np.mean(trades.bars_held)) if any_trade else NAN,
        "average_mae_percent": moves.mae_percent,
        "average_mfe_percent": moves.mfe_percent,
        "average_mae_r": moves.mae_r,
        "average_mfe_r": moves.mfe_r,
        "long_share": ratio(float(np.count_nonzero(trades.direction > 0)), float(made.trades)),
    }


def _of_use(curve: Curve, trades: TradeArrays) -> dict[str, float]:
    fees = float(np.sum(trades.fees))
    return {
        "exposure": curve.mean_exposure,
        "time_in_market": curve.time_in_market,
        "turnover": _turnover(curve),
        "fees": fees,
        "slippage_cost": float(np.sum(trades.slippage_cost)),
        "funding": float(np.sum(trades.funding)),
        "fees_share": ratio(fees, float(np.sum(np.maximum(trades.pnl_gross, 0.0)))),
    }


def _turnover(curve: Curve) -> float:
    """Value of all fills over the mean daily equity, a year."""
    if curve.day_ts.shape[0] == 0:
        return NAN
    years = ((int(curve.day_ts[-1]) - int(curve.day_ts[0])) // DAY_MS + 1) / DAYS_A_YEAR
    equity = float(np.mean(curve.day_equity))
    return curve.traded_notional / equity / years if equity > 0.0 else NAN

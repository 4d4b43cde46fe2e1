"""What each number of a summary is: its definition, unit and source, in the order of the summary.

``python -m engines.backtest.metrics.catalogue`` prints `docs/backtest_metrics.md`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Unit(StrEnum):
    """What a number counts."""

    FRACTION = "fraction"
    RATIO = "ratio"
    MONEY = "quote currency"
    R = "R"
    PERCENT = "percent"
    DAYS = "days"
    BARS = "bars"
    COUNT = "count"
    PROBABILITY = "probability"


class Better(StrEnum):
    """Which way a number is better."""

    HIGH = "high"
    LOW = "low"
    NEITHER = ""


class Group(StrEnum):
    """What a number is about."""

    RETURN = "Return"
    RISK = "Risk"
    RATIO = "Return for risk"
    TRADES = "Trades"
    COSTS = "Costs and use of the account"


class Metric(NamedTuple):
    """One number of a summary.

    Attributes
    ----------
    name : str
        Key in the summary.
    title : str
        For people.
    definition : str
    unit : Unit
    better : Better
    source : str
        Library function of the same number, or who described it; empty where the definition says all.
    group : Group
    """

    name: str
    title: str
    definition: str
    unit: Unit
    better: Better
    source: str
    group: Group


@dataclass(frozen=True)
class _Section:
    group: Group
    rows: tuple[tuple[str, str, str, Unit, Better, str], ...]


_HIGH, _LOW, _NEITHER = Better.HIGH, Better.LOW, Better.NEITHER

_SECTIONS = (
    _Section(
        Group.RETURN,
        (
            ("total_return", "Total return", "last equity / first equity - 1", Unit.FRACTION, _HIGH, "qs.comp, em.cum_returns_final"),
            ("annual_return", "Annual return", "(1 + total_return)^(365 / days) - 1; -1 after ruin", Unit.FRACTION, _HIGH, "qs.cagr, em.annual_return"),
            ("net_profit", "Net profit", "last equity - first equity", Unit.MONEY, _HIGH, ""),
            ("best_day", "Best day", "largest r", Unit.FRACTION, _HIGH, "qs.best"),
            ("worst_day", "Worst day", "smallest r", Unit.FRACTION, _HIGH, "qs.worst"),
            ("winning_days", "Winning days", "days with r > 0 / days with r != 0", Unit.FRACTION, _HIGH, "qs.win_rate"),
            ("days", "Days", "UTC days from the first bar to the last", Unit.DAYS, _NEITHER, ""),
        ),
    ),
    _Section(
        Group.RISK,
        (
            ("volatility", "Volatility", "standard deviation (n - 1) of r times the root of 365", Unit.FRACTION, _LOW, "qs.volatility, em.annual_volatility"),
            ("max_drawdown", "Largest drawdown", "largest part of the highest equity so far that was lost, over all bars", Unit.FRACTION, _LOW, "minus qs.max_drawdown, em.max_drawdown of the bars"),
            ("max_drawdown_days", "Longest drawdown", "longest time below a peak, from the peak's bar to the one that reached it again or the last", Unit.DAYS, _LOW, ""),
            ("ulcer_index", "Ulcer index", "root of the mean square of the daily drawdowns", Unit.FRACTION, _LOW, "P. Martin, B. McCann 1989; qs.ulcer_index has n - 1"),
            ("value_at_risk_95", "Value at risk, 95 %", "minus the 5 % quantile of r", Unit.FRACTION, _LOW, "minus em.value_at_risk"),
            ("expected_shortfall_95", "Expected shortfall, 95 %", "minus the mean of the floor(0.05 (n - 1)) + 1 smallest r", Unit.FRACTION, _LOW, "minus em.conditional_value_at_risk"),
            ("tail_ratio", "Tail ratio", "|95 % quantile of r| / |5 % quantile of r|", Unit.RATIO, _HIGH, "qs.tail_ratio, em.tail_ratio"),
            ("skew", "Skewness", "third central moment of r / cube of its deviation, both with n", Unit.RATIO, _HIGH, "scipy.stats.skew; qs.skew corrects for bias"),
            ("excess_kurtosis", "Excess kurtosis", "fourth central moment of r / fourth power of its deviation, both with n, - 3", Unit.RATIO, _LOW, "scipy.stats.kurtosis; qs.kurtosis corrects for bias"),
        ),
    ),
    _Section(
        Group.RATIO,
        (
            ("sharpe", "Sharpe ratio", "mean / standard deviation (n - 1) of r, times the root of 365", Unit.RATIO, _HIGH, "W. Sharpe 1994; qs.sharpe, em.sharpe_ratio"),
            ("sortino", "Sortino ratio", "mean of r / root of the mean of min(r, 0)^2, times the root of 365", Unit.RATIO, _HIGH, "F. Sortino, L. Price 1994; qs.sortino, em.sortino_ratio"),
            ("calmar", "Calmar ratio", "annual_return / max_drawdown", Unit.RATIO, _HIGH, "T. Young 1991; qs.calmar, em.calmar_ratio where the drawdown is that of the days"),
            ("omega", "Omega ratio", "sum of the r > 0 / minus the sum of the r < 0", Unit.RATIO, _HIGH, "C. Keating, W. Shadwick 2002; qs.omega, em.omega_ratio"),
            ("ulcer_performance", "Ulcer performance index", "annual_return / ulcer_index", Unit.RATIO, _HIGH, "P. Martin 1989; qs.ulcer_performance_index has the total return"),
            ("probabilistic_sharpe", "Probabilistic Sharpe ratio", "probability that the true Sharpe ratio is above 0, given length, skewness and kurtosis of r", Unit.PROBABILITY, _HIGH, "D. Bailey, M. López de Prado 2012"),
            ("minimum_track_record_days", "Minimum track record", "days after which that probability would be 95 %", Unit.DAYS, _LOW, "D. Bailey, M. López de Prado 2012"),
        ),
    ),
    _Section(
        Group.TRADES,
        (
            ("trades", "Trades", "positions closed", Unit.COUNT, _NEITHER, ""),
            ("win_rate", "Win rate", "trades with pnl > 0 / trades", Unit.FRACTION, _HIGH, ""),
            ("profit_factor", "Profit factor", "sum of the pnl > 0 / minus the sum of the pnl < 0", Unit.RATIO, _HIGH, "qs.profit_factor"),
            ("expectancy", "Expectancy", "mean pnl", Unit.MONEY, _HIGH, ""),
            ("expectancy_r", "Expectancy in R", "mean R multiple of the trades with a stop", Unit.R, _HIGH, "V. Tharp 2008"),
            ("sqn", "System quality number", "root of n times mean / standard deviation (n - 1) of the R multiples", Unit.RATIO, _HIGH, "V. Tharp 2008"),
            ("average_win", "Average win", "mean of the pnl > 0", Unit.MONEY, _HIGH, "qs.avg_win"),
            ("average_loss", "Average loss", "minus the mean of the pnl < 0", Unit.MONEY, _LOW, "minus qs.avg_loss"),
            ("payoff", "Payoff ratio", "average_win / average_loss", Unit.RATIO, _HIGH, "qs.payoff_ratio"),
            ("best_trade", "Best trade", "largest pnl / equity at entry", Unit.FRACTION, _HIGH, ""),
            ("worst_trade", "Worst trade", "smallest pnl / equity at entry", Unit.FRACTION, _HIGH, ""),
            ("consecutive_wins", "Most wins in a row", "longest run of trades with pnl > 0, in the order of their ends", Unit.COUNT, _HIGH, "qs.consecutive_wins"),
            ("consecutive_losses", "Most losses in a row", "longest run of trades with pnl < 0, in the order of their ends", Unit.COUNT, _LOW, "qs.consecutive_losses"),
            ("average_bars_held", "Average length", "mean number of bars from entry's to exit's", Unit.BARS, _NEITHER, ""),
            ("average_mae_percent", "Average adverse excursion", "mean worst move while open, of the entry price; at most 0", Unit.PERCENT, _HIGH, "J. Sweeney 1996"),
            ("average_mfe_percent", "Average favourable excursion", "mean best move while open, of the entry price; at least 0", Unit.PERCENT, _HIGH, "J. Sweeney 1996"),
            ("average_mae_r", "Average adverse excursion in R", "the same over the distance to the stop, trades with a stop and pnl != 0", Unit.R, _HIGH, "J. Sweeney 1996"),
            ("average_mfe_r", "Average favourable excursion in R", "the same over the distance to the stop, trades with a stop and pnl != 0", Unit.R, _HIGH, "J. Sweeney 1996"),
            ("long_share", "Part of the trades that are long", "trades with direction +1 / trades", Unit.FRACTION, _NEITHER, ""),
        ),
    ),
    _Section(
        Group.COSTS,
        (
            ("exposure", "Exposure", "mean over the bars of the value of all positions / equity", Unit.FRACTION, _NEITHER, ""),
            ("time_in_market", "Time in the market", "bars with a position at their close / bars", Unit.FRACTION, _NEITHER, ""),
            ("turnover", "Turnover a year", "value of all fills / mean daily equity, times 365 / days", Unit.RATIO, _NEITHER, ""),
            ("fees", "Fees", "sum of the trades' fees", Unit.MONEY, _LOW, ""),
            ("slippage_cost", "Slippage", "sum of the trades' slippage; already in the prices", Unit.MONEY, _LOW, ""),
            ("funding", "Funding", "sum of the funding paid, less that received", Unit.MONEY, _LOW, ""),
            ("fees_share", "Fees' share", "fees / sum of the pnl_gross > 0: what fees ate of the winners", Unit.FRACTION, _LOW, ""),
        ),
    ),
)  # fmt: skip

CATALOGUE: tuple[Metric, ...] = tuple(Metric(*row, section.group) for section in _SECTIONS for row in section.rows)
"""Every number of a summary, in its order."""

METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in CATALOGUE)

_HEAD = """\
# Metrics of a backtest

What `result.metrics` and the report hold. Generated by `python -m engines.backtest.metrics.catalogue`.

`r` are the returns of the equity at the end of each UTC day, `n` their number; a day without bars returns 0, and so does
every day after ruin. A year has 365 days; nothing is taken off for a risk-free rate. `pnl` is a trade's result after fees, funding and slippage.
What is not defined (no trades, no loss to divide by, too few days) is NaN: null in JSON, empty in the report.

`qs.` and `em.` are functions of quantstats and empyrical-reloaded that give the same number, with `periods=365`; tests hold them
against each other. Losses and drawdowns are positive numbers here, negative ones there.
"""


def markdown() -> str:
    """`docs/backtest_metrics.md`."""
    lines = [_HEAD]
    for section in _SECTIONS:
        lines += [f"## {section.group}", "", "| name | definition | unit | better | source |", "|---|---|---|---|---|"]
        for name, title, definition, unit, better, source in section.rows:
            cell = definition.replace("|", "\\|")
            lines.append(f"| `{name}` | {title}: {cell} | {unit} | {better} | {source} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())

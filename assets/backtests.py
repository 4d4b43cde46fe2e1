"""Stage `signal`, third part: every strategy traded on everything that is stored, after costs."""

import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.backtest_runs import RUNS, SeriesRuns, bring_up_to_date
from assets.partitions import MARKET_MONTHS, market_windows
from assets.plots import line_plot
from assets.policy import Recompute
from assets.series import origin
from assets.user_strategies import loaded, rows_version
from engines.versions import BACKTEST_ROWS, CHAIN_ROWS
from stores.locks import market_lock
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

_MOST_PLOTS = 8


@dg.asset(
    key="backtests",
    deps=["candles", "signals"],
    group_name="signal",
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=BACKTEST_ROWS,
    kinds={"clickhouse", "numba"},
)
def backtests(
    context: dg.AssetExecutionContext,
    config: Recompute,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Trades, equity and metrics of each strategy on each series, over all complete days that are stored."""
    tagged = warehouse.tagged(origin(context, "backtests"))
    version = rows_version(CHAIN_ROWS, settings.strategies)
    names = loaded(settings.strategies).names
    markets = list(dict.fromkeys(window.market for window in market_windows(context.partition_keys)))
    began = time.perf_counter()
    found: list[SeriesRuns] = []

    for market in markets:
        # One after the other: two series of a market must not replace the same partitions at once.
        with market_lock(settings, market):
            for timeframe in settings.timeframes:
                series = Series(market, timeframe)
                found.append(bring_up_to_date(tagged, series, names, version, anew=config.recompute))
    for one in found:
        context.log.info(f"{one.series}: {'run' if one.fresh else 'unchanged'}, {len(one.runs)} strategies")
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(len(one.runs) for one in found if one.fresh),
        "dagster/relation_identifier": RUNS,
        "unchanged_series": sum(not one.fresh for one in found),
        "seconds": round(time.perf_counter() - began, 3),
        "leaderboard": dg.MetadataValue.md(_table(found)),
    }
    return dg.MaterializeResult(metadata={**metadata, **_plots(found)})


def _table(found: Sequence[SeriesRuns]) -> str:
    """Results after costs, as a table; all of it in sample."""
    lines = [
        "| series | strategy | trades | return | buy and hold | Sharpe | largest drawdown | R a trade |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        for row in one.runs:
            lines.append(
                f"| {one.series} | {row['strategy']} | {row['trades']:,} | {row['total_return']:+.2%} | "
                f"{row['buy_and_hold_return']:+.2%} | {_number(row['sharpe'])} | {row['max_drawdown']:.2%} | "
                f"{_number(row['expectancy_r'])} |"
            )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _plots(found: Sequence[SeriesRuns]) -> dict[str, Any]:
    """Equity curves of what was run, one a strategy and series."""
    drawn: dict[str, Any] = {}
    for one in found:
        for strategy, values in one.equity.items():
            if len(drawn) < _MOST_PLOTS:
                label = f"equity of {strategy} on {one.series}, after costs"
                drawn[f"equity {one.series} {strategy}"] = dg.MetadataValue.md(line_plot(values, label=label))
    return drawn

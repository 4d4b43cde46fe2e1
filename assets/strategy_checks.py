"""Check of the strategies themselves: whether all could be loaded, and none had to be switched off."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.chain import ChainFold
from assets.scope import scope_of_run
from assets.user_strategies import loaded
from stores.engine_states import newest_valid_state
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

HEALTHY = "strategies_healthy"
PROBLEMS = "problems"
"""Name of the metadata with one problem a line."""


@dg.asset_check(
    asset="signals",
    name=HEALTHY,
    description="Every strategy of the user's folder can be loaded, and none raised or made a signal that no one can use.",
)
def strategies_healthy(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Look at the newest stored state of each series: a strategy that failed is switched off in it, with bar and reason."""
    markets = scope_of_run(context) or tuple(Market.parse(text) for text in settings.markets)
    return health(
        warehouse, [Series(market, timeframe) for market in markets for timeframe in settings.timeframes], settings
    )


def health(warehouse: Warehouse, series: Sequence[Series], settings: Settings) -> dg.AssetCheckResult:
    """Result of the check for some series."""
    problems = [str(problem) for problem in loaded(settings.strategies).problems] if settings.strategies else []
    for one in series:
        problems += switched_off(warehouse, one, settings.strategies)
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={PROBLEMS: "\n".join(problems) or "none", "series": len(series)},
    )


def switched_off(warehouse: Warehouse, series: Series, strategies: Path | None) -> list[str]:
    """Strategies that are switched off in the newest state of a series, in words."""
    from engines.errors import StateMismatch

    fold = ChainFold(strategies)
    newest = newest_valid_state(warehouse, series, fold.name, fold.version)
    if newest is None:
        return []
    try:
        chain = fold.restore(series, newest.snapshot)
    except StateMismatch:
        return []
    return [f"{series}: {failure}" for failure in chain.failures]

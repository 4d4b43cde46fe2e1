"""Stage `signal`, second part: what became of each signal, found by walking the bars after it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.partitions import MARKET_MONTHS
from assets.plots import line_plot
from assets.policy import Recompute
from assets.queries import recent_column
from assets.series import advance_windows, row_metadata
from assets.user_strategies import rows_version
from engines.versions import OUTCOME_ROWS
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

TABLE = "market.signal_outcomes"


class OutcomeFold:
    """Outcomes as a fold over bars and the signals decided on them."""

    name = "outcomes"
    tables = (TABLE,)
    inputs = ("market.signals",)

    def __init__(self, strategies: Path | None = None) -> None:
        self.version = rows_version(OUTCOME_ROWS, strategies)

    def start(self, series: Series) -> Any:
        """Make an engine with no open signal."""
        from engines.signals.outcomes import OutcomeEngine

        return OutcomeEngine(timeframe=series.timeframe, market=str(series.market))

    def restore(self, series: Series, snapshot: bytes) -> Any:
        """Make an engine from a stored state."""
        from engines.signals.outcomes import OutcomeEngine

        return OutcomeEngine.restore(snapshot, timeframe=series.timeframe, market=str(series.market))

    def advance(
        self, engine: Any, bars: "pl.DataFrame", inputs: Mapping[str, "pl.DataFrame"]
    ) -> dict[str, "pl.DataFrame"]:
        """Walk the bars; returns the outcomes that became known."""
        return {TABLE: engine.advance(bars, inputs["market.signals"])}


@dg.asset(
    key="signal_outcomes",
    deps=["candles", "signals"],
    group_name="signal",
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=OUTCOME_ROWS,
    kinds={"clickhouse", "numba"},
)
def signal_outcomes(
    context: dg.AssetExecutionContext,
    config: Recompute,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Log of targets, stops and expiries; when a bar holds both stop and target, the stop counts."""
    advance = advance_windows(
        context, settings, warehouse, OutcomeFold(settings.strategies), recompute=config.recompute
    )
    metadata = dict(row_metadata(advance.result, TABLE))
    values = recent_column(warehouse, TABLE, "r_multiple", advance.windows, settings.timeframes[0])
    metadata["plot"] = dg.MetadataValue.md(line_plot(_cumulated(values), label="R so far, before costs"))
    return dg.MaterializeResult(metadata=metadata)


def _cumulated(values: list[float]) -> list[float]:
    from itertools import accumulate

    return list(accumulate(values))

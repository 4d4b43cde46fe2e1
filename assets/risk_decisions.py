"""Stage `risk`: each signal accepted, resized or rejected by a paper account, with the rule and the number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.partitions import MARKET_MONTHS
from assets.plots import line_plot
from assets.policy import Recompute
from assets.queries import recent_column
from assets.series import advance_windows, row_metadata
from engines.versions import RISK_ROWS
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

TABLE = "market.risk_decisions"


class RiskFold:
    """Risk decisions as a fold over signals and outcomes; every market and timeframe is an account of its own."""

    name = "risk"
    version = RISK_ROWS
    tables = (TABLE,)
    inputs = ("market.signals", "market.signal_outcomes")

    def start(self, series: Series) -> Any:
        """Make an account with nothing open."""
        from engines.risk import RiskEngine

        return RiskEngine(timeframe=series.timeframe)

    def restore(self, series: Series, snapshot: bytes) -> Any:
        """Make an account from a stored state."""
        from engines.risk import RiskEngine

        return RiskEngine.restore(snapshot, timeframe=series.timeframe)

    def advance(
        self, engine: Any, bars: "pl.DataFrame", inputs: Mapping[str, "pl.DataFrame"]
    ) -> dict[str, "pl.DataFrame"]:
        """Apply the outcomes and decide the signals of the bars, in the order they became known."""
        return {TABLE: engine.advance(bars, inputs["market.signals"], inputs["market.signal_outcomes"])}


@dg.asset(
    key="risk_decisions",
    deps=["signals", "signal_outcomes"],
    group_name="risk",
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=RISK_ROWS,
    kinds={"clickhouse"},
)
def risk_decisions(
    context: dg.AssetExecutionContext,
    config: Recompute,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Fixed-fraction sizing under limits; a rejection names its rule and the number that broke it."""
    advance = advance_windows(context, settings, warehouse, RiskFold(), recompute=config.recompute)
    metadata = dict(row_metadata(advance.result, TABLE))
    equity = recent_column(warehouse, TABLE, "equity", advance.windows, settings.timeframes[0])
    metadata["plot"] = dg.MetadataValue.md(line_plot(equity, label="paper equity at each decision, before costs"))
    return dg.MaterializeResult(metadata=metadata)

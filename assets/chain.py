"""Indicators, market structure, zones and signals: four assets of one kernel pass.

The chain reads each bar once and moves one state, so the four tables advance together or not at all. The stages' own
modules say what each of them is; this one runs them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import indicators, order_blocks, signals, structure
from assets.fold import FoldResult
from assets.partitions import MARKET_MONTHS
from assets.policy import Recompute
from assets.series import advance_windows, row_metadata
from assets.user_strategies import loaded, rows_version
from engines.versions import CHAIN_ROWS
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

STAGES = {
    "indicators": "market.indicators",
    "structure_events": "market.structure_events",
    "zone_events": "market.zone_events",
    "signals": "market.signals",
}


class ChainFold:
    """The chain as a fold over bars.

    Parameters
    ----------
    strategies : Path, optional
        Folder of the user's own strategies, which run after the built-in ones.
    """

    name = "chain"
    tables = tuple(STAGES.values())
    inputs: tuple[str, ...] = ()

    def __init__(self, strategies: Path | None = None) -> None:
        self.strategies = strategies
        self.version = rows_version(CHAIN_ROWS, strategies)

    def start(self, series: Series) -> Any:
        """Make a chain that has seen no bar."""
        from engines.chain import Chain

        names = loaded(self.strategies).names
        return Chain(timeframe=series.timeframe, market=str(series.market), strategies=names)

    def restore(self, series: Series, snapshot: bytes) -> Any:
        """Make a chain from a stored state."""
        from engines.chain import Chain

        names = loaded(self.strategies).names
        return Chain.restore(snapshot, timeframe=series.timeframe, market=str(series.market), strategies=names)

    def advance(
        self, engine: Any, bars: "pl.DataFrame", inputs: Mapping[str, "pl.DataFrame"]
    ) -> dict[str, "pl.DataFrame"]:
        """Advance the chain; its four frames go to its four tables."""
        del inputs
        rows = engine.advance(bars)
        return dict(zip(self.tables, (rows.indicators, rows.structure, rows.zones, rows.signals), strict=True))


@dg.multi_asset(
    name="chain",
    specs=[indicators.SPEC, structure.SPEC, order_blocks.SPEC, signals.SPEC],
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def chain(
    context: dg.AssetExecutionContext,
    config: Recompute,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.MaterializeResult]:
    """Advance the chain over the new bars of each series and write the rows of its four stages."""
    advance = advance_windows(context, settings, warehouse, ChainFold(settings.strategies), recompute=config.recompute)
    plots = {
        "indicators": indicators.plot,
        "structure_events": structure.plot,
        "zone_events": order_blocks.plot,
        "signals": signals.plot,
    }
    for key, table in STAGES.items():
        metadata = dict(row_metadata(advance.result, table))
        metadata["plot"] = dg.MetadataValue.md(plots[key](warehouse, advance.windows, settings.timeframes[0]))
        if key == "signals":
            metadata |= strategies_metadata(advance.result, settings.strategies)
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def strategies_metadata(result: FoldResult, folder: Path | None) -> dict[str, Any]:
    """What a person should know of the strategies that ran."""
    found = loaded(folder) if folder is not None else None
    return {
        "own_strategies": ", ".join(one.name for one in found.strategies) or "none" if found else "none",
        "strategies_switched_off": "\n".join(result.failures) or "none",
        "strategies_not_loaded": "\n".join(str(problem) for problem in found.problems) or "none" if found else "none",
    }

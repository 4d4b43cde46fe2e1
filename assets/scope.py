"""Which markets a check looks at: those of the run it is part of, or all."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from stores.markets import Market

_PARTITION_TAG = "dagster/partition"


def scope_of_run(context: dg.AssetCheckExecutionContext) -> tuple[Market, ...]:
    """Markets of the run's partitions; empty when the run has none, which stands for every market."""
    tags = context.run.tags
    keys = {tags[tag] for tag in (RANGE_START_TAG, RANGE_END_TAG, _PARTITION_TAG) if tag in tags}
    markets = {Market.parse(key.rpartition("|")[0]) for key in keys}
    # A range over several markets names only the first and the last: look at all of them.
    return tuple(markets) if len(markets) == 1 else ()


def markets_condition(markets: tuple[Market, ...]) -> tuple[str, dict[str, Any]]:
    """SQL condition on exchange and symbol with its parameters; true for every row when no market is named."""
    if not markets:
        return "1", {}
    (market,) = markets
    return (
        "exchange = {exchange:String} AND symbol = {symbol:String}",
        {"exchange": market.exchange, "symbol": market.symbol},
    )

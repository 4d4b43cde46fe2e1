"""Stage `risk`: each signal accepted, resized or rejected by an account over all markets, with the rule and the number."""

import time
from typing import Any

import dagster as dg

from assets.account import Account, advance_account
from assets.partitions import MARKET_MONTHS, market_windows
from assets.plots import line_plot
from assets.policy import Recompute
from assets.queries import recent_column
from assets.series import origin
from engines.versions import RISK_ROWS
from stores.account_log import DECISIONS
from stores.locks import account_lock
from stores.settings import Settings
from stores.warehouse import Warehouse


@dg.asset(
    key="risk_decisions",
    deps=["candles", "signals", "signal_outcomes"],
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
    """Decisions under limits across all markets. A decision stands once made; a rejection names its rule and number."""
    tagged = warehouse.tagged(origin(context, "risk_decisions"))
    windows = market_windows(context.partition_keys)
    metadata: dict[str, Any] = {"dagster/relation_identifier": DECISIONS}
    decisions = removed = reconsidered = 0
    began = time.perf_counter()
    for account in Account:
        own = [window for window in windows if Account.of(window.market.exchange) is account]
        if not own:
            continue
        with account_lock(settings, account.value):
            done = advance_account(tagged, account, own, timeframes=settings.timeframes, recompute=config.recompute)
        decisions, removed = decisions + done.decisions, removed + done.removed
        reconsidered += done.reconsidered
        if done.until is not None:
            context.log.info(f"account {account}: {done.decisions:,} decisions up to {done.until:%Y-%m-%d %H:%M} UTC")
            metadata[f"{account}_until"] = dg.MetadataValue.timestamp(done.until)
            metadata[f"{account}_equity"] = done.engine.portfolio.equity
            metadata[f"{account}_open_positions"] = len(done.engine.portfolio.positions)
        if done.removed:
            context.log.warning(
                f"account {account}: {done.removed:,} decisions that stood there were replaced or removed"
            )
        if done.reconsidered:
            context.log.warning(
                f"account {account}: {done.reconsidered:,} decisions stand that would be others with what came in late; "
                "see market.risk_reconsidered"
            )
    equity = recent_column(tagged, DECISIONS, "equity", windows, settings.timeframes[0])
    metadata |= {
        "dagster/row_count": decisions,
        "replaced_rows": removed,
        "would_differ": reconsidered,
        "seconds": round(time.perf_counter() - began, 3),
        "plot": dg.MetadataValue.md(line_plot(equity, label="equity of the account at each decision")),
    }
    return dg.MaterializeResult(metadata=metadata)

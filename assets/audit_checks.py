"""Check that replaying the newest bars in any way gives the same rows: nothing repaints, nothing looks ahead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from assets.scope import scope_of_run
from assets.side_by_side import side_by_side
from assets.stored_audit import AUDITED, audit_recent
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    from engines.audit import AuditReport

_BARS = 1_000
_SHOWN_FINDINGS = 5


@dg.multi_asset_check(
    name="replay_rewrites_nothing",
    specs=[
        dg.AssetCheckSpec(
            "replay_rewrites_nothing",
            asset=asset,
            description="Replayed in pieces, from snapshots, over prefixes and with other bars to come, the newest bars "
            "give the same readings bit for bit: none is rewritten, withdrawn or late.",
        )
        for asset in AUDITED
    ],
)
def replay_rewrites_nothing(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.AssetCheckResult]:
    """Audit the chain over the newest bars of each series of the run."""
    from engines.audit import AuditPlan

    plan = AuditPlan(prefixes=16, stretch=8, futures=2, calls=2)
    markets = scope_of_run(context) or tuple(Market.parse(text) for text in settings.markets)
    series = [Series(market, timeframe) for market in markets for timeframe in settings.timeframes]
    audits = side_by_side(lambda one: audit_recent(warehouse, one, _BARS, plan, settings.strategies), series)
    reports = {one: report for one, report in zip(series, audits, strict=True) if report is not None}
    for asset in AUDITED:
        yield check_result(asset, reports)


def check_result(asset: str, reports: "dict[Series, AuditReport]") -> dg.AssetCheckResult:
    """What the audits of some series say of one asset."""
    tables = [table for report in reports.values() for table in report.tables if table.table == asset]
    lines = [
        f"- {series}: {finding}"
        for series, report in reports.items()
        for finding in [one for one in report.findings if one.table == asset][:_SHOWN_FINDINGS]
    ]
    rewritten = sum(table.changed for table in tables)
    return dg.AssetCheckResult(
        passed=rewritten == 0,
        asset_key=asset,
        check_name="replay_rewrites_nothing",
        metadata={
            "series": len(reports),
            "replays": sum(report.prefixes for report in reports.values()),
            "readings": sum(table.readings for table in tables),
            "comparisons": sum(table.compared for table in tables),
            "rewritten": rewritten,
            "findings": dg.MetadataValue.md("\n".join(lines) or "none"),
        },
    )

"""Check of the decisions: what was let through was within every limit of the account when it was."""

import dagster as dg

from assets.scope import markets_condition, scope_of_run
from engines.versions import RISK_ROWS
from stores.account_log import DECISIONS
from stores.warehouse import Warehouse


@dg.asset_check(
    asset="risk_decisions",
    name="limits_hold",
    description="Nothing was let through that took the account, as it was then, over a limit.",
)
def limits_hold(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Count, by limit, the decisions that let through more than it leaves."""
    where, parameters = markets_condition(scope_of_run(context))
    broken = broken_limits(warehouse, where, parameters)
    return dg.AssetCheckResult(passed=not any(broken.values()), metadata=broken)


def broken_limits(warehouse: Warehouse, where: str, parameters: dict[str, object]) -> dict[str, int]:
    """Decisions under the newest definition that broke a limit, by the limit's name; ``where`` selects among them."""
    from engines.risk import RiskPolicy

    policy = RiskPolicy.for_account()
    share = "notional / equity"
    # Each limit and what the account came to with the decision, both as fractions of equity or as counts.
    reached = {
        "max_risk_per_trade": ("risk_fraction", policy.max_risk_per_trade),
        "max_position_fraction": (share, policy.max_position_fraction),
        "max_cluster_exposure": (f"cluster_exposure + {share}", policy.max_cluster_exposure),
        "max_gross_exposure": (f"gross_exposure + {share}", min(policy.max_gross_exposure, policy.leverage)),
        "max_net_exposure": (f"direction * net_exposure + {share}", policy.max_net_exposure),
        "max_open_risk": ("open_risk + risk_fraction", policy.max_open_risk),
        "max_concurrent_positions": ("open_positions + 1", policy.max_concurrent_positions),
        "min_notional": ("-notional", -policy.min_notional),
    }
    # What a limit leaves is rounded: a share of 1e-9 beyond it is none.
    counts = ", ".join(
        f"countIf({came_to} > {limit!r} + 1e-9 * abs({limit!r})) AS {name}"
        for name, (came_to, limit) in reached.items()
        if limit is not None
    )
    rows = warehouse.query_rows(
        f"SELECT {counts} FROM {DECISIONS} FINAL WHERE {where} AND version = {{version:String}} AND decision != 'rejected'",
        {**parameters, "version": RISK_ROWS},
    )
    return {name: int(count) for name, count in rows[0].items()}

"""What stands behind a signal in the warehouse: the risk decision, and the structure around it as it was known then."""

from __future__ import annotations

from typing import Any

import orjson

from api.reads.series import instant, milliseconds
from api.schemas import RiskDecision
from api.times import parse_instant, to_milliseconds
from stores.warehouse import IN_SERIES, Series, Warehouse

_EVENTS_A_SCALE = 6
_DECISION = ", ".join(name for name in RiskDecision.model_fields if name != "decided_at")


def read_risk_decision(warehouse: Warehouse, series: Series, signal_id: str) -> dict[str, Any] | None:
    """Read why the risk stage decided as it did; None if the decision is not stored."""
    lines = warehouse.query_json_lines(
        f"SELECT {_DECISION}, if(r.decided_at = 0, NULL, {instant('r.decided_at')}) AS decided_at "
        f"FROM market.risk_decisions AS r WHERE {IN_SERIES} AND signal_id = {{signal_id:String}} LIMIT 1",
        {**series.parameters, "signal_id": signal_id},
    )
    return orjson.loads(lines[0]) if lines else None


def read_structure_before(warehouse: Warehouse, series: Series, ts: str) -> list[dict[str, Any]]:
    """Read the last events of each scale that were known when the bar that opened at ``ts`` had closed, newest first."""
    lines = warehouse.query_json_lines(
        f"SELECT DISTINCT {instant('e.ts')} AS ts, e.scale AS scale, e.kind AS kind, e.direction AS direction, "
        f"e.level AS level, {instant('e.origin_ts')} AS origin_ts, e.label AS label, e.bias AS bias "
        f"FROM market.structure_events AS e WHERE {IN_SERIES} AND e.ts <= {milliseconds('signal_ts')} "
        "ORDER BY e.ts DESC, e.scale, e.kind, e.direction "
        f"LIMIT {_EVENTS_A_SCALE} BY e.scale",
        {**series.parameters, "signal_ts": to_milliseconds(parse_instant(ts))},
    )
    return [orjson.loads(line) for line in lines]

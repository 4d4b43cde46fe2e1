"""Results of sweeps in the warehouse, so that a sweep that was stopped goes on where it was, on any machine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from stores.warehouse import Warehouse

_TABLE = "market.backtest_sweeps"
_ROWS_AN_INSERT = 64
_KEYS_A_QUERY = 2_000


class WarehouseSweepStore:
    """Keeps the metrics of parameter sets by their keys. Rows are sent in batches; `flush` sends what is left.

    Parameters
    ----------
    warehouse : Warehouse
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = Lock()
        self._waiting: list[dict[str, Any]] = []

    def known(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Metrics of those of the keys that are stored; what was not defined is missing."""
        found: dict[str, dict[str, float]] = {}
        for first in range(0, len(keys), _KEYS_A_QUERY):
            rows = self._warehouse.query_rows(
                f"SELECT key, metrics FROM {_TABLE} FINAL WHERE key IN {{keys:Array(String)}}",
                {"keys": list(keys[first : first + _KEYS_A_QUERY])},
            )
            found.update({row["key"]: json.loads(row["metrics"]) for row in rows})
        return found

    def keep(self, key: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a set. May be called by several threads."""
        defined = {name: float(value) for name, value in metrics.items() if not math.isnan(value)}
        row = {
            "key": key,
            "parameters": json.dumps(dict(parameters), sort_keys=True, default=str),
            "metrics": json.dumps(defined, sort_keys=True),
            "kept_at": datetime.now(UTC),
        }
        with self._lock:
            self._waiting.append(row)
            if len(self._waiting) >= _ROWS_AN_INSERT:
                self._send()

    def flush(self) -> None:
        """Send what has not been sent."""
        with self._lock:
            self._send()

    def _send(self) -> None:
        import polars as pl

        if self._waiting:
            self._warehouse.insert(_TABLE, pl.DataFrame(self._waiting))
            self._waiting = []

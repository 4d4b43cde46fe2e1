"""What ingestion found wrong with the data: bars that are missing, that were changed afterwards, files that were refused."""

from __future__ import annotations

from typing import Any

import orjson

from api.reads.series import instant
from stores.warehouse import Warehouse

MOST = 100
"""Most rows of each list, newest first."""

_MARKET = "concat(r.exchange, ':', r.symbol) AS market, r.timeframe AS timeframe"
_GAPS = f"""
SELECT {_MARKET}, {instant("r.ts")} AS first_missing, {instant("r.gap_end")} AS last_missing, r.missing_bars AS missing_bars
FROM market.candle_gaps AS r FINAL WHERE r.missing_bars > 0 ORDER BY r.ts DESC LIMIT {MOST}
"""
_RESTATEMENTS = f"""
SELECT {_MARKET}, {instant("r.ts")} AS ts, r.old_close AS old_close, r.new_close AS new_close,
    r.old_volume AS old_volume, r.new_volume AS new_volume, r.source AS source,
    {instant("toDateTime64(r.ingested_at, 3, 'UTC')")} AS stored_at
FROM market.candle_restatements AS r FINAL ORDER BY r.ingested_at DESC LIMIT {MOST}
"""
_INGESTION = f"""
SELECT {_MARKET}, r.source AS source, toInt64(countIf(r.status = 'accepted')) AS batches, toInt64(sum(r.bars)) AS bars,
    toInt64(sum(r.snapped_bars)) AS snapped_bars, toInt64(sum(r.duplicate_bars)) AS duplicate_bars,
    toInt64(sum(r.refused_bars)) AS refused_bars, {instant("toDateTime64(max(r.ingested_at), 3, 'UTC')")} AS last_batch_at
FROM market.ingestion_reports AS r FINAL WHERE r.status = 'accepted'
GROUP BY r.exchange, r.symbol, r.timeframe, r.source ORDER BY market, timeframe, source LIMIT {MOST}
"""
_REFUSED = f"""
SELECT {_MARKET}, r.source AS source, r.origin AS origin, r.reason AS reason,
    {instant("toDateTime64(r.ingested_at, 3, 'UTC')")} AS refused_at
FROM market.ingestion_reports AS r FINAL WHERE r.status = 'refused' ORDER BY r.ingested_at DESC LIMIT {MOST}
"""


def read_data_quality(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Read all of it."""
    lists = {"gaps": _GAPS, "restatements": _RESTATEMENTS, "ingestion": _INGESTION, "refused": _REFUSED}
    return {name: [orjson.loads(line) for line in warehouse.query_json_lines(sql)] for name, sql in lists.items()}

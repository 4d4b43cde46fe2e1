select
    exchange,
    symbol,
    timeframe,
    ts,
    ts_last,
    source,
    origin,
    content_hash,
    status,
    reason,
    bars,
    snapped_bars,
    refused_bars,
    duplicate_bars,
    missing_bars,
    ingested_at
from {{ source('market', 'ingestion_reports') }} final

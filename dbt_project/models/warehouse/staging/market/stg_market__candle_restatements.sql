select
    exchange,
    symbol,
    timeframe,
    ts,
    old_open,
    old_high,
    old_low,
    old_close,
    old_volume,
    new_open,
    new_high,
    new_low,
    new_close,
    new_volume,
    source,
    ingested_at
from {{ source('market', 'candle_restatements') }} final

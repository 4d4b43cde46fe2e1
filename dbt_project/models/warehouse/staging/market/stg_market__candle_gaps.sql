select
    exchange,
    symbol,
    timeframe,
    ts,
    gap_end,
    missing_bars,
    ingested_at
from {{ source('market', 'candle_gaps') }} final

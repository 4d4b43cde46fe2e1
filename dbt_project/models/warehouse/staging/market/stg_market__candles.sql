select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    open,
    high,
    low,
    close,
    volume,
    base_timeframe,
    base_bars,
    source,
    ingested_at
from {{ source('market', 'candles') }} final

select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    zone_id,
    kind,
    event,
    side,
    scale,
    top,
    bottom,
    origin_ts,
    volume,
    sequence
from {{ source('market', 'zone_events') }} final

select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    range_top,
    range_bottom,
    range_position
from {{ source('market', 'indicators') }} final

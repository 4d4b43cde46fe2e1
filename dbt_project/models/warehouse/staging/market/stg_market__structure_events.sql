select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    scale,
    kind,
    direction,
    level,
    origin_ts,
    label,
    bias
from {{ source('market', 'structure_events') }} final

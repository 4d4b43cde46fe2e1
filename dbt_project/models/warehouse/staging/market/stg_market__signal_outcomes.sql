select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    signal_id,
    strategy,
    direction,
    outcome,
    price,
    r_multiple,
    bars_held,
    signal_ts
from {{ source('market', 'signal_outcomes') }} final

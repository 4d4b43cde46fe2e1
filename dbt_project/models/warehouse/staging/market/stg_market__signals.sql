select
    exchange,
    symbol,
    timeframe,
    ts,
    {{ known_at() }} as known_at,
    signal_id,
    strategy,
    direction,
    entry,
    stop,
    target_1,
    target_2,
    risk_reward,
    score,
    reasons,
    zone_id
from {{ source('market', 'signals') }} final

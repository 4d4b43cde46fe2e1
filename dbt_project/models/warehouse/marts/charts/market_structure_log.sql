{{ config(order_by=['exchange', 'symbol', 'timeframe', 'ts', 'scale', 'kind', 'direction']) }}

select
    exchange,
    symbol,
    timeframe,
    ts,
    known_at,
    scale,
    kind,
    direction,
    level,
    origin_ts,
    label,
    bias,
    {{ is_simulated() }} as simulated
from {{ ref('stg_market__structure_events') }}

{{ config(order_by=['exchange', 'symbol', 'timeframe', 'created_ts', 'zone_id']) }}

select
    zones.exchange as exchange,
    zones.symbol as symbol,
    zones.timeframe as timeframe,
    zones.zone_id as zone_id,
    zones.side as side,
    zones.scale as scale,
    zones.top as level,
    zones.origin_ts as origin_ts,
    zones.created_ts as created_ts,
    zones.created_known_at as created_known_at,
    zones.ended_ts as ended_ts,
    zones.ended_known_at as ended_known_at,
    zones.status as status,
    zones.bars_alive as bars_alive,
    {{ is_simulated('zones.exchange') }} as simulated
from {{ ref('int_zones__lives') }} as zones
where zones.kind = 'liquidity'

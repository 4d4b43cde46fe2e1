{{ config(order_by=['exchange', 'symbol', 'timeframe', 'created_ts', 'zone_id']) }}

-- An invalidated order block lives on as a breaker of the other side; each points at the other.
with zones as (

    select * from {{ ref('int_zones__lives') }}
    where kind in ('order_block', 'breaker')

),

-- The breaker is created on the bar that invalidates the block, with the block's origin and scale.
pairs as (

    select blocks.zone_id as order_block_id, breakers.zone_id as breaker_id
    from zones as blocks
    inner join zones as breakers
        on breakers.exchange = blocks.exchange
        and breakers.symbol = blocks.symbol
        and breakers.timeframe = blocks.timeframe
        and breakers.scale = blocks.scale
        and breakers.origin_ts = blocks.origin_ts
        and breakers.created_ts = blocks.ended_ts
        and breakers.side = -blocks.side
    where blocks.kind = 'order_block' and breakers.kind = 'breaker' and blocks.status = 'invalidated'

)

select
    zones.exchange as exchange,
    zones.symbol as symbol,
    zones.timeframe as timeframe,
    zones.zone_id as zone_id,
    zones.kind as kind,
    zones.side as side,
    zones.scale as scale,
    zones.top as top,
    zones.bottom as bottom,
    zones.mid as mid,
    zones.origin_ts as origin_ts,
    zones.volume as volume,
    zones.created_ts as created_ts,
    zones.created_known_at as created_known_at,
    zones.touched_ts as touched_ts,
    zones.touched_known_at as touched_known_at,
    zones.mitigated_ts as mitigated_ts,
    zones.mitigated_known_at as mitigated_known_at,
    zones.ended_ts as ended_ts,
    zones.ended_known_at as ended_known_at,
    zones.status as status,
    zones.reached as reached,
    zones.bars_alive as bars_alive,
    became.breaker_id as breaker_id,
    came_from.order_block_id as order_block_id,
    {{ is_simulated('zones.exchange') }} as simulated
from zones
left join pairs as became on became.order_block_id = zones.zone_id
left join pairs as came_from on came_from.breaker_id = zones.zone_id
settings join_use_nulls = 1

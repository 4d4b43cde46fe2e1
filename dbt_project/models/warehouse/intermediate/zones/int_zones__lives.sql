{%- set ends = "event in ('invalidated', 'filled', 'swept', 'broken', 'expired')" -%}
-- One row a zone: its birth, and what happened to it since, folded from the log of its events.
-- An event happens to a zone at most once, so the order of the log does not matter.
with events as (

    select * from {{ ref('stg_market__zone_events') }}

),

-- A zone's age is counted in bars that were traded: over an outage it does not grow.
bars as (

    select
        exchange,
        symbol,
        timeframe,
        ts,
        row_number() over (partition by exchange, symbol, timeframe order by ts) as bar_number
    from {{ ref('stg_market__candles') }}
    where (exchange, symbol, timeframe) in (select distinct exchange, symbol, timeframe from events)

),

series as (

    select exchange, symbol, timeframe, count() as bars
    from {{ ref('stg_market__candles') }}
    group by exchange, symbol, timeframe

),

lives as (

    select
        events.exchange as exchange,
        events.symbol as symbol,
        events.timeframe as timeframe,
        events.zone_id as zone_id,
        toLowCardinality(any(events.kind)) as kind,
        any(events.side) as side,
        toLowCardinality(any(events.scale)) as scale,
        any(events.top) as top,
        any(events.bottom) as bottom,
        any(events.origin_ts) as origin_ts,
        any(events.volume) as volume,
        minIf(events.ts, event = 'created') as created_ts,
        minIf(events.known_at, event = 'created') as created_known_at,
        minIf(bars.bar_number, event = 'created') as created_bar,
        minOrNullIf(events.ts, event = 'touched') as touched_ts,
        minOrNullIf(events.known_at, event = 'touched') as touched_known_at,
        minOrNullIf(events.ts, event = 'mitigated') as mitigated_ts,
        minOrNullIf(events.known_at, event = 'mitigated') as mitigated_known_at,
        minOrNullIf(events.ts, {{ ends }}) as ended_ts,
        minOrNullIf(events.known_at, {{ ends }}) as ended_known_at,
        minOrNullIf(bars.bar_number, {{ ends }}) as ended_bar,
        anyOrNullIf(toString(event), {{ ends }}) as end_kind
    from events
    inner join bars
        on bars.exchange = events.exchange
        and bars.symbol = events.symbol
        and bars.timeframe = events.timeframe
        and bars.ts = events.ts
    group by exchange, symbol, timeframe, zone_id

)

select
    lives.exchange as exchange,
    lives.symbol as symbol,
    lives.timeframe as timeframe,
    lives.zone_id as zone_id,
    lives.kind as kind,
    lives.side as side,
    lives.scale as scale,
    lives.top as top,
    lives.bottom as bottom,
    (lives.top + lives.bottom) / 2 as mid,
    lives.origin_ts as origin_ts,
    lives.volume as volume,
    lives.created_ts as created_ts,
    lives.created_known_at as created_known_at,
    lives.touched_ts as touched_ts,
    lives.touched_known_at as touched_known_at,
    lives.mitigated_ts as mitigated_ts,
    lives.mitigated_known_at as mitigated_known_at,
    lives.ended_ts as ended_ts,
    lives.ended_known_at as ended_known_at,
    toLowCardinality(coalesce(lives.end_kind, 'live')) as status,
    toLowCardinality(multiIf(
        isNotNull(lives.mitigated_ts), 'mitigated',
        isNotNull(lives.touched_ts), 'touched',
        'fresh'
    )) as reached,
    toUInt32(coalesce(lives.ended_bar, series.bars) - lives.created_bar) as bars_alive
from lives
inner join series
    on series.exchange = lives.exchange
    and series.symbol = lives.symbol
    and series.timeframe = lives.timeframe

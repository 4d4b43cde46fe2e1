{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    on_schema_change='fail',
    partition_by=['exchange', 'symbol', 'toYear(ts)'],
    order_by=['exchange', 'symbol', 'timeframe', 'ts'],
) }}

-- Rebuilt by whole partitions, a market's year each: one whose bars differ from the log's is replaced in one atomic step.
-- The difference is found by a fingerprint over every bar's version, not by a window of time: late and restated bars count.
{% set fingerprint = 'sum(cityHash64(timeframe, ts, ingested_at))' %}
with bars as (

    select * from {{ ref('stg_market__candles') }}

)

{%- if is_incremental() %},

stored as (

    select exchange, symbol, toYear(ts) as year, {{ fingerprint }} as fingerprint
    from {{ this }}
    group by exchange, symbol, year

),

changed as (

    select exchange, symbol, toYear(ts) as year, {{ fingerprint }} as fingerprint
    from bars
    group by exchange, symbol, year
    having (exchange, symbol, year, fingerprint) not in (select exchange, symbol, year, fingerprint from stored)

)
{%- endif %}

select
    exchange,
    symbol,
    timeframe,
    ts,
    known_at,
    open,
    high,
    low,
    close,
    volume,
    base_timeframe,
    base_bars,
    source,
    {{ is_simulated() }} as simulated,
    ingested_at
from bars
{%- if is_incremental() %}
where (exchange, symbol, toYear(ts)) in (select exchange, symbol, year from changed)
{%- endif %}

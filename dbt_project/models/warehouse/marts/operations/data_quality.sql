{{ config(order_by=['exchange', 'symbol', 'timeframe']) }}

-- What can be said of the stored bars of each series, and of what ingestion did to them before they were stored.
with bars as (

    select
        *,
        lagInFrame(toNullable(ts)) over (
            partition by exchange, symbol, timeframe order by ts
            rows between unbounded preceding and current row
        ) as previous_ts,
        {{ timeframe_ms() }} as step
    from {{ ref('stg_market__candles') }}

),

gaps as (

    select
        *,
        coalesce(intDiv(toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(previous_ts), step) - 1, 0) as missing,
        intDiv(step, {{ timeframe_ms('base_timeframe') }}) as whole_bars
    from bars

),

stored as (

    select
        exchange,
        symbol,
        timeframe,
        argMax(toString(base_timeframe), ts) as base_timeframe,
        count() as bars,
        sum(missing) as missing_bars,
        countIf(missing > 0) as gaps,
        max(missing) as longest_gap_bars,
        argMaxIf(previous_ts, missing, missing > 0) as longest_gap_after,
        countIf(volume = 0) as zero_volume_bars,
        countIf(base_bars < whole_bars) as partial_bars,
        min(ts) as first_ts,
        max(ts) as last_ts,
        max(known_at) as last_known_at,
        max(ingested_at) as last_ingested_at
    from gaps
    group by exchange, symbol, timeframe

),

recorded_gaps as (

    select exchange, symbol, timeframe, sum(missing_bars) as missing_bars
    from {{ ref('stg_market__candle_gaps') }}
    group by exchange, symbol, timeframe

),

restatements as (

    select exchange, symbol, timeframe, uniqExact(ts) as bars, count() as versions
    from {{ ref('stg_market__candle_restatements') }}
    group by exchange, symbol, timeframe

),

reports as (

    select * from {{ ref('stg_market__ingestion_reports') }}

),

-- A file read again over a wider range reports what it reported before once more: only the widest reading counts.
repeated as (

    select distinct narrow.exchange, narrow.symbol, narrow.timeframe, narrow.origin, narrow.content_hash
    from reports as narrow
    inner join reports as wide
        on wide.exchange = narrow.exchange
        and wide.symbol = narrow.symbol
        and wide.timeframe = narrow.timeframe
        and wide.origin = narrow.origin
    where narrow.status = 'accepted' and wide.status = 'accepted'
        and narrow.source = 'files' and wide.source = 'files'
        and wide.content_hash != narrow.content_hash
        and wide.ts <= narrow.ts and wide.ts_last >= narrow.ts_last
        and (
            wide.ts < narrow.ts or wide.ts_last > narrow.ts_last
            or (wide.ingested_at, wide.content_hash) > (narrow.ingested_at, narrow.content_hash)
        )

),

accepted as (

    select
        exchange,
        symbol,
        timeframe,
        count() as batches,
        sum(snapped_bars) as snapped_bars,
        sum(refused_bars) as refused_bars,
        sum(duplicate_bars) as duplicate_bars
    from reports
    where status = 'accepted'
        and (exchange, symbol, timeframe, origin, content_hash) not in (
            select exchange, symbol, timeframe, origin, content_hash from repeated
        )
    group by exchange, symbol, timeframe

),

refused as (

    select
        exchange,
        symbol,
        timeframe,
        count() as files,
        argMax(origin, read_at) as last_origin,
        argMax(last_reason, read_at) as last_refusal
    from (
        select
            exchange,
            symbol,
            timeframe,
            origin,
            argMax(status, ingested_at) as last_status,
            argMax(reason, ingested_at) as last_reason,
            max(ingested_at) as read_at
        from reports
        group by exchange, symbol, timeframe, origin
    )
    where last_status = 'refused'
    group by exchange, symbol, timeframe

),

series as (

    select exchange, symbol, timeframe from stored
    union distinct
    select exchange, symbol, timeframe from reports

)

select
    series.exchange as exchange,
    series.symbol as symbol,
    series.timeframe as timeframe,
    toLowCardinality(stored.base_timeframe) as base_timeframe,
    toUInt64(coalesce(stored.bars, 0)) as bars,
    toUInt64(coalesce(stored.bars + stored.missing_bars, 0)) as expected_bars,
    toUInt64(coalesce(stored.missing_bars, 0)) as missing_bars,
    if(stored.bars > 0, stored.bars / (stored.bars + stored.missing_bars), null) as completeness,
    toUInt64(coalesce(stored.gaps, 0)) as gaps,
    toUInt64(coalesce(stored.longest_gap_bars, 0)) as longest_gap_bars,
    stored.longest_gap_after as longest_gap_after,
    recorded_gaps.missing_bars as recorded_missing_bars,
    toUInt64(coalesce(stored.partial_bars, 0)) as partial_bars,
    toUInt64(coalesce(stored.zero_volume_bars, 0)) as zero_volume_bars,
    toUInt64(coalesce(accepted.batches, 0)) as batches,
    toUInt64(coalesce(accepted.snapped_bars, 0)) as snapped_bars,
    toUInt64(coalesce(accepted.refused_bars, 0)) as refused_bars,
    toUInt64(coalesce(accepted.duplicate_bars, 0)) as duplicate_bars,
    toUInt64(coalesce(restatements.bars, 0)) as restated_bars,
    toUInt64(coalesce(restatements.versions, 0)) as restatements,
    toUInt64(coalesce(refused.files, 0)) as refused_files,
    refused.last_origin as last_refused_file,
    refused.last_refusal as last_refusal,
    stored.first_ts as first_ts,
    stored.last_ts as last_ts,
    stored.last_known_at as last_known_at,
    stored.last_ingested_at as last_ingested_at,
    {{ is_simulated('series.exchange') }} as simulated
from series
left join stored
    on stored.exchange = series.exchange and stored.symbol = series.symbol and stored.timeframe = series.timeframe
left join recorded_gaps
    on recorded_gaps.exchange = series.exchange
    and recorded_gaps.symbol = series.symbol
    and recorded_gaps.timeframe = series.timeframe
left join restatements
    on restatements.exchange = series.exchange
    and restatements.symbol = series.symbol
    and restatements.timeframe = series.timeframe
left join accepted
    on accepted.exchange = series.exchange
    and accepted.symbol = series.symbol
    and accepted.timeframe = series.timeframe
left join refused
    on refused.exchange = series.exchange and refused.symbol = series.symbol and refused.timeframe = series.timeframe
settings join_use_nulls = 1

{{ config(materialized='view') }}

-- One row a signal that has an outcome: how it ended, if it has, and whether its first target was reached on the way.
-- result_r follows the whole position to its last outcome; account_r is what the paper account makes of it, which takes a
-- part off at the first target.
with outcomes as (

    select
        outcomes.*,
        outcomes.outcome != 'target_1' or isNull(signals.target_2) as is_final
    from {{ ref('stg_market__signal_outcomes') }} as outcomes
    inner join {{ ref('stg_market__signals') }} as signals
        on signals.exchange = outcomes.exchange
        and signals.symbol = outcomes.symbol
        and signals.timeframe = outcomes.timeframe
        and signals.ts = outcomes.signal_ts
        and signals.signal_id = outcomes.signal_id

)

select
    exchange,
    symbol,
    timeframe,
    signal_id,
    minOrNullIf(ts, outcomes.outcome = 'target_1') as target_1_ts,
    minOrNullIf(known_at, outcomes.outcome = 'target_1') as target_1_known_at,
    toLowCardinality(anyOrNullIf(toString(outcomes.outcome), is_final)) as outcome,
    anyOrNullIf(ts, is_final) as outcome_ts,
    anyOrNullIf(known_at, is_final) as outcome_known_at,
    anyOrNullIf(price, is_final) as outcome_price,
    anyOrNullIf(r_multiple, is_final) as result_r,
    if(
        isNull(anyOrNullIf(r_multiple, outcomes.outcome = 'target_1')),
        result_r,
        result_r + {{ var('first_target_fraction') }} * (anyOrNullIf(r_multiple, outcomes.outcome = 'target_1') - result_r)
    ) as account_r,
    anyOrNullIf(outcomes.bars_held, is_final) as bars_held
from outcomes
group by exchange, symbol, timeframe, signal_id

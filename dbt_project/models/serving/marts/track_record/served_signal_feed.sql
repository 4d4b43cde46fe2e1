{{ config(indexes=[{'columns': ['signal_id'], 'unique': true}, {'columns': ['sequence']}]) }}

-- A table, not a view: a view would stand in the way of migrations that change the tables below it.
with signals as (

    select * from {{ ref('stg_serving__published_signals') }}

),

outcomes as (

    select
        outcomes.*,
        outcomes.outcome <> 'target_1' or signals.target_2 is null as is_final
    from {{ ref('stg_serving__signal_outcomes') }} as outcomes
    inner join signals using (signal_id)

),

results as (

    select
        signal_id,
        min(ts) filter (where outcome = 'target_1') as target_1_ts,
        min(known_at) filter (where outcome = 'target_1') as target_1_known_at,
        min(outcome) filter (where is_final) as outcome,
        min(ts) filter (where is_final) as outcome_ts,
        min(known_at) filter (where is_final) as outcome_known_at,
        min(price) filter (where is_final) as outcome_price,
        min(r_multiple) filter (where is_final) as result_r,
        min(bars_held) filter (where is_final) as bars_held
    from outcomes
    group by signal_id

)

select
    signals.signal_id,
    signals.exchange,
    signals.symbol,
    signals.timeframe,
    signals.strategy,
    signals.direction,
    signals.ts,
    signals.known_at,
    signals.entry,
    signals.stop,
    signals.target_1,
    signals.target_2,
    signals.risk_reward,
    signals.score,
    signals.reasons,
    signals.zone_id,
    signals.decision,
    signals.size,
    signals.notional,
    signals.risk_amount,
    signals.risk_fraction,
    signals.simulated,
    signals.published_at,
    signals.sequence,
    case when results.outcome is null then 'open' else 'closed' end as status,
    results.target_1_ts,
    results.target_1_known_at,
    results.outcome,
    results.outcome_ts,
    results.outcome_known_at,
    results.outcome_price,
    results.result_r,
    results.bars_held
from signals
left join results using (signal_id)

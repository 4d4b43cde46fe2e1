{{ config(order_by=['exchange', 'symbol', 'timeframe', 'ts', 'signal_id']) }}

-- Every signal with the decision on it, the zone behind it and what became of it so far.
select
    signals.exchange as exchange,
    signals.symbol as symbol,
    signals.timeframe as timeframe,
    signals.ts as ts,
    signals.known_at as known_at,
    signals.signal_id as signal_id,
    signals.strategy as strategy,
    signals.direction as direction,
    signals.entry as entry,
    signals.stop as stop,
    signals.target_1 as target_1,
    signals.target_2 as target_2,
    signals.risk_reward as risk_reward,
    signals.score as score,
    signals.reasons as reasons,
    decisions.decision as decision,
    decisions.rule as rule,
    decisions.rule_value as rule_value,
    decisions.rule_limit as rule_limit,
    decisions.size as size,
    decisions.notional as notional,
    decisions.risk_amount as risk_amount,
    decisions.risk_fraction as risk_fraction,
    decisions.equity as equity,
    signals.zone_id as zone_id,
    zones.kind as zone_kind,
    zones.top as zone_top,
    zones.bottom as zone_bottom,
    zones.created_known_at as zone_created_known_at,
    zones.status as zone_status,
    toLowCardinality(if(isNull(results.outcome), 'open', 'closed')) as status,
    results.target_1_ts as target_1_ts,
    results.target_1_known_at as target_1_known_at,
    results.outcome as outcome,
    results.outcome_ts as outcome_ts,
    results.outcome_known_at as outcome_known_at,
    results.outcome_price as outcome_price,
    results.result_r as result_r,
    results.account_r as account_r,
    results.bars_held as bars_held,
    {{ is_simulated('signals.exchange') }} as simulated
from {{ ref('stg_market__signals') }} as signals
left join {{ ref('stg_market__risk_decisions') }} as decisions
    on decisions.exchange = signals.exchange
    and decisions.symbol = signals.symbol
    and decisions.timeframe = signals.timeframe
    and decisions.ts = signals.ts
    and decisions.signal_id = signals.signal_id
left join {{ ref('int_signals__results') }} as results
    on results.exchange = signals.exchange
    and results.symbol = signals.symbol
    and results.timeframe = signals.timeframe
    and results.signal_id = signals.signal_id
left join {{ ref('int_zones__lives') }} as zones
    on zones.exchange = signals.exchange
    and zones.symbol = signals.symbol
    and zones.timeframe = signals.timeframe
    and zones.zone_id = signals.zone_id
settings join_use_nulls = 1

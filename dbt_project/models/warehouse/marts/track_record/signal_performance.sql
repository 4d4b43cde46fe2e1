{{ config(order_by=['simulated', 'population', 'scope', 'strategy', 'exchange', 'symbol', 'timeframe']) }}

-- Track record in units of initial risk (R), before costs, of whole positions followed to their last outcome.
-- Each signal counts once in every scope it belongs to: its own strategy and series, its strategy, its series, and all.
-- Simulated markets are never mixed with real ones.
with counted as (

    select
        simulated,
        arrayJoin(if(decision in ('accepted', 'resized'), ['all', 'taken'], ['all'])) as population,
        arrayJoin([
            tuple('strategy_series', toString(strategy), toString(exchange), toString(symbol), toString(timeframe)),
            tuple('strategy', toString(strategy), 'all', 'all', 'all'),
            tuple('series', 'all', toString(exchange), toString(symbol), toString(timeframe)),
            tuple('total', 'all', 'all', 'all', 'all')
        ]) as grain,
        decision,
        known_at,
        signal_id,
        status,
        outcome,
        outcome_known_at,
        isNotNull(target_1_ts) as target_1_reached,
        bars_held,
        result_r,
        account_r
    from {{ ref('signal_feed') }}

),

-- Results in the order in which they became known; the curve of their sum is what a drawdown is measured on.
curve as (

    select
        *,
        sum(coalesce(result_r, 0)) over (
            partition by simulated, population, grain
            order by status = 'open', outcome_known_at, signal_id
            rows between unbounded preceding and current row
        ) as sum_r
    from counted

),

drawdowns as (

    select
        *,
        greatest(0, max(sum_r) over (
            partition by simulated, population, grain
            order by status = 'open', outcome_known_at, signal_id
            rows between unbounded preceding and current row
        )) - sum_r as drawdown_r
    from curve

),

totals as (

    select
        simulated,
        population,
        grain,
        count() as signals,
        countIf(decision in ('accepted', 'resized')) as taken_signals,
        countIf(status = 'open') as open_signals,
        countIf(status = 'closed') as sample_size,
        countIf(result_r > 0) as wins,
        countIf(result_r < 0) as losses,
        countIf(result_r = 0) as flats,
        countIf(status = 'closed' and target_1_reached) as target_1_hits,
        countIf(outcome = 'target_2') as target_2_hits,
        countIf(outcome = 'stopped') as stops,
        countIf(outcome = 'expired') as expiries,
        coalesce(sumIf(result_r, status = 'closed'), 0) as total_r,
        coalesce(sumIf(result_r, result_r > 0), 0) as won_r,
        -coalesce(sumIf(result_r, result_r < 0), 0) as lost_r,
        avgOrNull(result_r) as average_r,
        avgOrNull(account_r) as average_account_r,
        quantileExactInclusiveOrNull(0.5)(result_r) as median_r,
        stddevSampOrNull(result_r) as stddev_r,
        avgOrNullIf(result_r, result_r > 0) as average_win_r,
        avgOrNullIf(result_r, result_r < 0) as average_loss_r,
        maxOrNull(result_r) as best_r,
        minOrNull(result_r) as worst_r,
        max(drawdown_r) as max_drawdown_r,
        avgOrNull(bars_held) as average_bars_held,
        arrayMap(
            result -> result.3,
            arraySort(groupArrayIf((outcome_known_at, signal_id, assumeNotNull(result_r)), status = 'closed'))
        ) as results,
        min(known_at) as first_signal_known_at,
        max(known_at) as last_signal_known_at
    from drawdowns
    group by simulated, population, grain

)

select
    simulated,
    toLowCardinality(population) as population,
    toLowCardinality(grain.1) as scope,
    toLowCardinality(grain.2) as strategy,
    toLowCardinality(grain.3) as exchange,
    toLowCardinality(grain.4) as symbol,
    toLowCardinality(grain.5) as timeframe,
    signals,
    taken_signals,
    open_signals,
    sample_size,
    wins,
    losses,
    flats,
    target_1_hits,
    target_2_hits,
    stops,
    expiries,
    if(sample_size > 0, wins / sample_size, null) as win_rate,
    -- Wilson's interval (z = 1.96): with few signals a win rate says little, and this says how little. At no win and at
    -- nothing but wins it touches 0 and 1, and rounding may lead a hair outside.
    if(
        sample_size > 0,
        greatest(
            0.,
            (wins + 1.9208 - 1.96 * sqrt(wins * (sample_size - wins) / greatest(sample_size, 1) + 0.9604))
            / (sample_size + 3.8416)
        ),
        null
    ) as win_rate_low,
    if(
        sample_size > 0,
        least(
            1.,
            (wins + 1.9208 + 1.96 * sqrt(wins * (sample_size - wins) / greatest(sample_size, 1) + 0.9604))
            / (sample_size + 3.8416)
        ),
        null
    ) as win_rate_high,
    if(
        sample_size > 0,
        (wins * coalesce(average_win_r, 0) + losses * coalesce(average_loss_r, 0)) / sample_size,
        null
    ) as expectancy_r,
    average_r,
    average_account_r,
    median_r,
    stddev_r,
    average_win_r,
    average_loss_r,
    best_r,
    worst_r,
    total_r,
    if(lost_r > 0, won_r / lost_r, null) as profit_factor,
    max_drawdown_r,
    toUInt64(arrayMax(arrayPushBack(
        arrayMap(streak -> arrayCount(r -> r < 0, streak), arraySplit(r -> r >= 0, results)), 0
    ))) as max_losing_streak,
    average_bars_held,
    first_signal_known_at,
    last_signal_known_at,
    false as costs_included
from totals

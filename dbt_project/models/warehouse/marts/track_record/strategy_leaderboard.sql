{{ config(order_by=['simulated', 'place', 'strategy', 'exchange', 'symbol', 'timeframe']) }}

-- Strategies on their series, after costs, the surest first: not by what a strategy made but by what it made at least, the lower
-- end of the interval of its mean trade. All of it is in sample: it says what would have been, not what will be.
with measured as (

    select
        {{ is_simulated() }} as simulated,
        strategy,
        exchange,
        symbol,
        timeframe,
        first_ts,
        known_at as until,
        bars,
        signals,
        trades,
        total_return,
        buy_and_hold_return,
        sharpe,
        probabilistic_sharpe,
        max_drawdown,
        expectancy_r,
        -- The normal interval (z = 1.96): from 30 trades on it is near enough to Student's.
        if(trades > 1, expectancy_r - 1.96 * stddev_r / sqrt(trades), null) as expectancy_r_low,
        if(trades > 1, expectancy_r + 1.96 * stddev_r / sqrt(trades), null) as expectancy_r_high,
        if(JSONHas(metrics, 'win_rate'), JSONExtractFloat(metrics, 'win_rate'), null) as win_rate,
        if(JSONHas(metrics, 'profit_factor'), JSONExtractFloat(metrics, 'profit_factor'), null) as profit_factor,
        JSONExtractFloat(metrics, 'time_in_market') as time_in_market,
        JSONExtractFloat(metrics, 'fees') as fees,
        run_id
    from {{ ref('stg_market__backtest_runs') }}

)

select
    simulated,
    toUInt32(row_number() over (
        partition by simulated
        order by trades < 30, coalesce(expectancy_r_low, -1e9) desc, strategy, exchange, symbol, timeframe
    )) as place,
    strategy,
    exchange,
    symbol,
    timeframe,
    -- The same words as a report's verdict; that an edge holds out of sample only walk-forward can show.
    toLowCardinality(multiIf(
        trades < 30 or expectancy_r_low is null, 'too_few',
        expectancy_r_high < 0, 'loss',
        expectancy_r_low <= 0, 'no_edge',
        'unproven'
    )) as finding,
    first_ts,
    until,
    bars,
    signals,
    trades,
    total_return,
    buy_and_hold_return,
    sharpe,
    probabilistic_sharpe,
    max_drawdown,
    win_rate,
    profit_factor,
    expectancy_r,
    expectancy_r_low,
    expectancy_r_high,
    time_in_market,
    fees,
    true as costs_included,
    run_id
from measured

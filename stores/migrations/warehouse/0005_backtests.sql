-- Backtests of every strategy on every series: the newest run of each stands.

CREATE TABLE IF NOT EXISTS market.backtest_runs
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the last bar that was traded',
    strategy LowCardinality(String),
    run_id String COMMENT 'Hash of strategy, version, configuration and all that was traded on',
    version LowCardinality(String) COMMENT 'Versions of the engines the signals and the backtest are computed by',
    first_ts DateTime64(3, 'UTC') COMMENT 'Open time of the first bar',
    bars UInt32 COMMENT 'Bars that were traded on',
    finer_timeframe LowCardinality(String) COMMENT 'Timeframe of the bars that told what came first within a bar; empty if none did',
    signals UInt32 COMMENT 'Signals of the strategy',
    config String COMMENT 'Account, sizing, orders, exits and costs, JSON',
    metrics String COMMENT 'All metrics that are defined, by name, JSON',
    trades UInt32 COMMENT 'Positions that were closed',
    total_return Float64 COMMENT 'Result after costs over the cash at the beginning',
    buy_and_hold_return Float64 COMMENT 'Of the same bars, bought at the first open and held, after fees',
    sharpe Nullable(Float64) COMMENT 'Of daily returns, a year of 365 days',
    probabilistic_sharpe Nullable(Float64) COMMENT 'Probability that the true Sharpe ratio is above 0',
    max_drawdown Float64 COMMENT 'Largest part of the highest equity so far that was lost',
    expectancy_r Nullable(Float64) COMMENT 'Mean result of a trade after costs, in what it risked',
    stddev_r Nullable(Float64) COMMENT 'Standard deviation of that, n - 1',
    made_at DateTime64(6, 'UTC') COMMENT 'When it was made'
)
ENGINE = ReplacingMergeTree(made_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, strategy);

CREATE TABLE IF NOT EXISTS market.backtest_trades
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar of the last exit',
    strategy LowCardinality(String),
    run_id String,
    signal_id String,
    direction Int8,
    signal_ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the signal was decided',
    entry_ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar of the first entry',
    entry_price Float64 COMMENT 'Average',
    exit_price Float64 COMMENT 'Average',
    stop Nullable(Float64) COMMENT 'Stop as the signal had it',
    quantity Float64 COMMENT 'Base asset',
    entry_notional Float64 COMMENT 'Quote currency',
    fees Float64,
    slippage_cost Float64 COMMENT 'Already in the prices',
    funding Float64 COMMENT 'Paid; negative if received',
    pnl_gross Float64 COMMENT 'Result of the prices',
    pnl Float64 COMMENT 'Result after fees and funding',
    equity_at_entry Float64,
    return_on_equity Float64,
    r_multiple Nullable(Float64) COMMENT 'Result after costs in what the entry risked',
    mae Float64 COMMENT 'Worst price while open, from the entry, quote currency a unit',
    mfe Float64 COMMENT 'Best price while open, from the entry, quote currency a unit',
    bars_held Int64,
    exit_reason LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, strategy, signal_id);

CREATE TABLE IF NOT EXISTS market.backtest_equity
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the last bar of a UTC day',
    strategy LowCardinality(String),
    run_id String,
    cash Float64 COMMENT 'Paid in and realised, less fees and funding',
    position_value Float64 COMMENT 'Unrealised result',
    equity Float64,
    exposure Nullable(Float64) COMMENT 'Value of the position over equity',
    drawdown Float64 COMMENT 'Part of the highest equity so far that is lost'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, strategy);

CREATE TABLE IF NOT EXISTS market.backtest_sweeps
(
    key String COMMENT 'Hash of strategy, version, bars, configuration and parameters',
    parameters String COMMENT 'The parameter set, JSON',
    metrics String COMMENT 'All metrics that are defined, by name, JSON',
    kept_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(kept_at)
ORDER BY key;

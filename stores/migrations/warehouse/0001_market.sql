-- Logs of the platform. Rows are written once and never edited; ReplacingMergeTree is the net under a repeated write.
-- One partition a market and year: a recomputation replaces exactly its own partitions, in one atomic step.
CREATE DATABASE IF NOT EXISTS market;

CREATE TABLE IF NOT EXISTS market.candles
(
    exchange LowCardinality(String) COMMENT 'Exchange the bar was traded on; sim marks a simulated market',
    symbol LowCardinality(String) COMMENT 'Symbol as the exchange writes it, without separator',
    timeframe LowCardinality(String) COMMENT 'Length of the bar',
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar, UTC',
    open Float64 COMMENT 'Price of the first trade, quote currency',
    high Float64 COMMENT 'Highest price',
    low Float64 COMMENT 'Lowest price',
    close Float64 COMMENT 'Price of the last trade',
    volume Float64 COMMENT 'Traded volume in the base asset',
    base_timeframe LowCardinality(String) COMMENT 'Timeframe of the ingested bars this one is made of',
    base_bars UInt32 COMMENT 'Number of ingested bars this one holds; 1 for an ingested bar',
    source LowCardinality(String) COMMENT 'Where it came from: files, exchange or sim',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When this version of the bar was stored'
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts);

CREATE TABLE IF NOT EXISTS market.candle_gaps
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String) COMMENT 'Timeframe of the ingested bars',
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the first missing bar',
    gap_end DateTime64(3, 'UTC') COMMENT 'Open time of the last missing bar',
    missing_bars UInt32 COMMENT 'Bars missing; 0 once the gap has been filled by later data',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When this version of the row was stored'
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts);

CREATE TABLE IF NOT EXISTS market.candle_restatements
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the restated bar',
    old_open Float64, old_high Float64, old_low Float64, old_close Float64, old_volume Float64,
    new_open Float64, new_high Float64, new_low Float64, new_close Float64, new_volume Float64,
    source LowCardinality(String) COMMENT 'Source that brought the new version',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the new version was stored'
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, new_open, new_high, new_low, new_close, new_volume);

CREATE TABLE IF NOT EXISTS market.ingestion_reports
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String) COMMENT 'Timeframe of the ingested bars',
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the first bar of the batch; 1970-01-01 if the batch was refused',
    ts_last DateTime64(3, 'UTC') COMMENT 'Open time of the last bar of the batch',
    source LowCardinality(String) COMMENT 'files, exchange or sim',
    origin String COMMENT 'Name of the file, or the endpoint the bars came from',
    content_hash String COMMENT 'SHA-256 of the bars in normal form, or of the file that was refused',
    status LowCardinality(String) COMMENT 'accepted or refused',
    reason String COMMENT 'Row and rule of a refusal; empty if accepted',
    bars UInt64 COMMENT 'Bars in normal form',
    snapped_bars UInt64 COMMENT 'Bars whose off-grid time was snapped to the grid',
    refused_bars UInt64 COMMENT 'Bars refused because their time could not be snapped without ambiguity',
    duplicate_bars UInt64 COMMENT 'Exact repetitions of a bar, dropped',
    missing_bars UInt64 COMMENT 'Grid times between first and last bar that hold no bar',
    ingested_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, origin, content_hash);

CREATE TABLE IF NOT EXISTS market.indicators
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the row is known',
    ema_9 Nullable(Float64), ema_21 Nullable(Float64), ema_50 Nullable(Float64), ema_200 Nullable(Float64),
    sma_20 Nullable(Float64), sma_50 Nullable(Float64), sma_200 Nullable(Float64),
    rsi_14 Nullable(Float64),
    atr_14 Nullable(Float64), atr_200 Nullable(Float64),
    macd Nullable(Float64), macd_signal Nullable(Float64), macd_hist Nullable(Float64),
    bb_upper_20 Nullable(Float64), bb_middle_20 Nullable(Float64), bb_lower_20 Nullable(Float64),
    bb_width_20 Nullable(Float64), bb_percent_20 Nullable(Float64),
    obv Nullable(Float64), vwap Nullable(Float64),
    range_top Nullable(Float64), range_bottom Nullable(Float64), range_position Nullable(Float64)
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts);

CREATE TABLE IF NOT EXISTS market.structure_events
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the event is known',
    scale LowCardinality(String) COMMENT 'Pivot scale: micro (3 bars), internal (5) or swing (50)',
    kind LowCardinality(String) COMMENT 'swing_high, swing_low, bos, choch, eqh or eql',
    direction Int8 COMMENT '+1 up-break, swing low, eql; -1 down-break, swing high, eqh',
    level Float64 COMMENT 'Price of the pivot or of the equal level',
    origin_ts DateTime64(3, 'UTC') COMMENT 'Open time of the pivot bar',
    label LowCardinality(Nullable(String)) COMMENT 'HH, LH, HL or LL; null for the first pivot of a side and for other kinds',
    bias Nullable(Int8) COMMENT 'Bias of the scale after the event; null for micro'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, scale, kind, direction);

CREATE TABLE IF NOT EXISTS market.zone_events
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the event is known',
    zone_id String COMMENT 'UUIDv5 of market, timeframe, kind, side, scale, origin and creation time',
    kind LowCardinality(String) COMMENT 'order_block, breaker, fvg or liquidity',
    event LowCardinality(String) COMMENT 'created, touched, mitigated, invalidated, filled, swept, broken or expired',
    side Int8 COMMENT '+1 demand, -1 supply',
    scale LowCardinality(Nullable(String)) COMMENT 'Pivot scale of the break; null for gaps',
    top Float64,
    bottom Float64,
    origin_ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar the zone is drawn from',
    volume Nullable(Float64) COMMENT 'Volume of the origin bar, base asset',
    sequence UInt32 COMMENT 'Order of the event within its bar'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, zone_id, event);

CREATE TABLE IF NOT EXISTS market.signals
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the signal was decided',
    signal_id String COMMENT 'UUIDv5 of market, timeframe, strategy, time and direction',
    strategy LowCardinality(String),
    direction Int8 COMMENT '+1 long, -1 short',
    entry Float64 COMMENT 'Close of the deciding bar',
    stop Float64,
    target_1 Float64,
    target_2 Nullable(Float64),
    risk_reward Float64 COMMENT 'Distance to the last target over distance to the stop',
    score Float64 COMMENT 'Raw score of the strategy, 0 to 1',
    reasons Array(String) COMMENT 'What spoke for it, in words',
    zone_id Nullable(String) COMMENT 'Zone behind the signal, if any'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, signal_id);

CREATE TABLE IF NOT EXISTS market.signal_outcomes
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the outcome is known',
    signal_id String,
    strategy LowCardinality(String),
    direction Int8,
    outcome LowCardinality(String) COMMENT 'target_1, target_2, stopped or expired; the stop comes first when a bar holds both',
    price Float64 COMMENT 'Price of the outcome',
    r_multiple Float64 COMMENT 'Profit at that price in units of the initial risk, before costs',
    bars_held UInt32 COMMENT 'Bars since the deciding bar',
    signal_ts DateTime64(3, 'UTC') COMMENT 'Open time of the deciding bar'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, signal_id, outcome);

CREATE TABLE IF NOT EXISTS market.risk_decisions
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the signal was decided',
    signal_id String,
    strategy LowCardinality(String),
    direction Int8,
    decision LowCardinality(String) COMMENT 'accepted, resized or rejected',
    rule LowCardinality(Nullable(String)) COMMENT 'Rule that resized or rejected; null if accepted',
    rule_value Nullable(Float64) COMMENT 'The number that broke the rule',
    rule_limit Nullable(Float64) COMMENT 'The limit it was held against',
    size Float64 COMMENT 'Position size, base asset; 0 if rejected',
    notional Float64 COMMENT 'Position value at entry, quote currency',
    risk_amount Float64 COMMENT 'Loss at the stop, quote currency',
    risk_fraction Float64 COMMENT 'Loss at the stop as a fraction of equity',
    equity Float64 COMMENT 'Equity of the paper account at the decision, quote currency',
    open_positions UInt32 COMMENT 'Positions open at the decision, before it'
)
ENGINE = ReplacingMergeTree
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, signal_id);

CREATE TABLE IF NOT EXISTS market.engine_states
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'First instant of the month the state was reached in',
    engine LowCardinality(String) COMMENT 'chain, outcomes or risk',
    last_ts DateTime64(3, 'UTC') COMMENT 'Open time of the last bar the state has seen',
    bars UInt64 COMMENT 'Bars the state has seen since its first',
    version LowCardinality(String) COMMENT 'Versions of the engine and of those its rows are computed from',
    state String COMMENT 'Snapshot, binary',
    updated_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, engine);

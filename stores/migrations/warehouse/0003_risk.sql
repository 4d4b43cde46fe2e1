-- What decisions say beyond the first version, and the account over all markets.

ALTER TABLE market.risk_decisions
    ADD COLUMN IF NOT EXISTS reasons Array(String) COMMENT 'Each broken rule in words with its number and limit, the deciding one first',
    ADD COLUMN IF NOT EXISTS sizing LowCardinality(String) COMMENT 'fixed_fraction, volatility_target or kelly',
    ADD COLUMN IF NOT EXISTS wanted_notional Float64 COMMENT 'Value that the sizing asked for before limits, quote currency',
    ADD COLUMN IF NOT EXISTS margin Float64 COMMENT 'Margin the position ties up, quote currency',
    ADD COLUMN IF NOT EXISTS liquidation_price Nullable(Float64) COMMENT 'Price at which the exchange would close it; null if none does',
    ADD COLUMN IF NOT EXISTS gross_exposure Float64 COMMENT 'Value of what was open before the decision, long and short added up, over equity',
    ADD COLUMN IF NOT EXISTS net_exposure Float64 COMMENT 'Value of what was open before the decision, long less short, over equity',
    ADD COLUMN IF NOT EXISTS open_risk Float64 COMMENT 'Loss at all stops of what was open before the decision, over equity',
    ADD COLUMN IF NOT EXISTS cluster LowCardinality(String) COMMENT 'Cluster of correlated markets, named after its first; unmeasured until there are enough returns',
    ADD COLUMN IF NOT EXISTS cluster_exposure Float64 COMMENT 'Value open in that cluster before the decision, over equity',
    ADD COLUMN IF NOT EXISTS account LowCardinality(String) COMMENT 'Account that decided: paper for recorded markets, sim for simulated ones',
    ADD COLUMN IF NOT EXISTS version LowCardinality(String) COMMENT 'Versions of the engine and of those its rows are computed from',
    ADD COLUMN IF NOT EXISTS decided_at DateTime64(3, 'UTC') COMMENT 'When this decision was made; since then it stands';

CREATE TABLE IF NOT EXISTS market.risk_reconsidered
(
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    timeframe LowCardinality(String),
    ts DateTime64(3, 'UTC') COMMENT 'Open time of the bar at whose close the signal was decided',
    signal_id String,
    account LowCardinality(String),
    decision LowCardinality(String) COMMENT 'What would be decided with all that has come in since; the decision in risk_decisions stands',
    rule LowCardinality(Nullable(String)),
    rule_value Nullable(Float64),
    rule_limit Nullable(Float64),
    reasons Array(String),
    size Float64 COMMENT 'Base asset',
    equity Float64 COMMENT 'Equity of the account at the decision with all that has come in since, quote currency',
    considered_at DateTime64(3, 'UTC') COMMENT 'When that was found'
)
ENGINE = ReplacingMergeTree(considered_at)
PARTITION BY (exchange, symbol, toYear(ts))
ORDER BY (exchange, symbol, timeframe, ts, signal_id);

CREATE TABLE IF NOT EXISTS market.account_states
(
    account LowCardinality(String),
    day DateTime64(3, 'UTC') COMMENT 'First instant of the day the state was reached in',
    until DateTime64(3, 'UTC') COMMENT 'Instant up to which everything known has been folded',
    version LowCardinality(String) COMMENT 'Versions of the engine and of those its rows are computed from',
    inputs String COMMENT 'Fingerprint of the stored signals, outcomes, decisions and closes it has seen',
    state String COMMENT 'Snapshot, binary',
    updated_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
PARTITION BY (account, toYear(day))
ORDER BY (account, day);

-- The numbers a decision was made on: it stands while its signal has them.

ALTER TABLE market.risk_decisions
    ADD COLUMN IF NOT EXISTS entry Float64 COMMENT 'Entry price of the signal as it was decided on',
    ADD COLUMN IF NOT EXISTS stop Float64 COMMENT 'Stop price of the signal as it was decided on';

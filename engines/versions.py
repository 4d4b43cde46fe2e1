"""Versions of what each engine's rows mean. Raise one whenever the same bars would give other rows.

Kept apart from the engines so that an orchestrator can read them without loading a compiler.
"""

INDICATORS = 2
STRUCTURE = 2
ZONES = 2
SIGNALS = 2
OUTCOMES = 1
RISK = 2
RESAMPLE = 1
NORMAL_FORM = 1

CANDLE_ROWS = f"normal-form-{NORMAL_FORM}.resample-{RESAMPLE}"
CHAIN_ROWS = f"indicators-{INDICATORS}.structure-{STRUCTURE}.zones-{ZONES}.signals-{SIGNALS}"
OUTCOME_ROWS = f"{CHAIN_ROWS}.outcomes-{OUTCOMES}"
RISK_ROWS = f"{OUTCOME_ROWS}.risk-{RISK}"
BACKTEST = 1
BACKTEST_ROWS = f"{CHAIN_ROWS}.backtest-{BACKTEST}"

"""Risk: sizes each signal on a paper account, or rejects it with the rules it breaks."""

from engines.risk.account import (
    ACCOUNT_OUTCOME_SCHEMA,
    ACCOUNT_SIGNAL_SCHEMA,
    CLOSE_SCHEMA,
    AccountEngine,
    BadCloses,
)
from engines.risk.correlation import clusters, correlations
from engines.risk.decision import Decision, Verdict, decide
from engines.risk.engine import RiskEngine
from engines.risk.limits import Breach, Proposal, Rule
from engines.risk.liquidation import liquidation_price
from engines.risk.policy import RiskPolicy, Sizing
from engines.risk.portfolio import Portfolio, Position
from engines.risk.rows import ACCOUNT_DECISION_SCHEMA, DECISION_SCHEMA, RULES, VERDICTS, DecisionRows
from engines.risk.sizing import Knowledge, kelly_risk
from engines.risk.track_record import StrategyRecord
from engines.risk.value_at_risk import TailRisk, ewma_tail, ewma_volatility, historical_tail

__all__ = [
    "ACCOUNT_DECISION_SCHEMA",
    "ACCOUNT_OUTCOME_SCHEMA",
    "ACCOUNT_SIGNAL_SCHEMA",
    "CLOSE_SCHEMA",
    "DECISION_SCHEMA",
    "RULES",
    "VERDICTS",
    "AccountEngine",
    "BadCloses",
    "Breach",
    "Decision",
    "DecisionRows",
    "Knowledge",
    "Portfolio",
    "Position",
    "Proposal",
    "RiskEngine",
    "RiskPolicy",
    "Rule",
    "Sizing",
    "StrategyRecord",
    "TailRisk",
    "Verdict",
    "clusters",
    "correlations",
    "decide",
    "ewma_tail",
    "ewma_volatility",
    "historical_tail",
    "kelly_risk",
    "liquidation_price",
]

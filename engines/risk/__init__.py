"""Risk: sizes each signal on a paper account, or rejects it with the rule it breaks."""

from engines.risk.decision import Decision, Proposal, Rule, Verdict, decide
from engines.risk.engine import DECISION_SCHEMA, RULES, VERDICTS, DecisionRows, RiskEngine
from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import Portfolio, Position

__all__ = [
    "DECISION_SCHEMA",
    "RULES",
    "VERDICTS",
    "Decision",
    "DecisionRows",
    "Portfolio",
    "Position",
    "Proposal",
    "RiskEngine",
    "RiskPolicy",
    "Rule",
    "Verdict",
    "decide",
]

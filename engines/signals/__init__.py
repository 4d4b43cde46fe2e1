"""Signals: strategies that emit them, and what became of each."""

from engines.signals.engine import BUILT_IN, SignalEngine, SignalRows
from engines.signals.outcomes import OutcomeEngine
from engines.signals.rows import (
    OUTCOME_SCHEMA,
    OUTCOMES,
    SIGNAL_SCHEMA,
    BadSignals,
    Outcome,
    OutcomeRows,
    SignalArrays,
)
from engines.signals.runner import StrategyFailure
from engines.signals.strategy import Strategy, register, registered

__all__ = [
    "BUILT_IN",
    "OUTCOMES",
    "OUTCOME_SCHEMA",
    "SIGNAL_SCHEMA",
    "BadSignals",
    "Outcome",
    "OutcomeEngine",
    "OutcomeRows",
    "SignalArrays",
    "SignalEngine",
    "SignalRows",
    "Strategy",
    "StrategyFailure",
    "register",
    "registered",
]

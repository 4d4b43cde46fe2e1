"""Signals: strategies that emit them, and what became of each."""

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

__all__ = [
    "OUTCOMES",
    "OUTCOME_SCHEMA",
    "SIGNAL_SCHEMA",
    "BadSignals",
    "Outcome",
    "OutcomeEngine",
    "OutcomeRows",
    "SignalArrays",
]

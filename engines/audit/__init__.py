"""Replay audit: whether a reading, once shown, is ever rewritten or withdrawn, or is shown late."""

from engines.audit.compare import Readings
from engines.audit.findings import AuditReport, BadReading, Change, Finding, Replay, TableAudit
from engines.audit.plan import AuditPlan, other_future
from engines.audit.prefixes import rewritten_readings
from engines.audit.readers import (
    EngineReader,
    FunctionReader,
    Reader,
    chain_reader,
    register_reader,
    registered_readers,
    single_engine_reader,
)
from engines.audit.replay import audit, audit_stored

__all__ = [
    "AuditPlan",
    "AuditReport",
    "BadReading",
    "Change",
    "EngineReader",
    "Finding",
    "FunctionReader",
    "Reader",
    "Readings",
    "Replay",
    "TableAudit",
    "audit",
    "audit_stored",
    "chain_reader",
    "other_future",
    "register_reader",
    "registered_readers",
    "rewritten_readings",
    "single_engine_reader",
]

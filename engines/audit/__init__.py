"""Replay audit: whether a reading, once shown, is ever rewritten or withdrawn, or is shown late."""

from engines.audit.findings import AuditReport, BadReading, Change, Finding, Replay, TableAudit
from engines.audit.prefixes import rewritten_readings

__all__ = ["AuditReport", "BadReading", "Change", "Finding", "Replay", "TableAudit", "rewritten_readings"]

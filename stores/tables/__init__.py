"""Tables of the serving database. Importing this package registers all of them for the migrations."""

from __future__ import annotations

from stores.tables.delivery import DeliveryDestination, FanOutCursor, Webhook, WebhookAttempt, WebhookDelivery
from stores.tables.operations import AuditRecord, IdempotencyKey, OutboxMessage
from stores.tables.people import User, UserSession, UserStatus
from stores.tables.signals import PublishedSignal, SignalOutcome

SCHEMA = "serving"
"""Postgres schema of every table the API serves from."""

__all__ = [
    "SCHEMA",
    "AuditRecord",
    "DeliveryDestination",
    "FanOutCursor",
    "IdempotencyKey",
    "OutboxMessage",
    "PublishedSignal",
    "SignalOutcome",
    "User",
    "UserSession",
    "UserStatus",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]

"""Tables of the serving database. Importing this package registers all of them for the migrations."""

from __future__ import annotations

from stores.tables.alerts import (
    AlertCursor,
    AlertFiring,
    AlertNotice,
    AlertRule,
    AlertSubject,
    FiringState,
    NoticeState,
    PushSubscription,
    TelegramCode,
    TelegramLink,
)
from stores.tables.delivery import DeliveryDestination, FanOutCursor, Webhook, WebhookAttempt, WebhookDelivery
from stores.tables.operations import AuditRecord, IdempotencyKey, OutboxMessage
from stores.tables.people import User, UserSession, UserStatus
from stores.tables.signals import PublishedSignal, SignalOutcome

SCHEMA = "serving"
"""Postgres schema of every table the API serves from."""

__all__ = [
    "SCHEMA",
    "AlertCursor",
    "AlertFiring",
    "AlertNotice",
    "AlertRule",
    "AlertSubject",
    "AuditRecord",
    "DeliveryDestination",
    "FanOutCursor",
    "FiringState",
    "IdempotencyKey",
    "NoticeState",
    "OutboxMessage",
    "PublishedSignal",
    "PushSubscription",
    "SignalOutcome",
    "TelegramCode",
    "TelegramLink",
    "User",
    "UserSession",
    "UserStatus",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]

"""Tables of the serving database. Importing this package registers all of them for the migrations."""

from __future__ import annotations

from stores.tables.accounts import GuessCount, OneTimeToken, RecoveryCode, RefreshToken, SecondFactor
from stores.tables.administration import FeatureFlag, SignalTakedown
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
from stores.tables.api_keys import ApiKey
from stores.tables.backtests import (
    UNFINISHED,
    Backtest,
    BacktestCatalogue,
    BacktestDocument,
    BacktestKind,
    BacktestStatus,
)
from stores.tables.delivery import DeliveryDestination, FanOutCursor, Webhook, WebhookAttempt, WebhookDelivery
from stores.tables.operations import AuditRecord, IdempotencyKey, OutboxMessage
from stores.tables.people import User, UserSession, UserStatus
from stores.tables.profiles import AccountDeletion, Watchlist
from stores.tables.signal_events import SignalEvent, StreamTicket
from stores.tables.signals import PublishedSignal, SignalOutcome
from stores.tables.subscriptions import (
    BillingAccount,
    BillingEvent,
    Grant,
    Invoice,
    InvoiceNumber,
    InvoiceStatus,
    Plan,
    Subscription,
    SubscriptionStatus,
    TrialUse,
)

SCHEMA = "serving"
"""Postgres schema of every table the API serves from."""

__all__ = [
    "SCHEMA",
    "UNFINISHED",
    "AccountDeletion",
    "AlertCursor",
    "AlertFiring",
    "AlertNotice",
    "AlertRule",
    "AlertSubject",
    "ApiKey",
    "AuditRecord",
    "Backtest",
    "BacktestCatalogue",
    "BacktestDocument",
    "BacktestKind",
    "BacktestStatus",
    "BillingAccount",
    "BillingEvent",
    "DeliveryDestination",
    "FanOutCursor",
    "FeatureFlag",
    "FiringState",
    "Grant",
    "GuessCount",
    "IdempotencyKey",
    "Invoice",
    "InvoiceNumber",
    "InvoiceStatus",
    "NoticeState",
    "OneTimeToken",
    "OutboxMessage",
    "Plan",
    "PublishedSignal",
    "PushSubscription",
    "RecoveryCode",
    "RefreshToken",
    "SecondFactor",
    "SignalEvent",
    "SignalOutcome",
    "SignalTakedown",
    "StreamTicket",
    "Subscription",
    "SubscriptionStatus",
    "TelegramCode",
    "TelegramLink",
    "TrialUse",
    "User",
    "UserSession",
    "UserStatus",
    "Watchlist",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]

"""Who may call what: every operation, said a second time and independently of the code.

An operation that is not here fails the test. ``EXPECTED`` says what each kind of caller gets: let through (whatever comes
after that), 401 or 403.
"""

from __future__ import annotations

from enum import StrEnum

from api.security.principal import Scope


class Caller(StrEnum):
    """Kinds of callers."""

    ANONYMOUS = "anonymous"
    USER = "user"
    ADMIN = "admin"
    IMPERSONATED = "impersonated"
    REVOKED = "revoked"
    GARBAGE = "garbage"
    KEY_WITH_SCOPE = "key with the scope"
    KEY_WITHOUT_SCOPE = "key without the scope"
    ADMIN_KEY = "key of an administrator with every scope"


class Rule(StrEnum):
    """Kinds of rules."""

    UNCHECKED = "unchecked"
    PUBLIC = "public"
    SIGNED_IN = "signed in"
    INTERACTIVE = "interactive"
    ADMINISTRATOR = "administrator"


THROUGH = 0
"""Let through the check of access; what it answers then depends on what was asked."""

EXPECTED: dict[Rule, dict[Caller, int]] = {
    Rule.UNCHECKED: dict.fromkeys(Caller, THROUGH),
    Rule.PUBLIC: {
        Caller.ANONYMOUS: THROUGH,
        Caller.USER: THROUGH,
        Caller.ADMIN: THROUGH,
        Caller.IMPERSONATED: THROUGH,
        Caller.REVOKED: 401,
        Caller.GARBAGE: 401,
        Caller.KEY_WITH_SCOPE: THROUGH,
        Caller.KEY_WITHOUT_SCOPE: 403,
        Caller.ADMIN_KEY: THROUGH,
    },
    Rule.SIGNED_IN: {
        Caller.ANONYMOUS: 401,
        Caller.USER: THROUGH,
        Caller.ADMIN: THROUGH,
        Caller.IMPERSONATED: 403,
        Caller.REVOKED: 401,
        Caller.GARBAGE: 401,
        Caller.KEY_WITH_SCOPE: THROUGH,
        Caller.KEY_WITHOUT_SCOPE: 403,
        Caller.ADMIN_KEY: THROUGH,
    },
    Rule.INTERACTIVE: {
        Caller.ANONYMOUS: 401,
        Caller.USER: THROUGH,
        Caller.ADMIN: THROUGH,
        Caller.IMPERSONATED: 403,
        Caller.REVOKED: 401,
        Caller.GARBAGE: 401,
        Caller.KEY_WITH_SCOPE: 403,
        Caller.KEY_WITHOUT_SCOPE: 403,
        Caller.ADMIN_KEY: 403,
    },
    Rule.ADMINISTRATOR: {
        Caller.ANONYMOUS: 401,
        Caller.USER: 403,
        Caller.ADMIN: THROUGH,
        Caller.IMPERSONATED: 403,
        Caller.REVOKED: 401,
        Caller.GARBAGE: 401,
        Caller.KEY_WITH_SCOPE: 403,
        Caller.KEY_WITHOUT_SCOPE: 403,
        Caller.ADMIN_KEY: 403,
    },
}
"""What each kind of caller gets. ``IMPERSONATED`` is for writes; reads of somebody signed in are let through."""

OPERATIONS = {
    "getHealth": (Rule.UNCHECKED, None),
    "getReadiness": (Rule.UNCHECKED, None),
    "getMetrics": (Rule.UNCHECKED, None),
    "getProblemType": (Rule.UNCHECKED, None),
}

MARKET_DATA = {
    "listMarkets": (Rule.PUBLIC, Scope.MARKET_READ),
    "listCandles": (Rule.PUBLIC, Scope.MARKET_READ),
    "listIndicators": (Rule.PUBLIC, Scope.MARKET_READ),
    "listStructure": (Rule.PUBLIC, Scope.MARKET_READ),
    "listZones": (Rule.PUBLIC, Scope.MARKET_READ),
    "listLatest": (Rule.PUBLIC, Scope.MARKET_READ),
    "streamCandles": (Rule.PUBLIC, Scope.MARKET_READ),
}

SIGNALS = {
    "listSignals": (Rule.PUBLIC, Scope.SIGNALS_READ),
    "getSignal": (Rule.PUBLIC, Scope.SIGNALS_READ),
    "listPerformance": (Rule.PUBLIC, Scope.SIGNALS_READ),
    "getPerformanceCurve": (Rule.PUBLIC, Scope.SIGNALS_READ),
    "streamSignals": (Rule.PUBLIC, Scope.SIGNALS_STREAM),
    "createStreamTicket": (Rule.INTERACTIVE, None),
    "exportSignals": (Rule.PUBLIC, Scope.SIGNALS_READ),
}

AUTH: dict[str, tuple[Rule, Scope | None]] = {
    "register": (Rule.UNCHECKED, None),
    "verifyEmail": (Rule.UNCHECKED, None),
    "resendVerification": (Rule.UNCHECKED, None),
    "signIn": (Rule.UNCHECKED, None),
    "showSecondFactor": (Rule.UNCHECKED, None),
    "refreshSession": (Rule.UNCHECKED, None),
    "signOut": (Rule.UNCHECKED, None),
    "signOutEverywhere": (Rule.INTERACTIVE, None),
    "requestPasswordReset": (Rule.UNCHECKED, None),
    "resetPassword": (Rule.UNCHECKED, None),
    "changePassword": (Rule.INTERACTIVE, None),
    "getCsrfToken": (Rule.INTERACTIVE, None),
    "getSecondFactor": (Rule.INTERACTIVE, None),
    "beginSecondFactor": (Rule.INTERACTIVE, None),
    "confirmSecondFactor": (Rule.INTERACTIVE, None),
    "disableSecondFactor": (Rule.INTERACTIVE, None),
    "renewRecoveryCodes": (Rule.INTERACTIVE, None),
}

USERS: dict[str, tuple[Rule, Scope | None]] = {
    "getProfile": (Rule.SIGNED_IN, Scope.ACCOUNT_READ),
    "updateProfile": (Rule.SIGNED_IN, Scope.ACCOUNT_WRITE),
    "listSessions": (Rule.INTERACTIVE, None),
    "endSession": (Rule.INTERACTIVE, None),
    "requestEmailChange": (Rule.INTERACTIVE, None),
    "confirmEmailChange": (Rule.UNCHECKED, None),
    "exportPersonalData": (Rule.INTERACTIVE, None),
    "requestDeletion": (Rule.INTERACTIVE, None),
    "cancelDeletion": (Rule.INTERACTIVE, None),
    "listWatchlists": (Rule.SIGNED_IN, Scope.ACCOUNT_READ),
    "createWatchlist": (Rule.SIGNED_IN, Scope.ACCOUNT_WRITE),
    "getWatchlist": (Rule.SIGNED_IN, Scope.ACCOUNT_READ),
    "updateWatchlist": (Rule.SIGNED_IN, Scope.ACCOUNT_WRITE),
    "deleteWatchlist": (Rule.SIGNED_IN, Scope.ACCOUNT_WRITE),
}

API_KEYS: dict[str, tuple[Rule, Scope | None]] = {
    "listApiKeys": (Rule.INTERACTIVE, None),
    "createApiKey": (Rule.INTERACTIVE, None),
    "getApiKey": (Rule.INTERACTIVE, None),
    "updateApiKey": (Rule.INTERACTIVE, None),
    "deleteApiKey": (Rule.INTERACTIVE, None),
    "rotateApiKey": (Rule.INTERACTIVE, None),
}

BILLING = {
    "listPlans": (Rule.PUBLIC, None),
    "getEntitlements": (Rule.PUBLIC, None),
    "listSubscriptions": (Rule.SIGNED_IN, Scope.BILLING_READ),
    "createSubscription": (Rule.INTERACTIVE, None),
    "getSubscription": (Rule.SIGNED_IN, Scope.BILLING_READ),
    "cancelSubscription": (Rule.INTERACTIVE, None),
    "changeSubscription": (Rule.INTERACTIVE, None),
    "resumeSubscription": (Rule.INTERACTIVE, None),
    "getBillingDetails": (Rule.SIGNED_IN, Scope.BILLING_READ),
    "updateBillingDetails": (Rule.INTERACTIVE, None),
    "openBillingPortal": (Rule.INTERACTIVE, None),
    "receiveBillingEvent": (Rule.UNCHECKED, None),
    "listInvoices": (Rule.SIGNED_IN, Scope.BILLING_READ),
    "getInvoice": (Rule.SIGNED_IN, Scope.BILLING_READ),
    "getInvoicePdf": (Rule.SIGNED_IN, Scope.BILLING_READ),
}

WEBHOOKS = {
    "listWebhooks": (Rule.SIGNED_IN, Scope.WEBHOOKS_READ),
    "createWebhook": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
    "getWebhook": (Rule.SIGNED_IN, Scope.WEBHOOKS_READ),
    "updateWebhook": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
    "deleteWebhook": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
    "rotateWebhookSecret": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
    "testWebhook": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
    "listWebhookDeliveries": (Rule.SIGNED_IN, Scope.WEBHOOKS_READ),
    "getWebhookDelivery": (Rule.SIGNED_IN, Scope.WEBHOOKS_READ),
    "redeliverWebhookDelivery": (Rule.SIGNED_IN, Scope.WEBHOOKS_WRITE),
}

ALERTS: dict[str, tuple[Rule, Scope | None]] = {
    "listAlerts": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "createAlert": (Rule.SIGNED_IN, Scope.ALERTS_WRITE),
    "getAlert": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "updateAlert": (Rule.SIGNED_IN, Scope.ALERTS_WRITE),
    "deleteAlert": (Rule.SIGNED_IN, Scope.ALERTS_WRITE),
    "testAlert": (Rule.SIGNED_IN, Scope.ALERTS_WRITE),
    "listAlertHistory": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "unsubscribeAlert": (Rule.UNCHECKED, None),
    "getTelegram": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "linkTelegram": (Rule.INTERACTIVE, None),
    "unlinkTelegram": (Rule.INTERACTIVE, None),
    "getPushKey": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "listPushSubscriptions": (Rule.SIGNED_IN, Scope.ALERTS_READ),
    "createPushSubscription": (Rule.INTERACTIVE, None),
    "deletePushSubscription": (Rule.INTERACTIVE, None),
}

BACKTESTS: dict[str, tuple[Rule, Scope | None]] = {
    "getBacktestChoices": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "listBacktests": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "createBacktest": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "getBacktest": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "cancelBacktest": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "deleteBacktest": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "getBacktestCurve": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "getBacktestSweep": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "getBacktestResult": (Rule.SIGNED_IN, Scope.BACKTESTS),
    "getBacktestReport": (Rule.SIGNED_IN, Scope.BACKTESTS),
}

ADMIN: dict[str, tuple[Rule, Scope | None]] = {
    "adminListUsers": (Rule.ADMINISTRATOR, None),
    "adminGetUser": (Rule.ADMINISTRATOR, None),
    "adminLockUser": (Rule.ADMINISTRATOR, None),
    "adminUnlockUser": (Rule.ADMINISTRATOR, None),
    "adminSignOutUser": (Rule.ADMINISTRATOR, None),
    "adminResetSecondFactor": (Rule.ADMINISTRATOR, None),
    "adminChangeRole": (Rule.ADMINISTRATOR, None),
    "adminImpersonate": (Rule.ADMINISTRATOR, None),
    "adminEndImpersonation": (Rule.ADMINISTRATOR, None),
    "adminGivePlan": (Rule.ADMINISTRATOR, None),
    "adminTakePlanBack": (Rule.ADMINISTRATOR, None),
    "adminTakeSignalDown": (Rule.ADMINISTRATOR, None),
    "adminListTakedowns": (Rule.ADMINISTRATOR, None),
    "adminChangePlan": (Rule.ADMINISTRATOR, None),
    "adminConfirmPayment": (Rule.ADMINISTRATOR, None),
    "adminRefund": (Rule.ADMINISTRATOR, None),
    "adminChargeBack": (Rule.ADMINISTRATOR, None),
    "adminSettleChargeBack": (Rule.ADMINISTRATOR, None),
    "adminListFlags": (Rule.ADMINISTRATOR, None),
    "adminSwitchFlag": (Rule.ADMINISTRATOR, None),
    "adminGetStatus": (Rule.ADMINISTRATOR, None),
    "adminGetDataQuality": (Rule.ADMINISTRATOR, None),
    "adminListAuditLog": (Rule.ADMINISTRATOR, None),
    "adminVerifyAuditLog": (Rule.ADMINISTRATOR, None),
}

TABLE: dict[str, tuple[Rule, Scope | None]] = {
    **OPERATIONS,
    **MARKET_DATA,
    **SIGNALS,
    **AUTH,
    **USERS,
    **API_KEYS,
    **BILLING,
    **WEBHOOKS,
    **ALERTS,
    **BACKTESTS,
    **ADMIN,
}

"""Every table that holds something about a person: what of it he gets, and what becomes of it when he leaves.

A table of the schema that refers to a person and is not declared here fails a test: nobody forgets one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class AtDeletion(StrEnum):
    """What becomes of a person's rows when the account is deleted."""

    GO = "go"
    STAY = "stay"
    """They outlive the account: the law or somebody else's interest needs them, and they name nobody any more."""


@dataclass(frozen=True)
class Holding:
    """A table and its rows of one person.

    Attributes
    ----------
    owner : str
        SQL condition with ``:user`` that finds them; ``t`` is the table.
    exported : tuple of str
        Columns the person gets; never a secret.
    left_out : str
        Why nothing of it is exported, if ``exported`` is empty.
    at_deletion : AtDeletion
    """

    owner: str = "t.user_id = :user"
    exported: tuple[str, ...] = ()
    left_out: str = ""
    at_deletion: AtDeletion = AtDeletion.GO


_UNREADABLE = "holds only digests and sealed secrets"
_OF_ALERT = "t.alert_id IN (SELECT alert_id FROM serving.alert_rules WHERE user_id = :user)"
_OF_WEBHOOK = "t.webhook_id IN (SELECT webhook_id FROM serving.webhooks WHERE user_id = :user)"
_OF_DELIVERY = f"t.delivery_id IN (SELECT d.delivery_id FROM serving.webhook_deliveries AS d WHERE {_OF_WEBHOOK.replace('t.', 'd.')})"

HOLDINGS: Mapping[str, Holding] = {
    "users": Holding(
        exported=(
            *("user_id", "email", "role", "status", "email_verified_at", "display_name", "time_zone", "locale"),
            *("preferences", "created_at"),
        ),
        # The row stays under its id, emptied, so that what must stay has something to refer to.
        at_deletion=AtDeletion.STAY,
    ),
    "sessions": Holding(
        exported=("session_id", "created_at", "last_seen_at", "expires_at", "revoked_at", "device", "address")
    ),
    "refresh_tokens": Holding(
        owner="t.session_id IN (SELECT session_id FROM serving.sessions WHERE user_id = :user)", left_out=_UNREADABLE
    ),
    "one_time_tokens": Holding(left_out=_UNREADABLE),
    "second_factors": Holding(left_out=_UNREADABLE),
    "recovery_codes": Holding(left_out=_UNREADABLE),
    "api_keys": Holding(
        exported=(
            *("key_id", "name", "prefix", "scopes", "allowed_networks", "created_at", "expires_at", "revoked_at"),
            *("last_used_at", "last_used_address"),
        )
    ),
    "watchlists": Holding(exported=("watchlist_id", "name", "markets", "created_at")),
    "account_deletions": Holding(exported=("requested_at", "due_at")),
    "stream_tickets": Holding(left_out="good for seconds"),
    "alert_rules": Holding(
        exported=(
            *(
                "alert_id",
                "name",
                "kind",
                "condition",
                "channels",
                "quiet_hours",
                "cooldown_s",
                "expires_at",
                "enabled",
            ),
            "created_at",
        )
    ),
    "alert_firings": Holding(owner=_OF_ALERT, exported=("alert_id", "at", "title", "body", "market", "timeframe")),
    "telegram_links": Holding(exported=("chat_id", "name", "linked_at")),
    "telegram_codes": Holding(left_out=_UNREADABLE),
    "push_subscriptions": Holding(exported=("subscription_id", "label", "created_at")),
    "webhooks": Holding(
        exported=(
            *(
                "webhook_id",
                "url",
                "description",
                "events",
                "markets",
                "timeframes",
                "strategies",
                "direction",
                "enabled",
            ),
            "created_at",
        )
    ),
    "webhook_deliveries": Holding(
        owner=_OF_WEBHOOK, exported=("delivery_id", "webhook_id", "event_type", "state", "attempts", "created_at")
    ),
    "webhook_attempts": Holding(owner=_OF_DELIVERY, exported=("delivery_id", "number", "at", "status", "error")),
    "backtests": Holding(exported=("backtest_id", "kind", "status", "request", "summary", "created_at", "ended_at")),
    "backtest_documents": Holding(
        owner="t.backtest_id IN (SELECT backtest_id FROM serving.backtests WHERE user_id = :user)",
        left_out="reports of backtests, which can be downloaded one by one and made again",
    ),
    "billing_accounts": Holding(exported=("name", "address", "country", "tax_id")),
    "subscriptions": Holding(
        exported=("subscription_id", "plan_id", "status", "period_start", "period_end", "trial_end", "created_at"),
        at_deletion=AtDeletion.STAY,
    ),
    "grants": Holding(exported=("plan_id", "until", "created_at"), at_deletion=AtDeletion.STAY),
    "trial_uses": Holding(exported=("used_at",), at_deletion=AtDeletion.STAY),
    "invoices": Holding(
        exported=(
            *("invoice_id", "series", "number", "kind", "status", "lines", "currency", "net_minor", "tax_minor"),
            *("total_minor", "buyer", "issued_at", "paid_at"),
        ),
        at_deletion=AtDeletion.STAY,
    ),
    "audit_log": Holding(
        owner="t.actor_id = :user",
        exported=("at", "action", "target", "details", "address"),
        at_deletion=AtDeletion.STAY,
    ),
    "idempotency_keys": Holding(
        owner="t.owner = :user_text", left_out="answers given before, sealed, gone after a day"
    ),
}

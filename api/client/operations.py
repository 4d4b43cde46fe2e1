"""The operations of the API, one method each. Made from the OpenAPI description by ``make client``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from api.client import models
from api.client.transport import Transport, part


class Operations:
    """Every operation by its id, in snake case.

    Parameters
    ----------
    transport : Transport
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def admin_change_plan(self, plan_id: str, body: models.PlanChanges | Mapping[str, Any]) -> Any:
        """Change a plan.

        Change what a plan costs and entitles to, for everybody who has it.

        Access: administrator.
        """
        return self._transport.call("PATCH", f"/v1/admin/plans/{part(plan_id)}", Any, body=body)

    def admin_change_role(self, user_id: str, body: models.RoleChange | Mapping[str, Any]) -> models.PersonSeen:
        """Make or unmake an administrator.

        Change what somebody else is; the last administrator stays one.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/role", models.PersonSeen, body=body)

    def admin_charge_back(self, subscription_id: str) -> Any:
        """Record a payment charged back.

        Record that a payment was charged back: the subscription ends at once.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/subscriptions/{part(subscription_id)}/chargeback", Any)

    def admin_confirm_payment(self, invoice_id: str, body: models.PaymentConfirmation | Mapping[str, Any]) -> Any:
        """Confirm a payment.

        Confirm that an invoice of the manual provider was paid; the subscription goes on by it.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/invoices/{part(invoice_id)}/payment", Any, body=body)

    def admin_end_impersonation(self, session_id: str) -> None:
        """Stop looking.

        End an impersonation before its time.

        Access: administrator.
        """
        self._transport.call("DELETE", f"/v1/admin/impersonation/{part(session_id)}", type(None))

    def admin_get_data_quality(self) -> models.DataQuality:
        """What is wrong with the data.

        Show missing bars, bars that were changed afterwards, what each source brought, and what was refused, with why.

        Access: administrator.
        """
        return self._transport.call("GET", "/v1/admin/data-quality", models.DataQuality)

    def admin_get_status(self) -> models.SystemStatus:
        """How the platform does.

        Show stores, how far series and streams are behind, queues, what the graph materialized when, and space.

        Access: administrator.
        """
        return self._transport.call("GET", "/v1/admin/status", models.SystemStatus)

    def admin_get_user(self, user_id: str) -> models.PersonDetail:
        """One person.

        Show a person with subscriptions and grants.

        Access: administrator.
        """
        return self._transport.call("GET", f"/v1/admin/users/{part(user_id)}", models.PersonDetail)

    def admin_give_plan(self, user_id: str, body: models.GrantSettings | Mapping[str, Any]) -> Any:
        """Give a plan.

        Give a person a plan until a date, without a subscription.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/grants", Any, body=body)

    def admin_impersonate(self, user_id: str, body: models.WithReason | Mapping[str, Any]) -> models.Impersonation:
        """Look through a person's eyes.

        Open a session of 15 minutes that sees what the person sees. Writes are refused, every request is recorded.

        Access: administrator.
        """
        return self._transport.call(
            "POST", f"/v1/admin/users/{part(user_id)}/impersonation", models.Impersonation, body=body
        )

    def admin_list_audit_log(
        self,
        *,
        actor: str | None = None,
        target: str | None = None,
        action: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageAuditRecordSeen:
        """Audit log.

        List who did what, the newest first. Nobody can change it; a changed record would break the chain.

        Access: administrator.
        """
        return self._transport.call(
            "GET",
            "/v1/admin/audit-log",
            models.PageAuditRecordSeen,
            query={
                "actor": actor,
                "target": target,
                "action": action,
                "since": since,
                "until": until,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def admin_list_flags(self) -> models.PageFlagSeen:
        """Features.

        List every feature that can be switched, and for whom it is on.

        Access: administrator.
        """
        return self._transport.call("GET", "/v1/admin/flags", models.PageFlagSeen)

    def admin_list_takedowns(self, *, limit: int | None = None) -> models.PageTakedownSeen:
        """Signals taken down.

        List the newest takedowns.

        Access: administrator.
        """
        return self._transport.call(
            "GET", "/v1/admin/signals/takedowns", models.PageTakedownSeen, query={"limit": limit}
        )

    def admin_list_users(
        self,
        *,
        query: str | None = None,
        role: Literal["user", "admin"] | None = None,
        status: Literal["active", "locked", "deleted"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PagePersonSeen:
        """People.

        List people, the newest first.

        Access: administrator.
        """
        return self._transport.call(
            "GET",
            "/v1/admin/users",
            models.PagePersonSeen,
            query={"query": query, "role": role, "status": status, "limit": limit, "cursor": cursor},
        )

    def admin_lock_user(self, user_id: str, body: models.WithReason | Mapping[str, Any]) -> models.PersonSeen:
        """Lock a person out.

        Keep a person out and end all sessions; API keys open nothing meanwhile.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/lock", models.PersonSeen, body=body)

    def admin_refund(self, invoice_id: str, body: models.RefundRequest | Mapping[str, Any]) -> Any:
        """Give money back.

        Give money back and make a credit note.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/invoices/{part(invoice_id)}/refund", Any, body=body)

    def admin_reset_second_factor(self, user_id: str, body: models.WithReason | Mapping[str, Any]) -> None:
        """Take a lost second factor away.

        Take a lost second factor away and end all sessions; the password is still needed.

        Access: administrator.
        """
        self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/second-factor-reset", type(None), body=body)

    def admin_settle_charge_back(self, subscription_id: str) -> Any:
        """Settle a payment charged back.

        Record that it was settled: the person may subscribe again.

        Access: administrator.
        """
        return self._transport.call("DELETE", f"/v1/admin/subscriptions/{part(subscription_id)}/chargeback", Any)

    def admin_sign_out_user(self, user_id: str, body: models.WithReason | Mapping[str, Any]) -> models.SignedOut:
        """End all sessions of a person.

        End all sessions of a person.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/logout", models.SignedOut, body=body)

    def admin_switch_flag(self, name: str, body: models.FlagSettings | Mapping[str, Any]) -> models.FlagSeen:
        """Switch a feature.

        Switch a feature for everybody, for a part of all people, or by plan. Counts within seconds.

        Access: administrator.
        """
        return self._transport.call("PUT", f"/v1/admin/flags/{part(name)}", models.FlagSeen, body=body)

    def admin_take_plan_back(self, grant_id: str) -> Any:
        """Take a plan back.

        End a grant at once.

        Access: administrator.
        """
        return self._transport.call("DELETE", f"/v1/admin/grants/{part(grant_id)}", Any)

    def admin_take_signal_down(
        self, signal_id: str, body: models.WithReason | Mapping[str, Any]
    ) -> models.TakedownSeen:
        """Take a signal down.

        Flag a signal as no longer stood by. It stays visible, with the reason, and counts in the track record.

        Access: administrator.
        """
        return self._transport.call(
            "POST", f"/v1/admin/signals/{part(signal_id)}/takedown", models.TakedownSeen, body=body
        )

    def admin_unlock_user(self, user_id: str, body: models.WithReason | Mapping[str, Any]) -> models.PersonSeen:
        """Let a person in again.

        Let a locked person in again, also one whose password was guessed at too often.

        Access: administrator.
        """
        return self._transport.call("POST", f"/v1/admin/users/{part(user_id)}/unlock", models.PersonSeen, body=body)

    def admin_verify_audit_log(self) -> models.Verification:
        """Check the audit log.

        Check the chain of all records.

        Access: administrator.
        """
        return self._transport.call("GET", "/v1/admin/audit-log/verify", models.Verification)

    def begin_second_factor(self, body: models.PasswordOnly | Mapping[str, Any]) -> models.SecondFactorBegun:
        """Set up an authenticator app.

        Make the secret of an authenticator app. Nothing changes until a code of it is confirmed.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/auth/second-factor", models.SecondFactorBegun, body=body)

    def cancel_backtest(self, backtest_id: str) -> models.BacktestShown:
        """Give a backtest up.

        Stop a backtest, or do not begin it. One that has ended stays as it is.

        Access: signed_in backtests.
        """
        return self._transport.call("POST", f"/v1/backtests/{part(backtest_id)}/cancel", models.BacktestShown)

    def cancel_deletion(self) -> None:
        """Keep your account.

        Take back a deletion that was asked for.

        Access: interactive.
        """
        self._transport.call("DELETE", "/v1/users/me/deletion", type(None))

    def cancel_subscription(self, subscription_id: str) -> models.SubscriptionShown:
        """Cancel.

        Cancel at the end of what you have paid for, or of the trial. Until then it can be resumed.

        Access: interactive.
        """
        return self._transport.call("DELETE", f"/v1/subscriptions/{part(subscription_id)}", models.SubscriptionShown)

    def change_password(self, body: models.PasswordChange | Mapping[str, Any]) -> None:
        """Change the password.

        Set a new password by the old one. Every other session of the caller ends.

        Access: interactive.
        """
        self._transport.call("POST", "/v1/auth/password-change", type(None), body=body)

    def change_subscription(
        self, subscription_id: str, body: models.SubscriptionWanted | Mapping[str, Any]
    ) -> models.SubscriptionShown:
        """Change the plan.

        Change to a higher plan at once, for the difference of what is left of the period; to a lower one when it ends.

        Access: interactive.
        """
        return self._transport.call(
            "POST", f"/v1/subscriptions/{part(subscription_id)}/change", models.SubscriptionShown, body=body
        )

    def confirm_email_change(self, body: models.EmailChangeToken | Mapping[str, Any]) -> None:
        """Confirm a new e-mail address.

        Bring a new address into force by the token of the mail that went there.

        Access: unchecked.
        """
        self._transport.call("POST", "/v1/users/me/email-change/confirm", type(None), body=body)

    def confirm_second_factor(self, body: models.CodeOnly | Mapping[str, Any]) -> models.RecoveryCodes:
        """Put the second factor in force.

        Confirm the app by its first code. Every other session of the caller ends; the recovery codes are shown once.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/auth/second-factor/confirm", models.RecoveryCodes, body=body)

    def create_alert(self, body: models.AlertSettings | Mapping[str, Any]) -> models.AlertShown:
        """Make an alert.

        Make a rule. What is known from now on counts.

        Access: signed_in alerts:write.
        """
        return self._transport.call("POST", "/v1/alerts", models.AlertShown, body=body)

    def create_api_key(self, body: models.ApiKeySettings | Mapping[str, Any]) -> models.ApiKeyMade:
        """Make an API key.

        Make a key for a program. The answer is the only one that holds it.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/api-keys", models.ApiKeyMade, body=body)

    def create_backtest(self, body: models.BacktestWanted | Mapping[str, Any]) -> models.BacktestShown:
        """Ask for a backtest.

        Ask for a backtest of stored bars. It is run as soon as a runner is free; ask for it again to see how far it is.

        Nothing is in it that your plan does not show yet.

        Access: signed_in backtests.
        """
        return self._transport.call("POST", "/v1/backtests", models.BacktestShown, body=body)

    def create_push_subscription(self, body: models.PushSettings | Mapping[str, Any]) -> models.PushShown:
        """Subscribe a browser.

        Remember a browser: send what its `PushSubscription.toJSON()` gives.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/push-subscriptions", models.PushShown, body=body)

    def create_stream_ticket(self) -> models.StreamTicket:
        """Ticket for a stream.

        Make a ticket with which a browser opens one WebSocket (`?ticket=`) within half a minute.

        Browsers cannot set headers on a WebSocket, and a token in an address ends up in logs; a ticket there is used up.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/signals/stream/ticket", models.StreamTicket)

    def create_subscription(self, body: models.SubscriptionWanted | Mapping[str, Any]) -> models.SubscriptionShown:
        """Subscribe.

        Subscribe to a plan. The first time it begins with a trial; `checkout_url`, if there is one, is where to go on.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/subscriptions", models.SubscriptionShown, body=body)

    def create_watchlist(self, body: models.WatchlistSettings | Mapping[str, Any]) -> models.WatchlistShown:
        """Make a watchlist.

        Make a list of markets, in the order you want them.

        Access: signed_in account:write.
        """
        return self._transport.call("POST", "/v1/watchlists", models.WatchlistShown, body=body)

    def create_webhook(self, body: models.WebhookSettings | Mapping[str, Any]) -> models.WebhookWithSecret:
        """Make a webhook.

        Make a webhook. The answer is the only one that holds its secret.

        Access: signed_in webhooks:write.
        """
        return self._transport.call("POST", "/v1/webhooks", models.WebhookWithSecret, body=body)

    def delete_alert(self, alert_id: str) -> None:
        """Delete an alert.

        Delete a rule and its history. What is on its way is not sent.

        Access: signed_in alerts:write.
        """
        self._transport.call("DELETE", f"/v1/alerts/{part(alert_id)}", type(None))

    def delete_api_key(self, key_id: str) -> None:
        """Revoke an API key.

        End a key at once. It stays in the list, as revoked.

        Access: interactive.
        """
        self._transport.call("DELETE", f"/v1/api-keys/{part(key_id)}", type(None))

    def delete_backtest(self, backtest_id: str) -> None:
        """Delete a backtest.

        Delete a backtest and all that came of it. It still counts for the day.

        Access: signed_in backtests.
        """
        self._transport.call("DELETE", f"/v1/backtests/{part(backtest_id)}", type(None))

    def delete_push_subscription(self, subscription_id: str) -> None:
        """Forget a browser.

        Send nothing more to a browser.

        Access: interactive.
        """
        self._transport.call("DELETE", f"/v1/push-subscriptions/{part(subscription_id)}", type(None))

    def delete_watchlist(self, watchlist_id: str) -> None:
        """Delete a watchlist.

        Delete a list.

        Access: signed_in account:write.
        """
        self._transport.call("DELETE", f"/v1/watchlists/{part(watchlist_id)}", type(None))

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook.

        Delete a webhook and its log. What waits for it is not sent.

        Access: signed_in webhooks:write.
        """
        self._transport.call("DELETE", f"/v1/webhooks/{part(webhook_id)}", type(None))

    def disable_second_factor(self, body: models.PasswordAndCode | Mapping[str, Any]) -> None:
        """Take the second factor off.

        Take the second factor off, by the password and a code of the app or a recovery code.

        Access: interactive.
        """
        self._transport.call("POST", "/v1/auth/second-factor/disable", type(None), body=body)

    def end_session(self, session_id: str) -> None:
        """End one session.

        Sign out one device.

        Access: interactive.
        """
        self._transport.call("DELETE", f"/v1/users/me/sessions/{part(session_id)}", type(None))

    def export_personal_data(self) -> bytes:
        """Your data.

        Download everything that is held about you, but secrets.

        Access: interactive.
        """
        return self._transport.call("GET", "/v1/users/me/export", bytes)

    def export_signals(
        self,
        *,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
        direction: Literal[1, -1] | None = None,
        since: datetime | str | None = None,
        status: Literal["open", "closed"] | None = None,
    ) -> bytes:
        """Signals in bulk.

        Download every signal the plan shows, with what became of it. The plan must include exports.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/signals/export",
            bytes,
            query={
                "market": market,
                "timeframe": timeframe,
                "strategy": strategy,
                "direction": direction,
                "since": since,
                "status": status,
            },
        )

    def get_alert(self, alert_id: str) -> models.AlertShown:
        """One alert.

        Show one rule.

        Access: signed_in alerts:read.
        """
        return self._transport.call("GET", f"/v1/alerts/{part(alert_id)}", models.AlertShown)

    def get_api_key(self, key_id: str) -> models.ApiKeyShown:
        """One API key.

        Show one key, without its secret.

        Access: interactive.
        """
        return self._transport.call("GET", f"/v1/api-keys/{part(key_id)}", models.ApiKeyShown)

    def get_backtest(self, backtest_id: str) -> models.BacktestShown:
        """One backtest.

        Show how far a backtest is, and what came of it.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", f"/v1/backtests/{part(backtest_id)}", models.BacktestShown)

    def get_backtest_choices(self) -> models.BacktestChoices:
        """What can be backtested.

        Tell which strategies there are, what can be set, and how many backtests your plan still allows today.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", "/v1/backtests/choices", models.BacktestChoices)

    def get_backtest_curve(self, backtest_id: str) -> models.BacktestCurve:
        """Equity of a backtest.

        Read equity and drawdown over time, to draw or compare them.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", f"/v1/backtests/{part(backtest_id)}/curve", models.BacktestCurve)

    def get_backtest_report(self, backtest_id: str) -> bytes:
        """Report of a backtest.

        Read the report: one page that needs nothing else.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", f"/v1/backtests/{part(backtest_id)}/report", bytes)

    def get_backtest_result(self, backtest_id: str) -> Any:
        """Everything a backtest found.

        Read configuration, metrics, baselines, robustness and verdict, as `cap backtest --json` writes them.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", f"/v1/backtests/{part(backtest_id)}/result", Any)

    def get_backtest_sweep(self, backtest_id: str) -> models.BacktestSweep:
        """Parameter sets of a sweep.

        Read every parameter set that was tried, with its metrics.

        Access: signed_in backtests.
        """
        return self._transport.call("GET", f"/v1/backtests/{part(backtest_id)}/sweep", models.BacktestSweep)

    def get_billing_details(self) -> models.BillingDetails:
        """To whom invoices are written.

        Tell to whom your invoices are written; where a part is empty, your account's name and address stand.

        Access: signed_in billing:read.
        """
        return self._transport.call("GET", "/v1/billing/details", models.BillingDetails)

    def get_csrf_token(self) -> models.CsrfToken:
        """Token against foreign pages.

        Give the token that a page sends as X-CSRF-Token with every write of this session.

        Access: interactive.
        """
        return self._transport.call("GET", "/v1/auth/csrf", models.CsrfToken)

    def get_entitlements(self) -> models.EntitlementsShown:
        """What you may do.

        Tell what you may do now, signed in or not.

        Access: public.
        """
        return self._transport.call("GET", "/v1/billing/entitlements", models.EntitlementsShown)

    def get_health(self) -> models.Alive:
        """Liveness.

        Answer as long as the process can; asks no store.

        Access: unchecked.
        """
        return self._transport.call("GET", "/healthz", models.Alive)

    def get_invoice(self, invoice_id: str) -> models.InvoiceShown:
        """One invoice.

        Show one of your invoices.

        Access: signed_in billing:read.
        """
        return self._transport.call("GET", f"/v1/invoices/{part(invoice_id)}", models.InvoiceShown)

    def get_invoice_pdf(self, invoice_id: str) -> bytes:
        """One invoice as PDF.

        Download one of your invoices.

        Access: signed_in billing:read.
        """
        return self._transport.call("GET", f"/v1/invoices/{part(invoice_id)}/pdf", bytes)

    def get_metrics(self) -> bytes:
        """Metrics.

        Write rate, errors and duration by route, and of reads from each store, for Prometheus.

        Access: unchecked.
        """
        return self._transport.call("GET", "/metrics", bytes)

    def get_performance_curve(
        self,
        *,
        simulated: bool | None = None,
        limit: int | None = None,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
    ) -> models.PerformanceCurve:
        """Result over time.

        Add up what became of the published signals, in the order in which they ended, and by month.

        Every published signal that has ended counts once, one that was taken down too. Costs are not included. A plan with a
        delay counts what was known that long ago.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/performance/curve",
            models.PerformanceCurve,
            query={
                "simulated": simulated,
                "limit": limit,
                "market": market,
                "timeframe": timeframe,
                "strategy": strategy,
            },
        )

    def get_problem_type(self, name: str) -> models.ProblemKind:
        """What a problem means.

        Describe the kind of problem that a reply's `type` points at.

        Access: unchecked.
        """
        return self._transport.call("GET", f"/problems/{part(name)}", models.ProblemKind)

    def get_profile(self) -> models.Profile:
        """Your profile.

        Show who you are, how you want to be shown things, and what your plan entitles you to.

        Access: signed_in account:read.
        """
        return self._transport.call("GET", "/v1/users/me", models.Profile)

    def get_push_key(self) -> models.PushKey:
        """Key for Web Push.

        Show the key that a browser subscribes with.

        Access: signed_in alerts:read.
        """
        return self._transport.call("GET", "/v1/push/key", models.PushKey)

    def get_readiness(
        self, *, require: Sequence[Literal["clickhouse", "postgres", "redis"]] | None = None
    ) -> models.Readiness:
        """Readiness.

        Ask every store, all at once, and say which answer; no, too, from when this process was told to stop.

        Access: unchecked.
        """
        return self._transport.call("GET", "/readyz", models.Readiness, query={"require": require})

    def get_second_factor(self) -> models.SecondFactorStatus:
        """Whether a second factor is asked for.

        Say whether signing in asks for a second factor, and how many recovery codes are left.

        Access: interactive.
        """
        return self._transport.call("GET", "/v1/auth/second-factor", models.SecondFactorStatus)

    def get_signal(self, signal_id: str) -> models.SignalDetail:
        """One signal.

        Show one signal with its outcomes, its strategy's track record, and what stands behind it.

        The risk decision, the zone and the structure around it come from the warehouse; while that is down the signal is
        shown without them.

        Access: public signals:read.
        """
        return self._transport.call("GET", f"/v1/signals/{part(signal_id)}", models.SignalDetail)

    def get_subscription(self, subscription_id: str) -> models.SubscriptionShown:
        """One subscription.

        Show one of your subscriptions.

        Access: signed_in billing:read.
        """
        return self._transport.call("GET", f"/v1/subscriptions/{part(subscription_id)}", models.SubscriptionShown)

    def get_telegram(self) -> models.TelegramShown:
        """Telegram chat.

        Show whether a chat is linked.

        Access: signed_in alerts:read.
        """
        return self._transport.call("GET", "/v1/telegram", models.TelegramShown)

    def get_watchlist(self, watchlist_id: str) -> models.WatchlistShown:
        """One watchlist.

        Show one list.

        Access: signed_in account:read.
        """
        return self._transport.call("GET", f"/v1/watchlists/{part(watchlist_id)}", models.WatchlistShown)

    def get_webhook(self, webhook_id: str) -> models.WebhookShown:
        """One webhook.

        Show one webhook.

        Access: signed_in webhooks:read.
        """
        return self._transport.call("GET", f"/v1/webhooks/{part(webhook_id)}", models.WebhookShown)

    def get_webhook_delivery(self, webhook_id: str, delivery_id: str) -> models.WebhookDeliveryShown:
        """One delivery.

        Show one delivery with every attempt.

        Access: signed_in webhooks:read.
        """
        return self._transport.call(
            "GET", f"/v1/webhooks/{part(webhook_id)}/deliveries/{part(delivery_id)}", models.WebhookDeliveryShown
        )

    def link_telegram(self) -> models.TelegramLinkCode:
        """Link a Telegram chat.

        Make a code. Write it to the bot within ten minutes; the chat it comes from is linked. It works once.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/telegram/link", models.TelegramLinkCode)

    def list_alert_history(
        self, alert_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageFiringShown:
        """What an alert told.

        List what a rule held for, newest first, and what became of it on each channel.

        Access: signed_in alerts:read.
        """
        return self._transport.call(
            "GET",
            f"/v1/alerts/{part(alert_id)}/history",
            models.PageFiringShown,
            query={"limit": limit, "cursor": cursor},
        )

    def list_alerts(self) -> models.AlertList:
        """Alerts.

        List your rules, oldest first.

        Access: signed_in alerts:read.
        """
        return self._transport.call("GET", "/v1/alerts", models.AlertList)

    def list_api_keys(self) -> models.PageApiKeyShown:
        """API keys.

        List your keys, newest first, with when and from where each was used last.

        Access: interactive.
        """
        return self._transport.call("GET", "/v1/api-keys", models.PageApiKeyShown)

    def list_backtests(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageBacktestShown:
        """Your backtests.

        List your backtests, newest first.

        Access: signed_in backtests.
        """
        return self._transport.call(
            "GET", "/v1/backtests", models.PageBacktestShown, query={"limit": limit, "cursor": cursor}
        )

    def list_candles(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyCandle:
        """Candles.

        List closed bars. Missing bars are missing: a gap is never filled.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/candles",
            models.SeriesReplyCandle,
            query={
                "market": market,
                "timeframe": timeframe,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_indicators(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        column: Sequence[
            Literal[
                "sma_20",
                "sma_50",
                "sma_200",
                "ema_9",
                "ema_21",
                "ema_50",
                "ema_200",
                "wma_20",
                "dema_20",
                "tema_20",
                "kama_10",
                "hma_20",
                "bb_upper_20",
                "bb_middle_20",
                "bb_lower_20",
                "bb_width_20",
                "bb_percent_20",
                "donchian_upper_20",
                "donchian_lower_20",
                "keltner_upper_20",
                "keltner_lower_20",
                "supertrend_10",
                "supertrend_dir_10",
                "psar",
                "rsi_14",
                "stoch_rsi_k_14",
                "stoch_rsi_d_14",
                "macd",
                "macd_signal",
                "macd_hist",
                "stoch_k_14",
                "stoch_d_14",
                "cci_20",
                "willr_14",
                "mfi_14",
                "roc_10",
                "mom_10",
                "trix_15",
                "ultosc",
                "ppo",
                "adx_14",
                "plus_di_14",
                "minus_di_14",
                "aroon_up_25",
                "aroon_down_25",
                "true_range",
                "atr_14",
                "atr_200",
                "natr_14",
                "realized_vol_30",
                "obv",
                "ad",
                "adosc",
                "cmf_20",
                "volume_sma_20",
                "relative_volume_20",
                "vwap",
                "range_top",
                "range_bottom",
                "range_position",
            ]
        ]
        | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyIndicatorRow:
        """Indicators.

        List indicator values, one row a bar, each from that bar and earlier ones only.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/indicators",
            models.SeriesReplyIndicatorRow,
            query={
                "market": market,
                "timeframe": timeframe,
                "column": column,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_invoices(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageInvoiceShown:
        """Invoices.

        List your invoices and credit notes, newest first.

        Access: signed_in billing:read.
        """
        return self._transport.call(
            "GET", "/v1/invoices", models.PageInvoiceShown, query={"limit": limit, "cursor": cursor}
        )

    def list_latest(
        self,
        *,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        market: Sequence[str] | None = None,
    ) -> models.PageLatestBar:
        """Newest bars.

        List the newest closed bar of each market with the 24 hours up to it; for watchlists. A second old at most.

        Markets without bars of the timeframe, or outside the caller's plan, are left out.

        Access: public market:read.
        """
        return self._transport.call(
            "GET", "/v1/latest", models.PageLatestBar, query={"timeframe": timeframe, "market": market}
        )

    def list_markets(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageStoredMarket:
        """Markets.

        List the stored markets by name, with what is stored of each. A few seconds old at most.

        Access: public market:read.
        """
        return self._transport.call(
            "GET", "/v1/markets", models.PageStoredMarket, query={"limit": limit, "cursor": cursor}
        )

    def list_performance(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
    ) -> models.TrackRecords:
        """Track record.

        Show how the published signals of each strategy, market and timeframe ended.

        Every published signal counts, none is left out. The whole position is followed to its last outcome: nothing is
        closed at the first target while a second one stands. Costs are not included. A plan with a delay counts what was known
        that long ago.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/performance",
            models.TrackRecords,
            query={"limit": limit, "cursor": cursor, "market": market, "timeframe": timeframe, "strategy": strategy},
        )

    def list_plans(self) -> models.PlanList:
        """Plans.

        List the plans on offer, in their order, with what each of them gives.

        Access: public.
        """
        return self._transport.call("GET", "/v1/plans", models.PlanList)

    def list_push_subscriptions(self) -> models.PushList:
        """Subscribed browsers.

        List your browsers, oldest first.

        Access: signed_in alerts:read.
        """
        return self._transport.call("GET", "/v1/push-subscriptions", models.PushList)

    def list_sessions(self) -> models.PageSessionShown:
        """Your sessions and devices.

        List the sessions you are signed in by, the last used first.

        Access: interactive.
        """
        return self._transport.call("GET", "/v1/users/me/sessions", models.PageSessionShown)

    def list_signals(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
        direction: Literal[1, -1] | None = None,
        since: datetime | str | None = None,
        status: Literal["open", "closed"] | None = None,
    ) -> models.PageSignal:
        """Signals.

        List published signals, newest first. A signal never changes; what becomes of it is in its last fields.

        A plan with a delay shows signals, and what became of them, that much later.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/signals",
            models.PageSignal,
            query={
                "limit": limit,
                "cursor": cursor,
                "market": market,
                "timeframe": timeframe,
                "strategy": strategy,
                "direction": direction,
                "since": since,
                "status": status,
            },
        )

    def list_structure(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        kind: Literal["swing_high", "swing_low", "bos", "choch", "eqh", "eql"] | None = None,
        scale: Literal["micro", "internal", "swing"] | None = None,
        direction: Literal[1, -1] | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyStructureEvent:
        """Market structure.

        List pivots, equal levels and breaks under the bar at whose close each became known. None is ever taken back.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/structure",
            models.SeriesReplyStructureEvent,
            query={
                "market": market,
                "timeframe": timeframe,
                "kind": kind,
                "scale": scale,
                "direction": direction,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_subscriptions(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSubscriptionShown:
        """Subscriptions.

        List your subscriptions, newest first; all but the first one have ended.

        Access: signed_in billing:read.
        """
        return self._transport.call(
            "GET", "/v1/subscriptions", models.PageSubscriptionShown, query={"limit": limit, "cursor": cursor}
        )

    def list_watchlists(self) -> models.PageWatchlistShown:
        """Watchlists.

        List your watchlists, oldest first.

        Access: signed_in account:read.
        """
        return self._transport.call("GET", "/v1/watchlists", models.PageWatchlistShown)

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["pending", "delivered", "dead"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageWebhookDeliveryShown:
        """What was sent.

        List the deliveries of the last 30 days with every attempt, newest first.

        Access: signed_in webhooks:read.
        """
        return self._transport.call(
            "GET",
            f"/v1/webhooks/{part(webhook_id)}/deliveries",
            models.PageWebhookDeliveryShown,
            query={"state": state, "limit": limit, "cursor": cursor},
        )

    def list_webhooks(self) -> models.WebhookList:
        """Webhooks.

        List your webhooks, oldest first. Their secrets are shown only when they are made.

        Access: signed_in webhooks:read.
        """
        return self._transport.call("GET", "/v1/webhooks", models.WebhookList)

    def list_zones(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        kind: Literal["order_block", "breaker", "fvg", "liquidity"] | None = None,
        scale: Literal["micro", "internal", "swing"] | None = None,
        side: Literal[1, -1] | None = None,
        active: bool | None = None,
        as_of: datetime | str | None = None,
        ended_after: datetime | str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyZone:
        """Zones.

        List zones with their lives so far, by the bar that created them; `start` and `end` bound that bar.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/zones",
            models.SeriesReplyZone,
            query={
                "market": market,
                "timeframe": timeframe,
                "kind": kind,
                "scale": scale,
                "side": side,
                "active": active,
                "as_of": as_of,
                "ended_after": ended_after,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def open_billing_portal(self) -> models.PortalLink:
        """Open the payment provider's page.

        Open a page of the payment provider where you see to your means of payment. It is good for a short time.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/billing/portal", models.PortalLink)

    def receive_billing_event(self) -> models.Received:
        """Messages of the payment provider.

        Take a message of Stripe, which signs it. It is answered with 200 when what it led to is stored.

        Access: signed.
        """
        return self._transport.call("POST", "/v1/billing/webhook", models.Received)

    def redeliver_webhook_delivery(self, webhook_id: str, delivery_id: str) -> models.WebhookDeliveryShown:
        """Send it again.

        Send a delivery again, under the id it had, whether or not it got through.

        Access: signed_in webhooks:write.
        """
        return self._transport.call(
            "POST",
            f"/v1/webhooks/{part(webhook_id)}/deliveries/{part(delivery_id)}/redeliver",
            models.WebhookDeliveryShown,
        )

    def refresh_session(self, body: models.RefreshRequest | None | Mapping[str, Any] | None = None) -> models.SignedIn:
        """Continue a session.

        Exchange the refresh token for new tokens.

        A refresh token is good once. One that comes a second time was copied, and ends its session.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/refresh", models.SignedIn, body=body)

    def register(self, body: models.Registration | Mapping[str, Any]) -> models.Accepted:
        """Open an account.

        Mail a link that confirms the address.

        The answer is the same if the address has an account already; its owner gets a mail that says so.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/register", models.Accepted, body=body)

    def renew_recovery_codes(self, body: models.PasswordAndCode | Mapping[str, Any]) -> models.RecoveryCodes:
        """Make new recovery codes.

        Make new recovery codes; the old ones are worthless from then on. Each request needs a fresh code of the app.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/auth/second-factor/recovery-codes", models.RecoveryCodes, body=body)

    def request_deletion(self, body: models.PasswordShown | Mapping[str, Any]) -> models.Deletion:
        """Delete your account.

        Ask for your account to be deleted, in two weeks. Until then you can sign in and keep it.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/users/me/deletion", models.Deletion, body=body)

    def request_email_change(self, body: models.EmailChange | Mapping[str, Any]) -> bytes:
        """Change your e-mail address.

        Send a confirmation to the new address; the old one counts until it is confirmed.

        Access: interactive.
        """
        return self._transport.call("POST", "/v1/users/me/email-change", bytes, body=body)

    def request_password_reset(self, body: models.AddressOnly | Mapping[str, Any]) -> models.Accepted:
        """Ask for a new password.

        Mail a token for a new password, if the address has an account. The answer does not tell.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/password-reset", models.Accepted, body=body)

    def resend_verification(self, body: models.AddressOnly | Mapping[str, Any]) -> models.Accepted:
        """Mail the confirmation again.

        Mail the confirmation again, if one is open. The answer does not tell.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/resend-verification", models.Accepted, body=body)

    def reset_password(self, body: models.PasswordReset | Mapping[str, Any]) -> None:
        """Choose a new password.

        Set a new password by the mailed token. Every session of the account ends.

        Access: unchecked.
        """
        self._transport.call("POST", "/v1/auth/password-reset/confirm", type(None), body=body)

    def resume_subscription(self, subscription_id: str) -> models.SubscriptionShown:
        """Take a cancellation back.

        Take back a cancellation, or a change of plan at the period's end.

        Access: interactive.
        """
        return self._transport.call(
            "POST", f"/v1/subscriptions/{part(subscription_id)}/resume", models.SubscriptionShown
        )

    def rotate_api_key(self, key_id: str, body: models.ApiKeyRotation | Mapping[str, Any]) -> models.ApiKeyMade:
        """Rotate an API key.

        Make a successor with the same rights; the old key stays good for some hours, so that nothing stands still.

        Access: interactive.
        """
        return self._transport.call("POST", f"/v1/api-keys/{part(key_id)}/rotate", models.ApiKeyMade, body=body)

    def rotate_webhook_secret(self, webhook_id: str) -> models.WebhookWithSecret:
        """Make a new secret.

        Make a new secret. For 24 hours every message is signed with both, so that none is refused while you change over.

        Access: signed_in webhooks:write.
        """
        return self._transport.call("POST", f"/v1/webhooks/{part(webhook_id)}/secret", models.WebhookWithSecret)

    def show_second_factor(self, body: models.SecondFactorRequest | Mapping[str, Any]) -> models.SignedIn:
        """Complete a sign-in.

        Show a code of the app, or a recovery code, with the challenge of the sign-in.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/login/second-factor", models.SignedIn, body=body)

    def sign_in(self, body: models.SignInRequest | Mapping[str, Any]) -> models.SignedIn | models.SecondFactorRequired:
        """Sign in.

        Open a session, or ask for the second factor where there is one.

        Every failure reads the same, and takes the same work, whether or not the account exists.

        Access: unchecked.
        """
        return self._transport.call("POST", "/v1/auth/login", models.SignedIn | models.SecondFactorRequired, body=body)

    def sign_out(self, body: models.RefreshRequest | None | Mapping[str, Any] | None = None) -> None:
        """End this session.

        End the session of the refresh token, or of the access token, that comes with the request; at once.

        Access: unchecked.
        """
        self._transport.call("POST", "/v1/auth/logout", type(None), body=body)

    def sign_out_everywhere(self) -> None:
        """End all sessions.

        End every session of the caller, this one too.

        Access: interactive.
        """
        self._transport.call("POST", "/v1/auth/logout-everywhere", type(None))

    def stream_candles(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        after: int | None = None,
    ) -> bytes:
        """Live bars.

        Follow the bars of a series as they close, as server-sent events; `Last-Event-ID` is understood as `after`.

        Send `Accept: text/event-stream`. A stream ends after five minutes and asks you to come back.

        Access: public market:read.
        """
        return self._transport.call(
            "GET", "/v1/candles/stream", bytes, query={"market": market, "timeframe": timeframe, "after": after}
        )

    def stream_signals(
        self,
        *,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
        direction: Literal[1, -1] | None = None,
        since: datetime | str | None = None,
        cursor: str | None = None,
    ) -> bytes:
        """Live signals.

        Follow what is published, what becomes of it, and what is taken down, as server-sent events.

        Send `Accept: text/event-stream`, or open a WebSocket at the same address. Every message has a `cursor`; whoever comes
        back with the last one (`?cursor=`, or `Last-Event-ID`) misses nothing and gets nothing twice.

        Access: public signals:stream.
        """
        return self._transport.call(
            "GET",
            "/v1/signals/stream",
            bytes,
            query={
                "market": market,
                "timeframe": timeframe,
                "strategy": strategy,
                "direction": direction,
                "since": since,
                "cursor": cursor,
            },
        )

    def test_alert(self, alert_id: str) -> models.TestQueued:
        """Try an alert out.

        Send a test on every channel of a rule, also in quiet hours.

        Access: signed_in alerts:write.
        """
        return self._transport.call("POST", f"/v1/alerts/{part(alert_id)}/test", models.TestQueued)

    def test_webhook(self, webhook_id: str) -> models.WebhookDeliveryShown:
        """Send a test.

        Send a test event. What became of it is in the webhook's deliveries.

        Access: signed_in webhooks:write.
        """
        return self._transport.call("POST", f"/v1/webhooks/{part(webhook_id)}/test", models.WebhookDeliveryShown)

    def unlink_telegram(self) -> None:
        """Unlink the Telegram chat.

        Forget the chat. Nothing more is sent to it.

        Access: interactive.
        """
        self._transport.call("DELETE", "/v1/telegram", type(None))

    def unsubscribe_alert(self, *, token: str) -> None:
        """End an alert's mails.

        Take e-mail off a rule by the link in one of its mails. It takes nothing but that, and no sign-in.

        Access: signed.
        """
        self._transport.call("POST", "/v1/alerts/unsubscribe", type(None), query={"token": token})

    def update_alert(self, alert_id: str, body: models.AlertChanges | Mapping[str, Any]) -> models.AlertShown:
        """Change an alert.

        Change what the body holds. A new condition, or switching it on, begins anew: what was before does not count.

        Access: signed_in alerts:write.
        """
        return self._transport.call("PATCH", f"/v1/alerts/{part(alert_id)}", models.AlertShown, body=body)

    def update_api_key(self, key_id: str, body: models.ApiKeyChanges | Mapping[str, Any]) -> models.ApiKeyShown:
        """Change an API key.

        Change the name, or the networks a key may be used from. Scopes stay: make another key for those.

        Access: interactive.
        """
        return self._transport.call("PATCH", f"/v1/api-keys/{part(key_id)}", models.ApiKeyShown, body=body)

    def update_billing_details(self, body: models.BillingDetails | Mapping[str, Any]) -> models.BillingDetails:
        """Change to whom invoices are written.

        Say to whom invoices are written from now on. Those there are stay as they were written.

        Access: interactive.
        """
        return self._transport.call("PUT", "/v1/billing/details", models.BillingDetails, body=body)

    def update_profile(
        self, body: models.ProfileChanges | Mapping[str, Any], *, if_match: str | None = None
    ) -> models.Profile:
        """Change your profile.

        Change what the body holds. With `If-Match` a change made elsewhere meanwhile is not overwritten.

        Access: signed_in account:write.
        """
        return self._transport.call("PATCH", "/v1/users/me", models.Profile, headers={"if-match": if_match}, body=body)

    def update_watchlist(
        self, watchlist_id: str, body: models.WatchlistChanges | Mapping[str, Any], *, if_match: str | None = None
    ) -> models.WatchlistShown:
        """Change a watchlist.

        Change the name, or the markets and their order. With `If-Match` no change made elsewhere is overwritten.

        Access: signed_in account:write.
        """
        return self._transport.call(
            "PATCH",
            f"/v1/watchlists/{part(watchlist_id)}",
            models.WatchlistShown,
            headers={"if-match": if_match},
            body=body,
        )

    def update_webhook(self, webhook_id: str, body: models.WebhookChanges | Mapping[str, Any]) -> models.WebhookShown:
        """Change a webhook.

        Change what the body holds. `enabled: true` gives a webhook that was turned off a new chance at once.

        Access: signed_in webhooks:write.
        """
        return self._transport.call("PATCH", f"/v1/webhooks/{part(webhook_id)}", models.WebhookShown, body=body)

    def verify_email(self, body: models.MailedToken | Mapping[str, Any]) -> None:
        """Confirm an address.

        Confirm an address by the token that was mailed to it; signing in is possible from then on.

        Access: unchecked.
        """
        self._transport.call("POST", "/v1/auth/verify-email", type(None), body=body)

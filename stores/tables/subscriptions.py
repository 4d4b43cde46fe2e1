"""Plans, who has which, what was paid for them, and the documents of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column

_USER = "serving.users.user_id"
_PLAN = "serving.plans.plan_id"
_SUBSCRIPTION = "serving.subscriptions.subscription_id"


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    INCOMPLETE = "incomplete"
    """Asked for, and not paid for the first time yet."""
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    """A payment is missing; the plan goes on for a grace period."""
    UNPAID = "unpaid"
    """The grace period is over."""
    ENDED = "ended"


class InvoiceStatus(StrEnum):
    """Whether an invoice is paid."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class Plan(SQLModel, table=True):
    """What can be subscribed to, and the rights it gives.

    Attributes
    ----------
    plan_id, name : str
    price_minor : int
        For one interval, in the smallest unit of the currency.
    currency : str
        ISO 4217.
    interval : str
        ``month`` or ``year``.
    trial_days : int
    markets, timeframes : list of str, optional
        Those it shows; none for all.
    signal_delay_s : int
    history_s : int, optional
        How far back it shows; none for all there is.
    streams, alerts, webhooks, api_keys, requests_per_minute, burst : int
    backtests : int
        In 24 hours.
    export : bool
    active : bool
        Whether it can be subscribed to; who has it keeps it.
    position : int
        Order of the plans. Of several a person holds, the last one counts.
    stripe_price : str, optional
        Id of its price with Stripe.
    """

    __tablename__: ClassVar[Any] = "plans"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("position", name="plans_position"),
        UniqueConstraint("stripe_price", name="plans_stripe_price"),
        CheckConstraint("plan_id ~ '^[a-z][a-z0-9_-]{0,31}$'", name="plans_id"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="plans_currency"),
        CheckConstraint("interval IN ('month', 'year')", name="plans_interval"),
        CheckConstraint(
            "least(price_minor, trial_days, signal_delay_s, coalesce(history_s, 0), streams, alerts, webhooks, api_keys) "
            ">= 0 AND least(requests_per_minute, burst) >= 1",
            name="plans_numbers",
        ),
        CheckConstraint("backtests >= 0", name="plans_backtests"),
        {"schema": "serving"},
    )

    plan_id: str = column(Text, primary_key=True)
    name: str = column(Text)
    price_minor: int = column(BigInteger)
    currency: str = column(Text)
    interval: str = column(Text, server_default="month")
    trial_days: int = column(Integer, server_default="0")
    markets: list[str] | None = column(ARRAY(Text), nullable=True)
    timeframes: list[str] | None = column(ARRAY(Text), nullable=True)
    signal_delay_s: int = column(Integer)
    history_s: int | None = column(BigInteger, nullable=True)
    streams: int = column(Integer)
    alerts: int = column(Integer)
    webhooks: int = column(Integer)
    api_keys: int = column(Integer)
    requests_per_minute: int = column(Integer)
    burst: int = column(Integer)
    export: bool = column(Boolean, server_default=false())
    backtests: int = column(Integer, server_default="3")
    active: bool = column(Boolean, server_default=true())
    position: int = column(Integer)
    stripe_price: str | None = column(Text, nullable=True)


class Subscription(SQLModel, table=True):
    """A person's subscription, as the payment provider last said it stands.

    Attributes
    ----------
    subscription_id : str
    user_id : str, optional
        None once the account is gone.
    provider : str
        ``manual`` or ``stripe``.
    provider_ref : str, optional
        Its id there.
    plan_id : str
    next_plan_id : str, optional
        The plan from ``period_end`` on, if it changes then.
    status : str
        A `SubscriptionStatus`.
    period_start, period_end : datetime, optional
        What is or was paid for.
    trial_end : datetime, optional
    cancel_at_period_end : bool
    past_due_since : datetime, optional
    ended_at : datetime, optional
    disputed_at : datetime, optional
        A payment of it was charged back.
    dispute_won_at : datetime, optional
    entitled_until : datetime, optional
        Until when it gives its plan if nothing else happens; computed by `api.billing.states`.
    version : int
        Ticket of what is stored here: what was learned under an older ticket changes nothing.
    reminders : int
        How many reminders of this trial or this missing payment were sent.
    checkout_ref, checkout_url : str, optional
        Where an incomplete one is paid.
    created_at, updated_at : datetime
    """

    __tablename__: ClassVar[Any] = "subscriptions"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'ended')", name="subscriptions_status"
        ),
        CheckConstraint("provider IN ('manual', 'stripe')", name="subscriptions_provider"),
        UniqueConstraint("provider", "provider_ref", name="subscriptions_provider_ref"),
        Index("subscriptions_user", "user_id", "created_at"),
        Index("subscriptions_due", "period_end", postgresql_where=text("status <> 'ended'")),
        {"schema": "serving"},
    )

    subscription_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str | None = column(IDENTIFIER, ForeignKey(_USER, ondelete="SET NULL"), nullable=True)
    provider: str = column(Text)
    provider_ref: str | None = column(Text, nullable=True)
    plan_id: str = column(Text, ForeignKey(_PLAN))
    next_plan_id: str | None = column(Text, ForeignKey(_PLAN), nullable=True)
    status: str = column(Text)
    period_start: datetime | None = column(TIME, nullable=True)
    period_end: datetime | None = column(TIME, nullable=True)
    trial_end: datetime | None = column(TIME, nullable=True)
    cancel_at_period_end: bool = column(Boolean, server_default=false())
    past_due_since: datetime | None = column(TIME, nullable=True)
    ended_at: datetime | None = column(TIME, nullable=True)
    disputed_at: datetime | None = column(TIME, nullable=True)
    dispute_won_at: datetime | None = column(TIME, nullable=True)
    entitled_until: datetime | None = column(TIME, nullable=True)
    version: int = column(BigInteger, server_default="0")
    reminders: int = column(Integer, server_default="0")
    checkout_ref: str | None = column(Text, nullable=True)
    checkout_url: str | None = column(Text, nullable=True)
    created_at: datetime = column(TIME)
    updated_at: datetime = column(TIME)


class Grant(SQLModel, table=True):
    """A plan an administrator gave a person for a while.

    Attributes
    ----------
    grant_id, user_id, plan_id : str
    until : datetime
    granted_by : str, optional
        Administrator; none for one made by the platform.
    reason : str
    created_at : datetime
    revoked_at : datetime, optional
    """

    __tablename__: ClassVar[Any] = "grants"
    __table_args__: ClassVar[Any] = (Index("grants_user", "user_id", "until"), {"schema": "serving"})

    grant_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"))
    plan_id: str = column(Text, ForeignKey(_PLAN))
    until: datetime = column(TIME)
    granted_by: str | None = column(IDENTIFIER, ForeignKey(_USER, ondelete="SET NULL"), nullable=True)
    reason: str = column(Text)
    created_at: datetime = column(TIME)
    revoked_at: datetime | None = column(TIME, nullable=True)


class TrialUse(SQLModel, table=True):
    """That somebody has had a trial. The address stays as a keyed digest when the account is gone.

    Attributes
    ----------
    email_digest : bytes
    user_id : str, optional
    used_at : datetime
    """

    __tablename__: ClassVar[Any] = "trial_uses"
    __table_args__: ClassVar[Any] = (UniqueConstraint("user_id", name="trial_uses_user"), {"schema": "serving"})

    email_digest: bytes = column(LargeBinary, primary_key=True)
    user_id: str | None = column(IDENTIFIER, ForeignKey(_USER, ondelete="SET NULL"), nullable=True)
    used_at: datetime = column(TIME)


class BillingAccount(SQLModel, table=True):
    """To whom invoices are written, and who he is with the provider.

    Attributes
    ----------
    user_id : str
    stripe_customer : str, optional
    name, address, country, tax_id : str
        As they shall be on invoices; empty for none.
    """

    __tablename__: ClassVar[Any] = "billing_accounts"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("stripe_customer", name="billing_accounts_customer"),
        {"schema": "serving"},
    )

    user_id: str = column(IDENTIFIER, ForeignKey(_USER, ondelete="CASCADE"), primary_key=True)
    stripe_customer: str | None = column(Text, nullable=True)
    name: str = column(Text, server_default="")
    address: str = column(Text, server_default="")
    country: str = column(Text, server_default="")
    tax_id: str = column(Text, server_default="")


class BillingEvent(SQLModel, table=True):
    """A message of a payment provider.

    Attributes
    ----------
    provider, event_id : str
    type : str
    created_at : datetime
        By the provider.
    received_at : datetime
    processed_at : datetime, optional
        None while it has had no effect yet; it is taken again when it comes again.
    """

    __tablename__: ClassVar[Any] = "billing_events"
    __table_args__: ClassVar[Any] = (Index("billing_events_received", "received_at"), {"schema": "serving"})

    provider: str = column(Text, primary_key=True)
    event_id: str = column(Text, primary_key=True)
    type: str = column(Text)
    created_at: datetime = column(TIME)
    received_at: datetime = column(TIME)
    processed_at: datetime | None = column(TIME, nullable=True)


class InvoiceNumber(SQLModel, table=True):
    """The last number given in a series. It is taken in the transaction of the document, so there are no holes.

    Attributes
    ----------
    series : str
    last : int
    """

    __tablename__: ClassVar[Any] = "invoice_numbers"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    series: str = column(Text, primary_key=True)
    last: int = column(BigInteger)


class Invoice(SQLModel, table=True):
    """An invoice or a credit note. The database refuses to change what it says, and to delete it.

    Attributes
    ----------
    invoice_id : str
    series, number : str, int
        Together what is printed as its number.
    kind : str
        ``invoice`` or ``credit_note``.
    purpose : str
        ``period``, ``upgrade`` or ``refund``.
    corrects_id : str, optional
        Invoice a credit note belongs to.
    user_id, subscription_id : str, optional
    provider, provider_ref : str
        What it was made from: the provider's invoice or refund.
    payment_ref : str, optional
        Payment to give back on a refund.
    status : str
        An `InvoiceStatus`.
    lines : list
        Of ``{"description", "amount_minor"}``, taxes included.
    currency : str
    net_minor, tax_minor, total_minor : int
        Negative on a credit note.
    tax_rate_bp : int
        In hundredths of a percent.
    seller, buyer : dict
        As they were when it was made.
    period_start, period_end, due_at, paid_at : datetime, optional
    issued_at : datetime
    refunded_minor : int
        How much of it was given back.
    """

    __tablename__: ClassVar[Any] = "invoices"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("series", "number", name="invoices_number"),
        UniqueConstraint("provider", "provider_ref", name="invoices_provider_ref"),
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="invoices_kind"),
        CheckConstraint("status IN ('open', 'paid', 'void')", name="invoices_status"),
        CheckConstraint("net_minor + tax_minor = total_minor", name="invoices_sum"),
        CheckConstraint("refunded_minor >= 0 AND refunded_minor <= greatest(total_minor, 0)", name="invoices_refunded"),
        Index("invoices_user", "user_id", "issued_at", "series", "number"),
        Index("invoices_subscription", "subscription_id", "issued_at"),
        {"schema": "serving"},
    )

    invoice_id: str = column(IDENTIFIER, primary_key=True)
    series: str = column(Text)
    number: int = column(BigInteger)
    kind: str = column(Text)
    purpose: str = column(Text)
    corrects_id: str | None = column(IDENTIFIER, ForeignKey("serving.invoices.invoice_id"), nullable=True)
    user_id: str | None = column(IDENTIFIER, ForeignKey(_USER, ondelete="SET NULL"), nullable=True)
    subscription_id: str | None = column(IDENTIFIER, ForeignKey(_SUBSCRIPTION), nullable=True)
    provider: str = column(Text)
    provider_ref: str = column(Text)
    payment_ref: str | None = column(Text, nullable=True)
    status: str = column(Text)
    lines: list[dict[str, Any]] = column(JSONB)
    currency: str = column(Text)
    net_minor: int = column(BigInteger)
    tax_minor: int = column(BigInteger)
    total_minor: int = column(BigInteger)
    tax_rate_bp: int = column(Integer, server_default="0")
    seller: dict[str, Any] = column(JSONB)
    buyer: dict[str, Any] = column(JSONB)
    period_start: datetime | None = column(TIME, nullable=True)
    period_end: datetime | None = column(TIME, nullable=True)
    issued_at: datetime = column(TIME)
    due_at: datetime | None = column(TIME, nullable=True)
    paid_at: datetime | None = column(TIME, nullable=True)
    refunded_minor: int = column(BigInteger, server_default="0")

"""Bodies of the routes of billing, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

_PLAN = Field(max_length=32, pattern=r"^[a-z][a-z0-9_-]*$", examples=["pro"], description="`plan` of GET /v1/plans.")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanShown(_Body):
    """A plan and the rights it gives."""

    plan: str = Field(examples=["pro"])
    name: str = Field(examples=["Pro"])
    price_minor: int = Field(description="Price of one interval in the smallest unit of the currency.", examples=[2900])
    currency: str = Field(examples=["EUR"])
    interval: Literal["month", "year"]
    trial_days: int = Field(description="Days of the trial, which a person has once.")
    markets: list[str] | None = Field(description="Those it shows; null for all.")
    timeframes: list[str] | None = Field(description="Those it shows; null for all.")
    signal_delay_s: int = Field(description="Seconds after which a signal is shown.", examples=[0])
    history_s: int | None = Field(description="Seconds it shows back; null for all there is.")
    streams: int
    alerts: int
    webhooks: int
    api_keys: int
    requests_per_minute: int
    burst: int
    backtests: int = Field(description="Backtests in 24 hours.")
    export: bool = Field(description="Whether signals may be downloaded in bulk.")


class PlanList(_Body):
    """All plans on offer."""

    items: list[PlanShown]
    next_cursor: None


class EntitlementsShown(_Body):
    """What the caller may do now."""

    plan: str = Field(examples=["pro"])
    markets: list[str] | None
    timeframes: list[str] | None
    signal_delay_s: int
    history_s: int | None
    streams: int
    alerts: int
    webhooks: int
    api_keys: int
    requests_per_minute: int
    burst: int
    backtests: int
    export: bool


class SubscriptionWanted(_Body):
    """Which plan to subscribe to. Prices, trials and states are not the client's to say."""

    plan: str = _PLAN


class SubscriptionShown(_Body):
    """A subscription."""

    subscription_id: str
    plan: str = Field(examples=["pro"])
    next_plan: str | None = Field(description="The plan from `period_end` on, if it changes then.")
    status: Literal["incomplete", "trialing", "active", "past_due", "unpaid", "ended"]
    provider: Literal["manual", "stripe"]
    period_start: AwareDatetime | None
    period_end: AwareDatetime | None
    trial_end: AwareDatetime | None
    cancel_at_period_end: bool
    past_due_since: AwareDatetime | None = Field(description="Since when a payment is missing.")
    entitled_until: AwareDatetime | None = Field(
        description="Until when it gives its plan if nothing else happens; null if it gives none."
    )
    ended_at: AwareDatetime | None
    checkout_url: str | None = Field(description="Where to pay, while it is incomplete.")
    created_at: AwareDatetime


class InvoiceLine(_Body):
    """One line, taxes included."""

    description: str
    amount_minor: int


class InvoiceShown(_Body):
    """An invoice, or a credit note with negative sums."""

    invoice_id: str
    number: str = Field(examples=["INV-000001"])
    kind: Literal["invoice", "credit_note"]
    corrects: str | None = Field(description="`invoice_id` of the invoice a credit note belongs to.")
    subscription_id: str | None
    status: Literal["open", "paid", "void"]
    lines: list[InvoiceLine]
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    refunded_minor: int
    period_start: AwareDatetime | None
    period_end: AwareDatetime | None
    issued_at: AwareDatetime
    due_at: AwareDatetime | None
    paid_at: AwareDatetime | None


def _printable(value: str) -> str:
    if any(not (character.isprintable() or character == "\n") for character in value):
        raise ValueError("holds characters that cannot be printed")
    return value.strip()


Printable = Annotated[str, AfterValidator(_printable)]


class BillingDetails(_Body):
    """To whom invoices are written. It counts for those made from now on."""

    name: Printable = Field(default="", max_length=200, examples=["Example Ltd"])
    address: Printable = Field(default="", max_length=500, examples=["1 High Street\nLondon"])
    country: str = Field(default="", pattern=r"^([A-Z]{2})?$", description="ISO 3166-1 alpha-2.", examples=["GB"])
    tax_id: Printable = Field(default="", max_length=50, examples=["GB123456789"])


class PortalLink(_Body):
    """A page of the payment provider."""

    url: str


class Received(_Body):
    """A message was taken."""

    received: Literal[True]

"""Bodies of the webhook routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.parameters import MarketText
from api.schemas import Page
from engines.timeframe import Timeframe

_Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
_Strategy = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
_Description = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Events = Annotated[
    list[Literal["signal.published", "signal.outcome", "signal.takedown", "alert.triggered"]],
    Field(min_length=1, max_length=8),
]
_ALL = "Only these; null for all."


class WebhookSettings(BaseModel):
    """What the owner of a webhook sets."""

    model_config = ConfigDict(extra="forbid")

    url: _Url = Field(description="https, on the public internet.", examples=["https://bot.example.com/hooks/signals"])
    description: _Description = ""
    events: _Events = Field(default=["signal.published"], description="What it is told of.")
    markets: list[MarketText] | None = Field(
        default=None, max_length=200, description=_ALL, examples=[["binance:BTCUSDT"]]
    )
    timeframes: list[Timeframe] | None = Field(default=None, max_length=20, description=_ALL, examples=[["1h"]])
    strategies: list[_Strategy] | None = Field(
        default=None, max_length=100, description=_ALL, examples=[["smc_pullback"]]
    )
    direction: Literal[1, -1] | None = Field(default=None, description="Only long (1) or short (-1); null for both.")
    enabled: bool = True


class WebhookChanges(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: _Url = Field(default="", examples=["https://bot.example.com/hooks/signals"])
    description: _Description = ""
    events: _Events = Field(default=["signal.published"])
    markets: list[MarketText] | None = Field(default=None, max_length=200, description=_ALL)
    timeframes: list[Timeframe] | None = Field(default=None, max_length=20, description=_ALL)
    strategies: list[_Strategy] | None = Field(default=None, max_length=100, description=_ALL)
    direction: Literal[1, -1] | None = Field(default=None, description="Only long (1) or short (-1); null for both.")
    enabled: bool = Field(default=True, examples=[True])


class WebhookShown(BaseModel):
    """A webhook, without its secret."""

    webhook_id: str
    url: str
    description: str
    events: list[str]
    markets: list[str] | None
    timeframes: list[str] | None
    strategies: list[str] | None
    direction: Literal[1, -1] | None
    enabled: bool
    disabled_reason: str | None = Field(description="Why the platform turned it off; null if it is on or you did.")
    previous_secret_until: AwareDatetime | None = Field(description="Until then the secret before signs too.")
    failing_since: AwareDatetime | None = Field(description="First failure since the last success.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class WebhookWithSecret(WebhookShown):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="Checks the signatures. It is not shown again.", examples=["whsec_MfKQ9r8GKYqr..."])


class WebhookList(Page[WebhookShown]):
    """All webhooks of a person."""


class WebhookAttemptShown(BaseModel):
    """One try of a delivery."""

    number: int
    at: AwareDatetime
    status: int | None = Field(description="Of the reply; null if there was none.")
    duration_ms: int
    error: str | None
    response: str = Field(description="Beginning of the reply.")


class WebhookDeliveryShown(BaseModel):
    """One event for one webhook, with every attempt."""

    delivery_id: str = Field(description="The header `webhook-id` of every attempt.")
    webhook_id: str
    event_type: str
    body: str = Field(description="JSON as it is sent.")
    state: Literal["pending", "delivered", "dead"]
    redeliveries: int
    attempts: list[WebhookAttemptShown]
    next_at: AwareDatetime | None = Field(description="Of the next attempt.")
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


def given(body: BaseModel) -> dict[str, Any]:
    """What a body says, without what it leaves out; lists without repetitions."""
    values = body.model_dump(mode="json", exclude_unset=True)
    return {name: list(dict.fromkeys(value)) if isinstance(value, list) else value for name, value in values.items()}

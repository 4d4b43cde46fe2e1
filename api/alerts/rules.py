"""What a rule can say: conditions, channels and quiet hours, as the API takes them and the database keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from api.parameters import MarketText
from engines.timeframe import Timeframe

ANY = "*"
"""Stands for every market or timeframe in the index of rules."""
MOST_SERIES = 200

Direction: TypeAlias = Literal[1, -1]
Price = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
_StrategyName = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


def _unique(values: list[Any] | None) -> list[Any] | None:
    return None if values is None else list(dict.fromkeys(values))


Markets = Annotated[list[MarketText], Field(min_length=1, max_length=50), AfterValidator(_unique)]
Timeframes = Annotated[list[Timeframe], Field(min_length=1, max_length=13), AfterValidator(_unique)]


class ConditionKind(StrEnum):
    """Kinds of conditions."""

    SIGNAL = "signal"
    OUTCOME = "outcome"
    PRICE = "price"
    ZONE = "zone"
    STRUCTURE = "structure"


class Crossing(StrEnum):
    """Which way a price crosses a level."""

    ABOVE = "above"
    BELOW = "below"
    EITHER = "either"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _SignalFilter(_Model):
    markets: Markets | None = Field(default=None, description="Only these markets; null for all.")
    timeframes: Timeframes | None = Field(default=None, description="Only these timeframes; null for all.")
    strategy: _StrategyName | None = Field(default=None, description="Only this strategy.")
    direction: Direction | None = Field(default=None, description="1 long, -1 short; null for both.")
    minimum_score: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    exclude_simulated: bool = Field(default=False, description="Leave signals of simulated markets out.")


class SignalCondition(_SignalFilter):
    """A signal is published."""

    kind: Literal[ConditionKind.SIGNAL]


class OutcomeCondition(_SignalFilter):
    """A published signal reaches a target, is stopped, or expires."""

    kind: Literal[ConditionKind.OUTCOME]
    outcomes: Annotated[
        list[Literal["target_1", "target_2", "stopped", "expired"]], Field(min_length=1), AfterValidator(_unique)
    ] = Field(default=["target_1", "target_2", "stopped", "expired"], validate_default=True)


class PriceCondition(_Model):
    """The close of a bar is beyond a level that the close before was not beyond."""

    kind: Literal[ConditionKind.PRICE]
    market: MarketText
    timeframe: Timeframe
    level: Price
    crosses: Crossing = Crossing.EITHER


class _SeriesFilter(_Model):
    markets: Markets
    timeframes: Timeframes
    scale: Literal["micro", "internal", "swing"] | None = Field(default=None, description="Only this scale.")

    @model_validator(mode="after")
    def _not_too_many(self) -> _SeriesFilter:
        if len(self.markets) * len(self.timeframes) > MOST_SERIES:
            raise ValueError(f"markets times timeframes is more than {MOST_SERIES}; make two rules of it")
        return self


class ZoneCondition(_SeriesFilter):
    """Price touches a zone for the first time."""

    kind: Literal[ConditionKind.ZONE]
    zone: Literal["order_block", "breaker", "fvg", "liquidity"] | None = Field(
        default=None, description="Only this kind of zone."
    )
    side: Direction | None = Field(default=None, description="1 demand, -1 supply; null for both.")


class StructureCondition(_SeriesFilter):
    """Structure breaks."""

    kind: Literal[ConditionKind.STRUCTURE]
    event: Literal["bos", "choch"] | None = Field(default=None, description="Only this kind of break.")
    direction: Direction | None = Field(default=None, description="1 up, -1 down; null for both.")


Condition: TypeAlias = Annotated[
    SignalCondition | OutcomeCondition | PriceCondition | ZoneCondition | StructureCondition,
    Field(discriminator="kind"),
]
_CONDITION: TypeAdapter[Any] = TypeAdapter(Condition)


def read_condition(stored: Any) -> Condition:
    """Read a condition as the database keeps it."""
    return _CONDITION.validate_python(stored)


def subjects(condition: Condition) -> Iterator[tuple[str, str, float | None]]:
    """List the series a condition looks at, with the price it waits for: how an event finds its rules."""
    if isinstance(condition, PriceCondition):
        yield condition.market, condition.timeframe.value, condition.level
        return
    for market in condition.markets or [ANY]:
        for timeframe in condition.timeframes or [ANY]:
            yield market, str(timeframe.value if isinstance(timeframe, Timeframe) else timeframe), None


class ChannelKind(StrEnum):
    """Ways to tell somebody."""

    EMAIL = "email"
    TELEGRAM = "telegram"
    PUSH = "push"
    WEBHOOK = "webhook"


class PlainChannel(_Model):
    """To the person himself: his confirmed address, his linked chat, his browsers."""

    type: Literal[ChannelKind.EMAIL, ChannelKind.TELEGRAM, ChannelKind.PUSH]

    @property
    def name(self) -> str:
        """As it stands in the history."""
        return self.type.value


class WebhookChannel(_Model):
    """To one of his webhooks."""

    type: Literal[ChannelKind.WEBHOOK]
    webhook_id: UUID

    @property
    def name(self) -> str:
        """As it stands in the history."""
        return f"webhook:{self.webhook_id}"


ChannelChoice: TypeAlias = Annotated[PlainChannel | WebhookChannel, Field(discriminator="type")]
_CHANNELS: TypeAdapter[list[Any]] = TypeAdapter(list[ChannelChoice])


def read_channels(stored: Any) -> list[PlainChannel | WebhookChannel]:
    """Read the channels of a rule as the database keeps them."""
    return _CHANNELS.validate_python(stored)


def _clock(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return time(int(value[:2]), int(value[3:])) if len(value) == 5 and value[2] == ":" else value
        except ValueError:
            raise ValueError("write a time of day as 22:00") from None
    return value


ClockTime = Annotated[
    time,
    BeforeValidator(_clock),
    Field(json_schema_extra={"type": "string", "format": None, "pattern": r"^\d{2}:\d{2}$", "examples": ["22:00"]}),
]


class QuietThen(StrEnum):
    """What is done with what falls into quiet hours."""

    HOLD = "hold"
    DROP = "drop"


class QuietHours(_Model):
    """Not to be told between two times of day, by the person's own time zone."""

    start: ClockTime
    end: ClockTime
    then: QuietThen = Field(default=QuietThen.HOLD, description="Hold it back until they end, or drop it.")

    @model_validator(mode="after")
    def _some(self) -> QuietHours:
        for moment in (self.start, self.end):
            if moment.tzinfo is not None or moment.second or moment.microsecond:
                raise ValueError("write a time of day as 22:00")
        if self.start == self.end:
            raise ValueError("start and end are the same; to be told nothing at all, switch the rule off")
        return self

    def stored(self) -> dict[str, str]:
        """As the database keeps it and the API shows it."""
        return {"start": f"{self.start:%H:%M}", "end": f"{self.end:%H:%M}", "then": self.then.value}

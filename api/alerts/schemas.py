"""Bodies of the routes of alerts and of the channels they are told on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.alerts.rules import ChannelChoice, Condition, PlainChannel, QuietHours, WebhookChannel
from api.times import parse_instant

_EXAMPLE_CONDITION = {
    "kind": "price",
    "market": "binance:BTCUSDT",
    "timeframe": "15m",
    "level": 50000,
    "crosses": "above",
}
_EXAMPLE_CHANNELS = [{"type": "email"}]
_WEEK_S = 7 * 24 * 3_600


def _each_once(value: list[PlainChannel | WebhookChannel]) -> list[PlainChannel | WebhookChannel]:
    return list({choice.name: choice for choice in value}.values())


def _instant(value: Any) -> Any:
    return parse_instant(value) if isinstance(value, str) else value


_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
_Channels = Annotated[list[ChannelChoice], Field(min_length=1, max_length=10), AfterValidator(_each_once)]
_Cooldown = Annotated[
    int,
    Field(ge=0, le=_WEEK_S, description="After an event the rule passes over what is known within so many seconds."),
]
_Expiry = Annotated[AwareDatetime, BeforeValidator(_instant)]
_ConditionField = Field(description="What it waits for.", examples=[_EXAMPLE_CONDITION])
_ChannelsField = Field(description="How you are told.", examples=[_EXAMPLE_CHANNELS])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlertSettings(_Body):
    """A rule to make."""

    name: _Name = Field(examples=["BTC over 50,000"])
    condition: Condition = _ConditionField
    channels: _Channels = _ChannelsField
    quiet_hours: QuietHours | None = Field(default=None, description="By the time zone of your profile.")
    cooldown_seconds: _Cooldown = 0
    expires_at: _Expiry | None = Field(default=None, description="What is known from then on does not count.")
    enabled: bool = True


class AlertChanges(_Body):
    """What is to change of a rule; what is left out stays."""

    name: _Name = Field(default="-", examples=["BTC over 50,000"])
    condition: Condition | None = Field(default=None, description="What it waits for.", examples=[_EXAMPLE_CONDITION])
    channels: _Channels = Field(default=[], description="How you are told.", examples=[_EXAMPLE_CHANNELS])
    quiet_hours: QuietHours | None = None
    cooldown_seconds: _Cooldown = 0
    expires_at: _Expiry | None = None
    enabled: bool = Field(default=True, examples=[True])


class AlertShown(_Body):
    """A rule."""

    alert_id: str
    name: str
    condition: Condition
    channels: list[ChannelChoice]
    quiet_hours: QuietHours | None
    cooldown_seconds: int
    expires_at: AwareDatetime | None
    enabled: bool
    within_plan: bool = Field(
        description="False for a rule that is on and that your plan has no room for: the oldest ones count."
    )
    active_since: AwareDatetime = Field(description="What was known before does not count.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AlertList(_Body):
    """All rules, oldest first."""

    items: list[AlertShown]
    next_cursor: None


class NoticeShown(_Body):
    """A firing on one channel."""

    channel: str = Field(examples=["email"])
    state: Literal["queued", "sent", "retrying", "failed"] = Field(
        description="For a webhook: `queued` means handed over; its own log tells the rest."
    )
    detail: str
    updated_at: AwareDatetime


class FiringShown(_Body):
    """An event that a rule held for."""

    firing_id: int
    kind: Literal["signal", "outcome", "price", "zone", "structure", "test"]
    title: str
    text: str
    market: str | None
    timeframe: str | None
    event: dict[str, Any]
    state: Literal["queued", "held", "quiet", "stale"] = Field(
        description="`held`: told when the quiet hours end. `quiet`: dropped by them. `stale`: known too late to be news."
    )
    known_at: AwareDatetime
    matched_at: AwareDatetime
    channels: list[NoticeShown]


class TestQueued(_Body):
    """A test on its way."""

    firing_id: int
    channels: list[NoticeShown]


class TelegramShown(_Body):
    """The linked chat."""

    available: bool = Field(description="Whether this instance has a bot.")
    linked: bool
    name: str | None = Field(description="Name of the chat.")
    linked_at: AwareDatetime | None


class TelegramLinkCode(_Body):
    """A code to write to the bot."""

    code: str
    command: str = Field(description="Write this to the bot.", examples=["/start b3ZlcnRoZXJhaW5ib3c"])
    link: str | None = Field(description="Opens a chat with the bot and writes it.")
    expires_at: AwareDatetime


class PushKey(_Body):
    """Key of this instance."""

    public_key: str = Field(description="`applicationServerKey` of `PushManager.subscribe`, in base64url.")


class PushKeys(_Body):
    """Keys of a browser."""

    p256dh: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    auth: Annotated[str, StringConstraints(min_length=1, max_length=50)]


class PushSettings(_Body):
    """What ``PushSubscription.toJSON()`` of a browser gives, and a label."""

    endpoint: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(
        examples=["https://push.example.com/send/abc"]
    )
    keys: PushKeys
    expirationTime: float | None = Field(default=None, description="Not used.")  # noqa: N815 - the browser's name
    label: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", examples=["Firefox on the laptop"]
    )


class PushShown(_Body):
    """A browser that is subscribed."""

    subscription_id: str
    label: str
    endpoint_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Digest of the endpoint, by which a browser knows itself among them.",
    )
    created_at: AwareDatetime


class PushList(_Body):
    """All of them, oldest first."""

    items: list[PushShown]
    next_cursor: None

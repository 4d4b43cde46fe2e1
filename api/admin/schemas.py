"""What the routes of administrators are asked and what they answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

_PRINTED = r"^[^\x00-\x1f\x7f]*$"
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=500, pattern=_PRINTED),
    Field(description="Kept in the audit log.", examples=["asked for by its owner, ticket 4711"]),
]


class _Body(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class WithReason(_Body):
    """Why it is done."""

    reason: Reason


class RoleChange(WithReason):
    """What a person is to be."""

    role: Literal["user", "admin"]


class GrantSettings(WithReason):
    """A plan for a person until a date."""

    plan: Annotated[str, StringConstraints(max_length=64, pattern=_PRINTED)] = Field(examples=["pro"])
    until: AwareDatetime = Field(examples=["2030-01-01T00:00:00.000Z"])


class PaymentConfirmation(_Body):
    """A payment that came in."""

    payment_ref: Annotated[str, StringConstraints(max_length=200, pattern=_PRINTED)] = Field(
        default="", description="What the bank calls it.", examples=["SEPA 2026-11-23 4711"]
    )


class RefundRequest(WithReason):
    """Money to give back."""

    amount_minor: int | None = Field(
        default=None, ge=1, le=10**12, description="In the smallest unit; all that is left if not given."
    )


class PlanChanges(_Body):
    """What of a plan is to change; what is left out stays."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTED)] = "unnamed"
    price_minor: int = Field(default=0, ge=0, le=10**9)
    trial_days: int = Field(default=0, ge=0, le=365)
    markets: list[Annotated[str, StringConstraints(max_length=80)]] | None = Field(default=None, max_length=1_000)
    timeframes: list[Annotated[str, StringConstraints(max_length=8)]] | None = Field(default=None, max_length=20)
    signal_delay_s: int = Field(default=0, ge=0, le=30 * 86_400)
    history_s: int | None = Field(default=None, ge=0, le=100 * 366 * 86_400)
    streams: int = Field(default=1, ge=0, le=100_000)
    alerts: int = Field(default=1, ge=0, le=100_000)
    webhooks: int = Field(default=1, ge=0, le=100_000)
    api_keys: int = Field(default=1, ge=0, le=100_000)
    requests_per_minute: int = Field(default=300, ge=1, le=10_000_000)
    burst: int = Field(default=100, ge=1, le=10_000_000)
    backtests: int = Field(default=3, ge=0, le=100_000)
    export: bool = False
    active: bool = True


class FlagSettings(WithReason):
    """Whom a feature is on for."""

    enabled: bool
    percentage: int = Field(default=100, ge=0, le=100)
    plans: list[Annotated[str, StringConstraints(max_length=64, pattern=_PRINTED)]] = Field(default=[], max_length=50)


class PersonSeen(BaseModel):
    """A person."""

    user_id: str
    email: str
    role: str
    status: Literal["active", "locked", "deleted"]
    display_name: str | None
    email_verified_at: AwareDatetime | None
    created_at: AwareDatetime
    last_seen_at: AwareDatetime | None
    second_factor: bool


class PersonDetail(PersonSeen):
    """A person with what he has."""

    subscriptions: list[dict[str, Any]]
    grants: list[dict[str, Any]]


class SignedOut(BaseModel):
    """Sessions ended."""

    sessions: int


class Impersonation(BaseModel):
    """A session that sees what a person sees, and can change nothing."""

    access_token: str
    session_id: str
    expires_at: AwareDatetime


class TakedownSeen(BaseModel):
    """A signal that was taken down."""

    signal_id: str
    reason: str
    taken_by: str
    at: AwareDatetime


class FlagSeen(BaseModel):
    """Whom a feature is on for."""

    name: str
    enabled: bool
    percentage: int
    plans: list[str]
    updated_at: AwareDatetime | None
    updated_by: str | None


class AuditRecordSeen(BaseModel):
    """A record of the audit log."""

    sequence: int
    at: AwareDatetime
    actor_id: str | None
    impersonator_id: str | None
    means: str
    action: str
    target: str
    details: dict[str, Any]
    address: str
    request_id: str
    digest: str = Field(description="SHA-256 over the record before and this one, hexadecimal.")


class Verification(BaseModel):
    """Whether the audit log is whole."""

    whole: bool
    records: int
    broken_at: int | None = Field(description="The first record that does not follow from the one before it.")


class SystemStatus(BaseModel):
    """How the platform does; what could not be asked is null."""

    at: AwareDatetime
    stores: list[dict[str, Any]]
    migrations: dict[str, Any]
    series: list[dict[str, Any]] | None
    queues: list[dict[str, Any]] | None
    signals: dict[str, Any] | None
    assets: list[dict[str, Any]] | None
    database_bytes: int | None
    relayed_sequence: int | None
    disk: dict[str, int] | None


class GapSeen(BaseModel):
    """Bars that are missing."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(description="Timeframe of the ingested bars.", examples=["1m"])
    first_missing: AwareDatetime
    last_missing: AwareDatetime
    missing_bars: int


class RestatementSeen(BaseModel):
    """A bar that was changed after it had been stored."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["1m"])
    ts: AwareDatetime
    old_close: float
    new_close: float
    old_volume: float
    new_volume: float
    source: str
    stored_at: AwareDatetime = Field(description="When the new version was stored.")


class IngestionSeen(BaseModel):
    """What was taken in of a market from a source."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["1m"])
    source: str = Field(examples=["files"])
    batches: int
    bars: int
    snapped_bars: int = Field(description="Bars whose time was off the grid and was put onto it.")
    duplicate_bars: int = Field(description="Exact repetitions, dropped.")
    refused_bars: int = Field(description="Bars whose time could not be put onto the grid without doubt.")
    last_batch_at: AwareDatetime


class RefusalSeen(BaseModel):
    """A batch of which nothing was taken in."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str
    source: str
    origin: str = Field(description="Name of the file, or the endpoint.")
    reason: str = Field(description="Row and rule.")
    refused_at: AwareDatetime


class DataQuality(BaseModel):
    """What ingestion found, newest first; at most 100 of each."""

    gaps: list[GapSeen]
    restatements: list[RestatementSeen]
    ingestion: list[IngestionSeen]
    refused: list[RefusalSeen]

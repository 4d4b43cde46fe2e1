"""Bodies of the API-key routes."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.security.principal import Scope


def _network(value: str) -> str:
    return str(ipaddress.ip_network(value.strip(), strict=False))


_Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Network = Annotated[str, StringConstraints(max_length=50), AfterValidator(_network)]
_Networks = Annotated[list[_Network], Field(max_length=50)]


class ApiKeySettings(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: _Name = Field(description="For you to recognize it.", examples=["trading bot"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(Scope),
        description="What it may do.",
        examples=[["signals:read", "signals:stream"]],
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="When it ends; null for a key without an end.", examples=["2030-01-01T00:00:00.000Z"]
    )
    allowed_networks: _Networks = Field(
        default=[],
        description="Addresses or networks it may be used from; none for all.",
        examples=[["203.0.113.0/24"]],
    )


class ApiKeyChanges(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: _Name = Field(default="unnamed", examples=["trading bot"])
    allowed_networks: _Networks = Field(default=[], examples=[["2001:db8::/48"]])


class ApiKeyRotation(BaseModel):
    """How a key is replaced."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: float = Field(
        default=24, ge=0, le=168, description="How long the old key stays good beside the new one."
    )


class ApiKeyShown(BaseModel):
    """A key, without its secret."""

    key_id: str
    name: str
    prefix: str = Field(description="First characters of the key.", examples=["cap_q8Zr3kTe"])
    scopes: list[Scope]
    allowed_networks: list[str]
    status: Literal["good", "retiring", "ended", "revoked"]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    retires_at: AwareDatetime | None = Field(description="End of the time beside its successor.")
    successor_id: str | None
    last_used_at: AwareDatetime | None = Field(description="A minute behind at most.")
    last_used_address: str | None


class ApiKeyMade(ApiKeyShown):
    """A new key."""

    key: str = Field(description="The key itself. It is shown this once.")

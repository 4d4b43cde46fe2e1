"""What the routes of people are asked and what they answer."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.accounts.schemas import Email, Password
from api.parameters import MarketText
from api.users.watchlists import MOST_MARKETS

_LONGEST_PREFERENCES = 16 * 1024
_LARGEST_NUMBER = 2**53 - 1
"""Beyond it a reader in a browser has another number than the one that was sent."""
# Names of the database begin with capitals: nothing else that lies in its folder is meant.
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*){0,2}", re.ASCII)
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?", re.ASCII)


def _time_zone(value: str) -> str:
    # Loaded, not looked up among all: listing them reads hundreds of files.
    try:
        if not _ZONE.fullmatch(value) or value == "Factory":
            raise ValueError
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("not a time zone; write one as in Europe/Berlin or UTC") from None
    return value


def _locale(value: str) -> str:
    if not _LOCALE.fullmatch(value):
        raise ValueError("not a language tag; write one as in en, de-CH or zh-Hant-TW")
    return value


def _preferences(value: dict[str, Any]) -> dict[str, Any]:
    try:
        written = orjson.dumps(value)
    except TypeError:
        raise ValueError("holds what JSON has no form for") from None
    if len(written) > _LONGEST_PREFERENCES:
        raise ValueError(f"holds more than {_LONGEST_PREFERENCES:,} bytes")
    if b"\\u0000" in written:
        raise ValueError("holds a zero character")
    if any(abs(number) > _LARGEST_NUMBER for number in _numbers(value)):
        raise ValueError(f"holds a number beyond {_LARGEST_NUMBER:,}, which is not kept exactly")
    return value


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


def _each_once(value: list[str]) -> list[str]:
    if len(set(value)) != len(value):
        raise ValueError("names a market twice")
    return value


_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTED)]
_Markets = Annotated[list[MarketText], Field(max_length=MOST_MARKETS), AfterValidator(_each_once)]


class _Body(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class ProfileChanges(_Body):
    """What is to change; what is left out stays."""

    display_name: _Name | None = Field(default=None, examples=["Ada"])
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_time_zone)] = Field(
        default="UTC", examples=["Europe/Berlin"]
    )
    locale: Annotated[str, Field(max_length=16), AfterValidator(_locale)] = Field(default="en", examples=["de-CH"])
    preferences: Annotated[dict[str, Any], AfterValidator(_preferences)] = Field(
        default={}, description="What a dashboard remembers; 16 KB at most.", examples=[{"theme": "dark"}]
    )


class EmailChange(_Body):
    """Another address for the account."""

    new_email: Email
    password: Password


class EmailChangeToken(_Body):
    """The token of the mail to the new address."""

    token: Annotated[str, Field(min_length=1, max_length=512)]


class PasswordShown(_Body):
    """The password, shown again."""

    password: Password


class WatchlistSettings(_Body):
    """A list to make."""

    name: _Name = Field(examples=["majors"])
    markets: _Markets = Field(default=[], examples=[["binance:BTCUSDT", "binance:ETHUSDT"]])


class WatchlistChanges(_Body):
    """What is to change; what is left out stays."""

    name: _Name = Field(default="unnamed", examples=["majors"])
    markets: _Markets = Field(default=[], examples=[["binance:ETHUSDT", "binance:BTCUSDT"]])


class WatchlistShown(BaseModel):
    """A watchlist."""

    watchlist_id: str
    name: str
    markets: list[str]
    version: int
    created_at: AwareDatetime


class PlanRights(BaseModel):
    """What the plan entitles to."""

    plan: str = Field(examples=["free"])
    markets: list[str] | None = Field(description="Null for all.")
    timeframes: list[str] | None = Field(description="Null for all.")
    signal_delay_s: float = Field(description="Seconds after which a signal is shown.", examples=[900])
    history_days: float | None = Field(description="Null for all there is.")
    streams: int
    alerts: int
    webhooks: int
    api_keys: int
    requests_per_minute: int
    burst: int
    backtests: int
    export: bool


class Profile(BaseModel):
    """A person, as he sees himself."""

    user_id: str
    email: str
    role: str
    email_verified_at: AwareDatetime | None
    display_name: str | None
    time_zone: str
    locale: str
    preferences: dict[str, Any]
    version: int = Field(description="Also the reply's `ETag`; send it as `If-Match` with a change.")
    created_at: AwareDatetime
    deletes_at: AwareDatetime | None = Field(description="When the account is deleted, if that was asked for.")
    plan: PlanRights
    second_factor_shown: bool = Field(description="Whether a second factor was shown for this session.")
    impersonated_by: str | None = Field(
        description="Administrator who is looking; such a session cannot change a thing."
    )


class SessionShown(BaseModel):
    """A session a person is signed in by."""

    session_id: str
    device: str = Field(description="What the browser or program said of itself.")
    address: str
    second_factor: bool
    by_support: bool = Field(description="Whether an administrator looks through it.")
    created_at: AwareDatetime
    last_seen_at: AwareDatetime
    expires_at: AwareDatetime
    current: bool


class Deletion(BaseModel):
    """A deletion that was asked for."""

    deletes_at: AwareDatetime = Field(description="Until then it can be taken back.")

"""Where the stores are and what is ingested: one class, read from ``CAP_...`` environment variables.

Code always speaks to a URL. Where a URL is unset, ``cap up`` and ``cap run`` start that store under the home folder and
fill the URL in; nothing else knows the difference.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class MissingStore(RuntimeError):
    """A store's URL is needed and not set."""


class Settings(BaseSettings):
    """All configuration of the platform.

    URLs are secrets: they carry passwords. Lists are comma-separated in the environment.
    """

    model_config = SettingsConfigDict(env_prefix="CAP_", extra="ignore")

    home: Path = Path(".cap")
    clickhouse_url: SecretStr | None = None
    """Warehouse, read and write: ``http://user:password@host:port``."""
    clickhouse_analyst_url: SecretStr | None = None
    """Warehouse as the read-only analyst."""
    postgres_url: SecretStr | None = None
    """Serving database and Dagster's storage: ``postgresql://user:password@host:port/database``."""
    redis_url: SecretStr | None = None
    kafka_bootstrap: str | None = None

    source: str = "exchange"
    """``exchange``, ``files:PATH`` or ``sim``."""
    markets: Annotated[tuple[str, ...], NoDecode] = ("binance:BTCUSDT",)
    timeframes: Annotated[tuple[str, ...], NoDecode] = ("15m", "1h")
    since: date | None = None
    """First day to ingest, UTC; unset means all there is (exchange and sim: the last 90 days)."""
    until: date | None = None
    """Last day to ingest, inclusive, UTC."""
    strategies: Path | None = None
    """Folder of the user's own strategies; unset means the built-in ones only."""
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    secret_key: SecretStr | None = None
    """At least 32 bytes, from which every key of the API is derived; the same on every replica, and never changed lightly."""
    admin_second_factor: bool = True
    """Whether administrators get anywhere only with a second factor."""
    public_url: str = "http://127.0.0.1:8000"
    """Address under which people reach the API: in links of mails, and what a browser's origin has to be."""

    # Mails, Telegram and Web Push.
    smtp_url: SecretStr | None = None
    """Mail server: ``smtp://user:password@host:587`` (STARTTLS) or ``smtps://...``; ``cap up`` runs a local one if unset."""
    mail_from: str = "Crypto Analytics Platform <no-reply@localhost>"
    """Whom mails come from."""
    telegram_token: SecretStr | None = None
    """Of the bot that alerts come from; without it there is no Telegram."""
    telegram_bot: str | None = None
    """Name of that bot, for links that open a chat with it."""
    telegram_api_url: str = "https://api.telegram.org"

    # The worker and webhooks.
    worker_host: str = "127.0.0.1"
    worker_port: int = 8090
    """Where a worker answers ``/healthz`` and ``/metrics``."""
    webhook_allow_private: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks webhooks may reach although they are not public, on any port and without TLS, such as ``10.1.2.0/24``."""
    webhook_timeout_s: float = Field(default=10, gt=0, le=30)
    """A receiver has so long to answer."""
    webhook_disable_after_days: int = Field(default=5, ge=1)
    """A webhook that fails for so long is turned off and its owner told."""

    ui_dir: Path | None = None
    """Folder with the built dashboard; the one beside the code if not set."""
    # Processes of the API
    services: Annotated[tuple[str, ...], NoDecode] = ()
    """Services that a process of the API runs; all of them if none is named."""
    drain_s: float = Field(default=5, ge=0)
    """Seconds for which a process that was told to stop still takes requests, while readiness says no."""
    stop_s: int = Field(default=10, ge=1)
    """Seconds after that in which requests under way are finished; then they are cut."""

    # Rate limits
    anonymous_requests_per_minute: int = Field(default=600, ge=1)
    """Of somebody who is not signed in, by address; who is signed in has what his plan says."""
    anonymous_burst: int = Field(default=300, ge=1)
    """Of these, at once."""
    auth_requests_per_minute: int = Field(default=60, ge=1)
    """Sign-ins, registrations and resets, by address."""
    auth_burst: int = Field(default=30, ge=1)
    """Of these, at once."""
    limits_exempt: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks whose requests are not limited, such as ``127.0.0.0/8`` where only trusted programs run."""

    # Billing
    stripe_api_key: SecretStr | None = None
    """Payments go through Stripe if it is set; otherwise an administrator confirms them."""
    stripe_webhook_secret: SecretStr | None = None
    """Of the endpoint ``/v1/billing/webhook``, as Stripe shows it."""
    stripe_api_base: str | None = None
    """Address of Stripe's API if it is not Stripe's own: a proxy, or a stand-in for tests."""
    billing_grace_days: int = Field(default=7, ge=0, le=90)
    """Days a plan goes on while a payment is missing."""
    seller_name: str = "Crypto Analytics Platform"
    seller_address: str = ""
    """Lines are separated by line breaks."""
    seller_tax_id: str = ""
    tax_name: str = "VAT"
    tax_rate_bp: int = Field(default=0, ge=0, le=10_000)
    """Tax the prices include, in hundredths of a percent; with Stripe, Stripe's computation counts."""
    payment_instructions: str = ""
    """How to pay an invoice where an administrator confirms payments, such as a bank account."""

    # Sign-in
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks of our own proxies, such as ``10.0.0.0/8``; only their ``X-Forwarded-For`` is believed."""
    password_memory_kib: int = Field(default=19_456, ge=8)
    """Memory of one Argon2id hash."""
    password_passes: int = Field(default=2, ge=1)
    """Passes of Argon2id over that memory."""
    password_width: int = Field(default=2, ge=1, le=4)
    """Hashes computed at once; each takes a core."""
    session_days: int = Field(default=30, ge=1)
    """Days until a session ends however it is used."""
    session_idle_days: int = Field(default=14, ge=1)
    """Days until a session ends that is not used."""

    @field_validator(
        "markets", "timeframes", "trusted_proxies", "webhook_allow_private", "limits_exempt", "services", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies", "webhook_allow_private", "limits_exempt")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value

    @field_validator("strategies", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    def require(self, store: str) -> str:
        """URL of a store in the clear, for handing to its client.

        Parameters
        ----------
        store : str
            Name of the field, such as ``clickhouse_url``.

        Raises
        ------
        MissingStore
            If it is not set.
        """
        value: SecretStr | None = getattr(self, store)
        if value is None:
            raise MissingStore(
                f"CAP_{store.upper()} is not set; start the embedded stores with 'cap up' or point it at a running one"
            )
        return value.get_secret_value()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings of this process, once from the environment."""
    return Settings()

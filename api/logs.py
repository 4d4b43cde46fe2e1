"""Logs: one JSON object a line on stderr, with the request's id and without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stores.settings import Settings

_HIDDEN = "[secret]"


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """All that must never be logged: every URL with its password, and the passwords alone."""
    found: set[str] = set()
    for secret in (
        settings.clickhouse_url,
        settings.clickhouse_analyst_url,
        settings.postgres_url,
        settings.redis_url,
        settings.smtp_url,
    ):
        if secret is None:
            continue
        url = secret.get_secret_value()
        password = urlsplit(url).password
        if password:
            found |= {url, password, unquote(password)}
    for secret in (
        settings.secret_key,
        settings.telegram_token,
        settings.stripe_api_key,
        settings.stripe_webhook_secret,
    ):
        if secret is not None:
            found.add(secret.get_secret_value())
    # Longest first, so that a URL is hidden whole and not only in part.
    return tuple(sorted(found, key=len, reverse=True))


def _hide(secrets: Iterable[str]) -> Processor:
    known = tuple(secrets)

    def clean(value: object) -> object:
        if isinstance(value, str):
            for secret in known:
                value = value.replace(secret, _HIDDEN)
        return value

    def process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {key: clean(value) for key, value in event.items()}

    return process


def configure(settings: Settings) -> None:
    """Set up logging for the process. The last call counts."""
    # It writes every address it asks, and a bot's token is part of one.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _hide(secrets_of(settings)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

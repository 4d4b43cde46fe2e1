"""Logs: one JSON object a line on stderr, with the request's id and without secrets."""

from __future__ import annotations

import logging
import sys
from urllib.parse import unquote, urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from api.observability import tracing
from api.observability.redaction import Redactor
from stores.settings import Settings


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


def redactor_of(settings: Settings) -> Redactor:
    """Make what hides the secrets of these settings, and of people."""
    return Redactor(secrets_of(settings))


def _trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    found = tracing.identity()
    if found is not None:
        event["trace_id"], event["span_id"] = found
    return event


def stamps() -> list[Processor]:
    """Add to an event where it belongs and when it was."""
    return [
        structlog.contextvars.merge_contextvars,
        _trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]


def endings(settings: Settings) -> list[Processor]:
    """Turn an event into a line without secrets."""
    redactor = redactor_of(settings)

    def hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {key: redactor.named(key, value) for key, value in event.items()}

    return [structlog.processors.format_exc_info, hide, structlog.processors.JSONRenderer(default=str)]


def configure(settings: Settings) -> None:
    """Set up logging for the process. The last call counts."""
    # It writes every address it asks, and a bot's token is part of one.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*stamps(), *endings(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

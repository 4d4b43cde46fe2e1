"""Who is asking, and what the analyst's connections are allowed before and after they are locked."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.local.clickhouse_server.credentials import Credentials, User
from deploy.local.clickhouse_server.errors import Code, QueryError


class NoCredentials(Exception):
    """The request names no user."""


def authenticate(credentials: Credentials, headers: Mapping[str, str], parameters: Mapping[str, str]) -> User:
    """Find the user of a request: ``X-ClickHouse-User``/``-Key``, basic auth, or ``?user=&password=``.

    Raises
    ------
    NoCredentials
        If none is given.
    QueryError
        If they are wrong, or given in two ways at once.
    """
    in_headers = "x-clickhouse-user" in headers or "x-clickhouse-key" in headers
    in_url = "user" in parameters or "password" in parameters
    authorization = headers.get("authorization", "")
    if in_headers + in_url + bool(authorization) > 1:
        raise QueryError.of(
            Code.AUTHENTICATION_FAILED, "Invalid authentication: give the user in one way, headers, basic auth or URL"
        )
    if in_headers:
        name, password = headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    elif in_url:
        name, password = parameters.get("user", ""), parameters.get("password", "")
    elif authorization:
        name, password = _basic(authorization)
    else:
        raise NoCredentials
    expected = credentials.passwords.get(name) if name in set(User) else None  # pyright: ignore[reportArgumentType, reportCallIssue]
    given, wanted = password.encode("utf-8", "surrogateescape"), (expected or "").encode()
    if not hmac.compare_digest(given, wanted) or expected is None:
        raise QueryError.of(
            Code.AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
    return User(name)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise QueryError.of(Code.AUTHENTICATION_FAILED, f"Authorization scheme {scheme!r} is not supported; use Basic")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise QueryError.of(Code.AUTHENTICATION_FAILED, "The Authorization header is not valid base64") from None
    name, _, password = decoded.partition(":")
    return name, password


@dataclass(frozen=True)
class AnalystLimits:
    """What one query of the analyst may cost."""

    settings: dict[str, int] = field(
        default_factory=lambda: {
            "max_execution_time": 120,
            "max_result_rows": 10_000_000,
            "max_result_bytes": 4 << 30,
            "max_memory_usage": 1 << 30,
            "max_rows_to_read": 2_000_000_000,
            "max_threads": 2,
        }
    )


_HARMLESS = re.compile(
    r"(?!.*schema)output_format_\w+|format_csv_delimiter|date_time_output_format|session_timezone|log_comment|extremes"
    r"|final|limit|offset|max_block_size|join_use_nulls|group_by_use_nulls|transform_null_in|totals_mode"
    r"|result_overflow_mode|prefer_column_name_to_alias|asterisk_include_alias_columns"
    r"|aggregate_functions_null_for_empty|empty_result_for_aggregation_by_empty_set|count_distinct_implementation"
)
_OF_THE_TRANSPORT = re.compile(
    r"send_progress_in_http_headers|cancel_http_readonly_queries_on_client_close|http_\w+|add_http_cors_header"
    r"|connect_timeout\w*|receive_timeout|send_timeout|load_balancing|use_client_time_zone|async_insert\w*"
    r"|wait_for_async_insert\w*|insert_\w+|input_format_\w+|date_time_input_format|mutations_sync|alter_sync|select_sequential_consistency"
)


@dataclass(frozen=True)
class AnalystSettings:
    """Settings an analyst's client sent, sorted by what becomes of them.

    Parameters
    ----------
    applied : dict
        Set before the connection is locked: the limits, tightened where the client asked for less, and what only
        changes how a result looks.
    left_to_the_engine : dict
        Everything else, set after the lock, so that the engine refuses it as a server does. What only concerns the
        transport, or writes, is in neither: clients send it with every request without being asked.
    """

    applied: dict[str, str]
    left_to_the_engine: dict[str, str]


def sort_analyst_settings(sent: Mapping[str, str], limits: AnalystLimits) -> AnalystSettings:
    """Decide what becomes of the settings an analyst's client sent."""
    applied = {name: str(value) for name, value in limits.settings.items()}
    refused: dict[str, str] = {}
    for name, value in sent.items():
        if name in limits.settings:
            wanted = int(float(value)) if re.fullmatch(r"\d+(\.\d+)?", value) else 0
            if 0 < wanted < limits.settings[name]:
                applied[name] = str(wanted)
        elif _HARMLESS.fullmatch(name):
            applied[name] = value
        elif not _OF_THE_TRANSPORT.fullmatch(name):
            refused[name] = value
    return AnalystSettings(applied, refused)

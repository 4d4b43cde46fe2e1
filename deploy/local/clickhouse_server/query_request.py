"""What a request asks for: statement, data, settings, parameters, session, formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.local.clickhouse_server.errors import Code, QueryError

DEFAULT_FORMAT = "TabSeparated"

_NOT_SETTINGS = frozenset(
    {
        *("query", "database", "default_format", "user", "password", "quota_key", "query_id", "role", "stacktrace"),
        *("compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version", "close_session"),
        *("session_id", "session_timeout", "session_check", "enable_http_compression", "http_zlib_compression_level"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "framing"),
    }
)
_SETTING_NAME = re.compile(r"[A-Za-z_][\w.]*")
_EXTERNAL_TABLE_PARAMETER = re.compile(r"(.+)_(?:format|structure|types)")
_MAX_SESSION_TIMEOUT = 3600


@dataclass(frozen=True)
class SessionRequest:
    """Which session a request belongs to."""

    id: str
    timeout: int = 60
    must_exist: bool = False
    closes: bool = False


@dataclass
class QueryRequest:
    """A request to run a statement, apart from its body.

    Parameters
    ----------
    query : str
        The statement from the URL or form; continues in the body.
    values : dict
        Values of ``{name:Type}`` in the statement.
    settings : dict
        Settings for this request alone.
    """

    query: str = ""
    query_id: str = ""
    database: str = ""
    default_format: str = DEFAULT_FORMAT
    values: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    session: SessionRequest | None = None
    wait_end_of_query: bool = False
    compress_response: bool = False
    native_compressed_response: bool = False
    native_compressed_body: bool = False
    read_only: bool = False


def read_query_request(
    method: str, parameters: Mapping[str, str], headers: Mapping[str, str], external_tables: frozenset[str]
) -> QueryRequest:
    """Sort the parameters of a request.

    Parameters
    ----------
    method : str
        A request by GET may not write, as on a server.
    parameters : mapping
        Of the URL and the form together.
    headers : mapping
        Names in lower case.
    external_tables : frozenset of str
        Names of the tables sent along, whose ``_structure``, ``_types`` and ``_format`` are no settings.

    Raises
    ------
    QueryError
        If a value cannot be understood.
    """
    settings: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in parameters.items():
        if name.startswith("param_"):
            values[name[6:]] = value
        elif name in _NOT_SETTINGS or (
            (found := _EXTERNAL_TABLE_PARAMETER.fullmatch(name)) and found[1] in external_tables
        ):
            continue
        elif not _SETTING_NAME.fullmatch(name):
            raise QueryError.of(Code.UNKNOWN_SETTING, f"Unknown setting {name!r}")
        else:
            settings[name] = value
    return QueryRequest(
        query=parameters.get("query", ""),
        query_id=parameters.get("query_id", "") or headers.get("x-clickhouse-query-id", ""),
        database=parameters.get("database", "") or headers.get("x-clickhouse-database", ""),
        default_format=parameters.get("default_format", "") or headers.get("x-clickhouse-format", "") or DEFAULT_FORMAT,
        values=values,
        settings=settings,
        session=_session(parameters),
        wait_end_of_query=_flag(parameters, "wait_end_of_query"),
        compress_response=_flag(parameters, "enable_http_compression"),
        native_compressed_response=_flag(parameters, "compress"),
        native_compressed_body=_flag(parameters, "decompress"),
        read_only=method in ("GET", "HEAD"),
    )


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "").lower() in ("1", "true")


def _session(parameters: Mapping[str, str]) -> SessionRequest | None:
    identity = parameters.get("session_id", "")
    if not identity:
        return None
    wanted = parameters.get("session_timeout", "60")
    if not wanted.isdecimal() or not wanted.isascii():
        raise QueryError.of(Code.INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{wanted}'")
    if int(wanted) > _MAX_SESSION_TIMEOUT:
        raise QueryError.of(
            Code.INVALID_SESSION_TIMEOUT,
            f"Session timeout '{wanted}' is larger than max_session_timeout: {_MAX_SESSION_TIMEOUT}",
        )
    return SessionRequest(
        identity, int(wanted), _flag(parameters, "session_check"), closes=_flag(parameters, "close_session")
    )

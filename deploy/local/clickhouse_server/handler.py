"""One request: its route, its user, its statement."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.clickhouse_server.access import (
    AnalystLimits,
    NoCredentials,
    authenticate,
    sort_analyst_settings,
)
from deploy.local.clickhouse_server.answer import Answer, refuse
from deploy.local.clickhouse_server.compression import negotiate
from deploy.local.clickhouse_server.credentials import Credentials, User
from deploy.local.clickhouse_server.engine import ClientGone, Connection, Engine
from deploy.local.clickhouse_server.errors import Code, QueryError
from deploy.local.clickhouse_server.execution import (
    Job,
    Runner,
    quote_name,
    set_statement,
    settings_of_one_request,
)
from deploy.local.clickhouse_server.http1 import Connection as ClientConnection
from deploy.local.clickhouse_server.http1 import Request, Response
from deploy.local.clickhouse_server.query_body import read_statement
from deploy.local.clickhouse_server.query_request import QueryRequest, read_query_request
from deploy.local.clickhouse_server.sessions import Sessions
from deploy.local.clickhouse_server.spool import Spool

_KILL_BY_ID = re.compile(
    r"\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([\w.-]+)'\s*(SYNC|ASYNC|TEST)?\s*;?\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class Service:
    """Everything a request needs."""

    engine: Engine
    runner: Runner
    credentials: Credentials
    sessions: dict[User, Sessions]
    analyst_limits: AnalystLimits
    spool_folder: Path
    display_name: str = "cap"


def handle(service: Service, client: ClientConnection, request: Request) -> None:
    """Answer a request.

    Raises
    ------
    Disconnected
        If the client goes away meanwhile.
    """
    response = Response(client, request)
    headers = {"X-ClickHouse-Server-Display-Name": service.display_name}
    plain = {**headers, "Content-Type": "text/plain; charset=UTF-8"}
    parameters = dict(request.query)
    if request.method not in ("GET", "POST", "HEAD"):
        response.whole(405, {**plain, "Allow": "GET, HEAD, POST"}, b"Only GET, HEAD and POST are supported\n")
    elif request.path in ("/ping", "/replicas_status"):
        response.whole(200, plain, b"Ok.\n")
    elif request.path not in ("/", "/query"):
        response.whole(404, plain, f"There is no handle {request.path}\n".encode("utf-8", "replace"))
    elif request.method != "POST" and "query" not in parameters:
        response.whole(200, plain, b"Ok.\n")
    else:
        _query(service, client, request, response, parameters, headers)


def _query(
    service: Service,
    client: ClientConnection,
    request: Request,
    response: Response,
    parameters: dict[str, str],
    headers: dict[str, str],
) -> None:
    version = service.engine.version
    try:
        user = authenticate(service.credentials, request.headers, parameters)
    except NoCredentials:
        error = QueryError.of(Code.AUTHENTICATION_FAILED, "Authentication is required: give a user and a password")
        response.whole(
            401,
            {
                **headers,
                "WWW-Authenticate": 'Basic realm="ClickHouse server HTTP API"',
                "X-ClickHouse-Exception-Code": str(error.code),
                "Content-Type": "text/plain; charset=UTF-8",
            },
            f"{error.message}\n".encode(),
        )
        return
    except QueryError as error:
        refuse(response, headers, error, f"{error.message} (version {version} (embedded))\n")
        return
    with ExitStack() as resources:
        answer: Answer | None = None
        try:
            statement = resources.enter_context(
                read_statement(client.body(request), parameters, request.headers, user, service.spool_folder)
            )
            query = read_query_request(request.method, statement.parameters, request.headers, statement.external_names)
            query.query_id = query.query_id or str(uuid.uuid4())
            headers |= {
                "X-ClickHouse-Query-Id": _header_value(query.query_id),
                "X-ClickHouse-Timezone": query.settings.get("session_timezone") or service.engine.timezone,
            }
            hold_all = resources.enter_context(Spool(service.spool_folder)) if query.wait_end_of_query else None
            answer = Answer(
                response,
                headers,
                service.engine.content_types,
                encoding=negotiate(request.headers.get("accept-encoding", "")) if query.compress_response else None,
                native_frames=_native_frames if query.native_compressed_response else None,
                hold_all=hold_all,
                version=version,
            )
            job = Job(
                text=_kill_in_engine_terms(statement.text),
                default_format=query.default_format,
                values=query.values,
                query_id=query.query_id,
                client_gone=client.is_gone,
                head=statement.head,
                data_path=statement.data_path,
                inline_data=statement.inline_data,
                read_only=query.read_only,
            )
            with (
                service.engine.slot(user, client.is_gone),
                _prepared(service, user, query, statement.external_tables) as connection,
            ):
                if user is User.ANALYST:
                    from deploy.local.clickhouse_server.analyst_guard import check

                    check(connection, job.text if job.head is None else job.head.text, query.database)
                progress = service.runner.run(connection, job, answer)
            answer.finish(progress)
        except QueryError as error:
            if answer is not None:
                answer.fail(error)
            else:
                refuse(response, headers, error, f"{error.message} (version {version} (embedded))\n")
        except ClientGone:
            request.keep_alive = False


def _native_frames():
    from deploy.local.clickhouse_server.native_frames import FrameEncoder

    return FrameEncoder()


def _header_value(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


def _kill_in_engine_terms(sql: str) -> str:
    """The engine numbers queries itself; the id the client gave is in the comment in front of the statement."""
    found = _KILL_BY_ID.fullmatch(sql)
    if found is None:
        return sql
    return f"KILL QUERY WHERE startsWith(query, '/*{found[1]} #') AND query_id != queryID() {found[2] or ''}"


@contextmanager
def _prepared(
    service: Service, user: User, query: QueryRequest, external_tables: tuple[str, ...]
) -> Iterator[Connection]:
    """Open the connection of a request, with its database, settings and external tables."""
    with ExitStack() as stack:
        held = None
        if query.session is not None:
            held = stack.enter_context(service.sessions[user].use(query.session))
        if held is not None and user is User.CAP:
            for statement in external_tables:
                stack.callback(_drop_temporary, held, statement)
                held.execute(statement)
            stack.enter_context(settings_of_one_request(held, query.settings, query.database))
            yield held
            return
        # A locked connection cannot be unlocked, so the analyst's requests share none, not even within a session.
        connection = service.engine.connect()
        stack.callback(connection.close)
        if query.database:
            connection.execute(f"USE {quote_name(query.database)}")
        settings = dict(query.settings)
        refused: dict[str, str] = {}
        if user is User.ANALYST:
            sorted_settings = sort_analyst_settings(settings, service.analyst_limits)
            settings, refused = sorted_settings.applied, sorted_settings.left_to_the_engine
        if settings:
            connection.execute(set_statement(settings))
        for statement in external_tables:
            connection.execute(statement)
        if user is User.ANALYST:
            connection.execute("SET readonly = 1")
            if refused:
                connection.execute(set_statement(refused))
        elif query.read_only and settings.get("readonly", "0") == "0":
            connection.execute("SET readonly = 2")
        yield connection


def _drop_temporary(connection: Connection, create_statement: str) -> None:
    found = re.match(r"CREATE TEMPORARY TABLE (`(?:[^`\\]|\\.)*`)", create_statement)
    if found is not None:
        connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {found[1]}")

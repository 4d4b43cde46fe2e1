"""One request: its route, its user, its statement."""

from __future__ import annotations

import re
import sys
import traceback
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.local.clickhouse_server.access import NoCredentials, authenticate
from deploy.local.clickhouse_server.analyst_guard import AnalystGuard
from deploy.local.clickhouse_server.answer import Answer, refuse
from deploy.local.clickhouse_server.compression import Encoder, negotiate
from deploy.local.clickhouse_server.credentials import Credentials, User
from deploy.local.clickhouse_server.engine import ClientGone, Engine
from deploy.local.clickhouse_server.errors import Code, QueryError
from deploy.local.clickhouse_server.execution import Job, Runner, marker_id
from deploy.local.clickhouse_server.http1 import Connection as ClientConnection
from deploy.local.clickhouse_server.http1 import Disconnected, Request, Response
from deploy.local.clickhouse_server.preparation import Preparer
from deploy.local.clickhouse_server.query_body import Statement, read_statement
from deploy.local.clickhouse_server.query_request import QueryRequest, read_query_request
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
    preparer: Preparer
    guard: AnalystGuard
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
    answer = Answer(response, headers, service.engine.content_types, service.engine.version)
    with ExitStack() as resources:
        try:
            user = authenticate(service.credentials, request.headers, parameters)
            statement = resources.enter_context(
                read_statement(client.body(request), parameters, request.headers, user, service.spool_folder)
            )
            query = read_query_request(request.method, statement.parameters, request.headers, statement.external_names)
            query.query_id = query.query_id or str(uuid.uuid4())
            headers["X-ClickHouse-Query-Id"] = re.sub(r"[^\x20-\x7e]", "?", query.query_id)
            headers["X-ClickHouse-Timezone"] = query.settings.get("session_timezone") or service.engine.timezone
            if query.native_compressed_response:
                answer.frame_natively(_native_frames)
            elif query.compress_response:
                answer.encode_as(negotiate(request.headers.get("accept-encoding", "")))
            if query.wait_end_of_query:
                answer.hold_all(resources.enter_context(Spool(service.spool_folder)))
            _run(service, client, user, query, statement, answer)
        except NoCredentials:
            _ask_for_credentials(response, headers)
        except QueryError as error:
            answer.fail(error)
        except ClientGone:
            request.keep_alive = False
        except Disconnected:
            raise
        except Exception:  # a defect here is reported to the client and in the log, and ends nobody else's connection
            traceback.print_exc(file=sys.stderr)
            answer.fail(QueryError.of(Code.UNKNOWN_EXCEPTION, "The server failed; its log has the details"))


def _run(
    service: Service, client: ClientConnection, user: User, query: QueryRequest, statement: Statement, answer: Answer
) -> None:
    job = Job(
        text=_kill_in_engine_terms(statement.text),
        default_format=query.default_format,
        values=query.values,
        query_id=query.query_id,
        client_gone=client.is_gone,
        head=statement.head,
        data_path=statement.data_path,
        read_only=query.read_only,
    )
    with (
        service.engine.slot(user, client.is_gone),
        service.preparer.connection(user, query, statement.external_tables) as connection,
    ):
        if user is User.ANALYST:
            service.guard.check(connection, job.text, query.database, query.values)
        progress = service.runner.run(connection, job, answer)
    answer.finish(progress)


def _native_frames() -> Encoder:
    from deploy.local.clickhouse_server.native_frames import FrameEncoder

    return FrameEncoder()


def _ask_for_credentials(response: Response, headers: dict[str, str]) -> None:
    error = QueryError.of(Code.AUTHENTICATION_FAILED, "Authentication is required: give a user and a password")
    challenge = {"WWW-Authenticate": 'Basic realm="ClickHouse server HTTP API"'}
    refuse(response, {**headers, **challenge}, error, f"{error.message}\n", status=401)


def _kill_in_engine_terms(sql: str) -> str:
    """The engine numbers queries itself; the id the client gave is in the comment in front of the statement."""
    found = _KILL_BY_ID.fullmatch(sql)
    if found is None:
        return sql
    return f"KILL QUERY WHERE startsWith(query, '/*{marker_id(found[1])} #') AND query_id != queryID() {found[2] or ''}"

"""From a request to the connection its statement runs on: database, settings, tables sent along, and the lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from deploy.local.clickhouse_server.access import AnalystLimits, sort_analyst_settings
from deploy.local.clickhouse_server.credentials import User
from deploy.local.clickhouse_server.engine import Connection, Engine
from deploy.local.clickhouse_server.errors import QueryError
from deploy.local.clickhouse_server.query_body import ExternalTable
from deploy.local.clickhouse_server.query_request import QueryRequest
from deploy.local.clickhouse_server.sessions import Sessions


@dataclass(frozen=True)
class Preparer:
    """Opens connections.

    Parameters
    ----------
    engine : Engine
    sessions : Sessions
        Of the platform's user; the analyst's hold no state and need none.
    limits : AnalystLimits
    """

    engine: Engine
    sessions: dict[User, Sessions]
    limits: AnalystLimits

    @contextmanager
    def connection(self, user: User, query: QueryRequest, tables: tuple[ExternalTable, ...]) -> Iterator[Connection]:
        """Hold the connection for one request.

        Raises
        ------
        QueryError
            If the engine refuses a setting, the database or a table.
        """
        with ExitStack() as stack:
            session = None
            if query.session is not None:
                session = stack.enter_context(self.sessions[user].use(query.session))
            if session is not None and user is User.CAP:
                for table in tables:
                    stack.callback(session.execute, f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}")
                    _create(session, table)
                stack.enter_context(self._for_one_request(session, query.settings, query.database))
                yield session
                return
            # A locked connection cannot be unlocked, so the analyst's requests share none, not even in a session.
            connection = self.engine.connect()
            stack.callback(connection.close)
            if query.database:
                connection.execute(f"USE {quote_name(query.database)}")
            if user is User.ANALYST:
                self._lock(connection, query, tables)
            else:
                if query.settings:
                    connection.execute(set_statement(query.settings))
                for table in tables:
                    _create(connection, table)
                if query.read_only and query.settings.get("readonly", "0") == "0":
                    connection.execute("SET readonly = 2")
            yield connection

    def _lock(self, connection: Connection, query: QueryRequest, tables: tuple[ExternalTable, ...]) -> None:
        settings = sort_analyst_settings(query.settings, self.limits)
        for table in tables:
            _create(connection, table)
        connection.execute(set_statement({**settings.applied, "readonly": "1"}))
        if settings.left_to_the_engine:
            connection.execute(set_statement(settings.left_to_the_engine))

    @contextmanager
    def _for_one_request(self, session: Connection, settings: Mapping[str, str], database: str) -> Iterator[None]:
        """Apply settings to a session and take them back afterwards."""
        with ExitStack() as stack:
            if database:
                former = "default"
                if session.touched:
                    former = session.execute("SELECT currentDatabase() FORMAT RawBLOB").decode(
                        "utf-8", "surrogateescape"
                    )
                session.execute(f"USE {quote_name(database)}")
                stack.callback(_quietly, session, f"USE {quote_name(former)}")
            if settings:
                former_values = {name: self.engine.session_settings.get(name) for name in settings}
                if session.touched:
                    former_values.update(_changed_settings(session, settings))
                session.execute(set_statement(settings))
                stack.callback(_quietly, session, set_statement(former_values))
            yield


def _create(connection: Connection, table: ExternalTable) -> None:
    connection.execute(table.create)
    connection.execute(table.insert)


def _changed_settings(session: Connection, names: Mapping[str, str]) -> dict[str, str]:
    wanted = ", ".join(quote(name) for name in names)
    rows = session.execute(
        f"SELECT name, value FROM system.settings WHERE changed AND name IN ({wanted}) FORMAT JSONCompactEachRow"  # quoted
    )
    return dict(json.loads(row) for row in rows.splitlines())


def _quietly(session: Connection, statement: str) -> None:
    with suppress(QueryError):
        session.execute(statement)


def quote(text: str) -> str:
    """Write a string as an SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(text: str) -> str:
    """Write a name as an SQL identifier."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def set_statement(settings: Mapping[str, str | None]) -> str:
    """Write a SET statement; None puts a setting back to its default."""
    return "SET " + ", ".join(
        f"{name} = {'DEFAULT' if value is None else quote(value)}" for name, value in settings.items()
    )

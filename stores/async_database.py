"""A few connections to the serving database that an event loop uses without threads.

For short statements that nearly every request needs: a thread for each costs more than the statement itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.rows import dict_row

from stores.settings import Settings

Row: TypeAlias = dict[str, Any]
_Connection: TypeAlias = psycopg.AsyncConnection[Row]


class AsyncDatabase:
    """Connections of one event loop; none is opened before it is needed.

    Parameters
    ----------
    settings : Settings
    width : int
        Statements that may run at once; others wait.
    connect_timeout_s : int
        Seconds to wait for a new connection; 2 is the least the client library accepts.
    statement_timeout_ms : int
        The server ends a statement after this long.
    """

    def __init__(
        self, settings: Settings, *, width: int = 4, connect_timeout_s: int = 2, statement_timeout_ms: int = 5_000
    ) -> None:
        self._settings = settings
        self._connect_timeout_s = connect_timeout_s
        self._options = f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC"
        self._turns = asyncio.Semaphore(width)
        self._idle: list[_Connection] = []

    async def fetch_one(self, statement: LiteralString, parameters: Mapping[str, Any]) -> Row | None:
        """Run a statement outside of any transaction; its first row, None if it has none.

        A connection that turns out to be dead is replaced, and the statement run once more.

        Parameters
        ----------
        statement : str
            With places as in ``%(name)s``. It must do no harm if it is run twice.
        parameters : mapping

        Raises
        ------
        stores.settings.MissingStore
            If no URL is set.
        psycopg.Error
            If the server cannot be reached or refuses the statement.
        """
        async with self._turns:
            if self._idle:
                connection = self._idle.pop()
                try:
                    return await self._run(connection, statement, parameters)
                except psycopg.OperationalError:
                    if not connection.broken:
                        raise
                # What lay beside it is as old.
                await self.close()
            return await self._run(await self._connect(), statement, parameters)

    async def close(self) -> None:
        """Close the connections that are not in use."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _run(
        self, connection: _Connection, statement: LiteralString, parameters: Mapping[str, Any]
    ) -> Row | None:
        try:
            cursor = await connection.execute(statement, parameters)
            row = await cursor.fetchone()
        except BaseException:
            # Nobody knows in which state it is.
            await connection.close()
            raise
        self._idle.append(connection)
        return row

    async def _connect(self) -> _Connection:
        return await psycopg.AsyncConnection[Row].connect(
            self._settings.require("postgres_url"),
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=self._connect_timeout_s,
            application_name="crypto-analytics-platform",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
            options=self._options,
        )

"""The warehouse: one ClickHouse client, idempotent writes, and the stored engine states.

Every statement carries its origin (asset and run) in ``log_comment``. Rows of a series are only ever written in two
ways: appended where no row stands yet, or swapped in together with their whole partition in one atomic step. A repeated
write therefore changes nothing, and a process that dies in the middle leaves rows that the next run replaces.

The timeframes of a market share its partitions, so one of them is written at a time: threads take turns here, processes
by `stores.locks.market_lock`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from stores.markets import Market
from stores.settings import Settings

if TYPE_CHECKING:
    import polars as pl

_MIGRATIONS = Path(__file__).resolve().parent / "migrations" / "warehouse"
_SERIES_COLUMNS = ("exchange", "symbol", "timeframe")


_turns: defaultdict[tuple[str, Market], Lock] = defaultdict(Lock)


class UnsafeWrite(RuntimeError):
    """A write that would touch rows outside its series or range."""


@dataclass(frozen=True, order=True)
class Series:
    """A market on one timeframe: the unit every engine folds over."""

    market: Market
    timeframe: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Query parameters ``exchange``, ``symbol`` and ``timeframe``."""
        return {"exchange": self.market.exchange, "symbol": self.market.symbol, "timeframe": self.timeframe}

    def __str__(self) -> str:
        return f"{self.market} {self.timeframe}"


IN_SERIES = "exchange = {exchange:String} AND symbol = {symbol:String} AND timeframe = {timeframe:String}"
"""Condition that selects one series; its parameters are `Series.parameters`."""

_IN_RANGE = f"{IN_SERIES} AND ts >= {{range_start:DateTime64(3, 'UTC')}} AND ts < {{range_end:DateTime64(3, 'UTC')}}"


class Warehouse:
    """A connection to the warehouse. Safe to share between threads: it holds no server session.

    Parameters
    ----------
    client : clickhouse_connect.driver.client.Client
        Not annotated as such: the library's own annotations are partial, which strict checking refuses.
    settings : mapping, optional
        Settings sent with every statement.
    """

    def __init__(self, client: Any, settings: Mapping[str, Any] | None = None) -> None:
        self._client = client
        self._settings = dict(settings or {})

    @classmethod
    def connect(
        cls,
        settings: Settings,
        *,
        analyst: bool = False,
        origin: str = "",
        connect_timeout_s: int = 10,
        read_timeout_s: int = 300,
    ) -> Warehouse:
        """Connect to the URL in the settings.

        Parameters
        ----------
        settings : Settings
        analyst : bool
            Connect as the read-only analyst.
        origin : str
            Who asks; written to ``log_comment`` of every statement (not for the analyst, who may not change settings).
        connect_timeout_s, read_timeout_s : int
            Seconds to wait for the connection and for each answer. A service that must answer in bounded time sets
            them short.

        Raises
        ------
        stores.settings.MissingStore
            If no URL is set.
        clickhouse_connect.driver.exceptions.Error
            If the server cannot be reached or refuses the credentials.
        """
        import clickhouse_connect

        url = urlsplit(settings.require("clickhouse_analyst_url" if analyst else "clickhouse_url"))
        client: Any = clickhouse_connect.get_client(  # pyright: ignore[reportUnknownMemberType]
            host=url.hostname or "127.0.0.1",
            port=url.port or (8443 if url.scheme == "https" else 8123),
            secure=url.scheme == "https",
            username=unquote(url.username or "default"),
            password=unquote(url.password or ""),
            autogenerate_session_id=False,
            connect_timeout=connect_timeout_s,
            send_receive_timeout=read_timeout_s,
        )
        return cls(client, {"log_comment": origin} if origin and not analyst else None)

    def tagged(self, origin: str) -> Warehouse:
        """Return the same connection under another ``log_comment``."""
        return Warehouse(self._client, {**self._settings, "log_comment": origin})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ping(self) -> bool:
        """Whether the server answers."""
        return self._client.ping()

    # -- reading ----------------------------------------------------------------------------------------------------

    def query_polars(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run a query and return its rows as a frame. Time columns are UTC; strings are ``String``."""
        import polars as pl

        table = self._client.query_arrow(sql, parameters=dict(parameters or {}), settings=self._settings)
        frame = pl.DataFrame(table)
        return frame.with_columns(
            pl.col(name).cast(pl.String) for name, dtype in frame.schema.items() if dtype == pl.Categorical
        )

    def query_json_lines(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[bytes]:
        """Run a query and return each row as a JSON object, written by the engine: not-a-number becomes null.

        The fastest way from the warehouse to a web reply: no row is decoded here.
        """
        body: bytes = self._client.raw_query(
            sql, parameters=dict(parameters or {}), settings=self._settings, fmt="JSONEachRow"
        )
        return body.splitlines()

    def query_arrow_stream(self, sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """Run a query and return its rows as an Arrow stream, written by the engine."""
        return self._client.raw_query(
            sql, parameters=dict(parameters or {}), settings=self._settings, fmt="ArrowStream"
        )

    def query_native(self, sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """Run a query and return its rows in ClickHouse's own format, bit for bit."""
        return self._client.raw_query(sql, parameters=dict(parameters or {}), settings=self._settings, fmt="Native")

    def insert_native(self, table: str, rows: bytes) -> None:
        """Insert rows as `query_native` returned them."""
        self._client.raw_insert(table, insert_block=rows, settings=self._settings, fmt="Native")

    def query_rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its rows as dictionaries; for small results."""
        result = self._client.query(sql, parameters=dict(parameters or {}), settings=self._settings)
        return list(result.named_results())

    def scalar(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """First column of the first row of a query."""
        return self._client.query(sql, parameters=dict(parameters or {}), settings=self._settings).first_row[0]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a statement that answers with no rows."""
        return self._client.command(sql, parameters=dict(parameters or {}), settings=self._settings)

    # -- writing ----------------------------------------------------------------------------------------------------

    def insert(self, table: str, frame: pl.DataFrame) -> int:
        """Insert rows as they are. Returns how many.

        For rows whose repetition does no harm (a version, a report); rows of an engine go through `write_range`.
        """
        import polars as pl

        if frame.is_empty():
            return 0
        database, _, name = table.rpartition(".")
        self._client.insert_arrow(
            name,
            frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
            database=database or None,
            settings=self._settings,
        )
        return frame.height

    def write_range(self, table: str, series: Series, start: datetime, end: datetime, frame: pl.DataFrame) -> int:
        """Make ``frame`` the rows of a series in ``[start, end)``. Returns how many rows were replaced.

        Appends where the range is empty; otherwise stages the partition anew and swaps it in atomically.

        Parameters
        ----------
        table : str
            A table partitioned by market and year whose first columns are exchange, symbol, timeframe, ts.
        series : Series
        start, end : datetime
            UTC; the range that ``frame`` holds all rows of.
        frame : polars.DataFrame
            Rows without the series columns, with ``ts``.

        Raises
        ------
        UnsafeWrite
            If a row of ``frame`` is outside the range.
        """
        import polars as pl

        if not frame.is_empty():
            first, last = frame["ts"].min(), frame["ts"].max()
            if first < start or last >= end:  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
                raise UnsafeWrite(f"{table} {series}: rows from {first} to {last} are outside {start} to {end}")
        in_range = {**series.parameters, "range_start": start, "range_end": end}
        rows = frame.with_columns(pl.lit(value).alias(name) for name, value in series.parameters.items())
        rows = rows.select(*_SERIES_COLUMNS, *frame.columns)
        # What another timeframe wrote between the staging of a partition and its swap would be lost, or stand twice.
        with _turns[table, series.market]:
            standing = int(self.scalar(f"SELECT count() FROM {table} WHERE {_IN_RANGE}", in_range))
            if standing == 0:
                self.insert(table, rows)
            else:
                self._swap_partitions(table, series, in_range, rows)
        return standing

    def _swap_partitions(self, table: str, series: Series, in_range: Mapping[str, Any], rows: pl.DataFrame) -> None:
        stage = f"{table}_stage_{uuid.uuid4().hex}"
        first, last = in_range["range_start"].year, in_range["range_end"].year
        scope = {**in_range, "first_year": first, "last_year": last}
        self.command(f"CREATE TABLE {stage} AS {table}")
        try:
            self.command(
                f"INSERT INTO {stage} SELECT * FROM {table} FINAL "
                "WHERE exchange = {exchange:String} AND symbol = {symbol:String} "
                "AND toYear(ts) BETWEEN {first_year:UInt16} AND {last_year:UInt16} "
                f"AND NOT ({_IN_RANGE})",
                scope,
            )
            self.insert(stage, rows)
            staged = {int(row["year"]) for row in self.query_rows(f"SELECT DISTINCT toYear(ts) AS year FROM {stage}")}
            for year in range(first, last + 1):
                market = (series.market.exchange, series.market.symbol)
                partition = f"tuple('{market[0]}', '{market[1]}', {year})"
                # The server refuses to put nothing in the place of rows: a year without rows is dropped by name.
                change = (
                    f"REPLACE PARTITION {partition} FROM {stage}" if year in staged else f"DROP PARTITION {partition}"
                )
                self.command(f"ALTER TABLE {table} {change}")
        finally:
            self.command(f"DROP TABLE IF EXISTS {stage}")

    def insert_missing(self, table: str, series: Series, frame: pl.DataFrame, key: Sequence[str]) -> int:
        """Insert the rows of a series whose key is not stored yet. Returns how many were inserted.

        Parameters
        ----------
        table : str
        series : Series
        frame : polars.DataFrame
            Rows without the series columns, with ``ts``.
        key : sequence of str
            Columns that identify a row within the series.
        """
        import polars as pl

        if frame.is_empty():
            return 0
        columns = ", ".join(key)
        stored = self.query_polars(
            f"SELECT DISTINCT {columns} FROM {table} WHERE {IN_SERIES} "
            "AND ts >= {first:DateTime64(3, 'UTC')} AND ts <= {last:DateTime64(3, 'UTC')}",
            {**series.parameters, "first": frame["ts"].min(), "last": frame["ts"].max()},
        )
        if not stored.is_empty():
            stored = stored.cast({name: frame.schema[name] for name in key})
            frame = frame.join(stored, on=list(key), how="anti")
        rows = frame.with_columns(pl.lit(value).alias(name) for name, value in series.parameters.items())
        return self.insert(table, rows.select(*_SERIES_COLUMNS, *frame.columns))


def migrate(settings: Settings) -> list[str]:
    """Apply the warehouse migrations that are not applied yet, in order of their names.

    Returns
    -------
    list of str
        Names of the migrations applied now.
    """
    with closing(Warehouse.connect(settings, origin="migrate")) as warehouse:
        warehouse.command("CREATE DATABASE IF NOT EXISTS market")
        warehouse.command("CREATE DATABASE IF NOT EXISTS marts")
        warehouse.command(
            "CREATE TABLE IF NOT EXISTS market.schema_migrations "
            "(name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY name"
        )
        applied = {row["name"] for row in warehouse.query_rows("SELECT name FROM market.schema_migrations")}
        fresh = [path for path in sorted(_MIGRATIONS.glob("*.sql")) if path.stem not in applied]
        for path in fresh:
            for statement in _statements(path.read_text()):
                warehouse.command(statement)
            warehouse.command("INSERT INTO market.schema_migrations (name) VALUES ({name:String})", {"name": path.stem})
        return [path.stem for path in fresh]


def _statements(script: str) -> list[str]:
    """Split a migration at the semicolons that end a line; comments are kept for the engine to skip."""
    return [part.strip() for part in script.split(";\n") if part.strip()]

"""The warehouse: every table of the database ``market``, in pieces of one market and year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.backup.archive import Member, digest_of
from stores.warehouse import Warehouse

_TABLES = """
SELECT name FROM system.tables
WHERE database = 'market' AND engine LIKE '%MergeTree' AND name NOT LIKE '%_stage_%' ORDER BY name
"""
_PIECED = ("exchange", "symbol", "ts")


def tables_of(warehouse: Warehouse) -> list[str]:
    """Names of the tables."""
    return [row["name"] for row in warehouse.query_rows(_TABLES)]


def dump(warehouse: Warehouse, folder: Path, told: Callable[[str], None]) -> list[Member]:
    """Write every table. Rows are versions that are never taken back, so each piece is as of its own moment."""
    members: list[Member] = []
    (folder / "clickhouse").mkdir()
    for table in tables_of(warehouse):
        for number, (condition, values) in enumerate(_pieces(warehouse, table)):
            name = f"clickhouse/{table}.{number}.native"
            path = folder / name
            rows = int(warehouse.scalar(f"SELECT count() FROM market.{table} WHERE {condition}", values))
            path.write_bytes(warehouse.query_native(f"SELECT * FROM market.{table} WHERE {condition}", values))
            members.append(Member(name, rows, path.stat().st_size, digest_of(path)))
        told(table)
    return members


def load(warehouse: Warehouse, folder: Path, members: Sequence[Member], told: Callable[[str], None]) -> None:
    """Put the rows back into tables that are emptied first."""
    tables = tables_of(warehouse)
    by_table: dict[str, list[Member]] = {}
    for member in members:
        by_table.setdefault(Path(member.name).name.split(".")[0], []).append(member)
    missing = set(by_table) - set(tables)
    if missing:
        raise RuntimeError(f"this version has no table market.{sorted(missing)[0]}")
    for table in tables:
        warehouse.command(f"TRUNCATE TABLE market.{table}")
        for member in by_table.get(table, ()):
            if member.rows:
                warehouse.insert_native(f"market.{table}", (folder / member.name).read_bytes())
        found = int(warehouse.scalar(f"SELECT count() FROM market.{table}"))
        expected = sum(member.rows for member in by_table.get(table, ()))
        # Merging of versions may have begun already; more rows than were put in there cannot be.
        if found > expected or (expected > 0 and found == 0):
            raise RuntimeError(f"market.{table} has {found} rows after the restore, the backup has {expected}")
        told(table)


def _pieces(warehouse: Warehouse, table: str) -> list[tuple[str, dict[str, Any]]]:
    columns = {row["name"] for row in warehouse.query_rows(f"DESCRIBE TABLE market.{table}")}
    if not columns.issuperset(_PIECED):
        return [("true", {})]
    found = warehouse.query_rows(
        f"SELECT exchange, symbol, toYear(ts) AS year FROM market.{table} GROUP BY exchange, symbol, year "
        "ORDER BY exchange, symbol, year"
    )
    condition = "exchange = {exchange:String} AND symbol = {symbol:String} AND toYear(ts) = {year:UInt16}"
    return [(condition, dict(row)) for row in found]

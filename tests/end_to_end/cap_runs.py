"""``cap run`` as a user starts it, and what its tables hold afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from deploy.local.stack import LocalStack, Ports
from stores.warehouse import Warehouse
from tests.stack_fixtures import bare_settings

MARKET_TABLES = (
    "candles",
    "candle_gaps",
    "indicators",
    "structure_events",
    "zone_events",
    "signals",
    "signal_outcomes",
    "risk_decisions",
    "backtest_runs",
    "backtest_trades",
    "backtest_equity",
)
MARTS = (
    "candles_ohlcv",
    "order_blocks",
    "fair_value_gaps",
    "market_structure",
    "signal_feed",
    "signal_performance",
    "strategy_leaderboard",
    "data_quality",
)
_VOLATILE = ("ingested_at", "decided_at", "last_ingested_at", "published_at", "sequence", "checked_at", "made_at")


def command(home: Path, *arguments: str) -> list[str]:
    """Command line of a run on a home."""
    return [sys.executable, "-m", "deploy.cli.main", "run", "--home", str(home), *arguments]


def environment() -> dict[str, str]:
    """Environment of a user who has set nothing."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CAP_", "DAGSTER_"))}


def cap_run(home: Path, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the graph once and wait for it."""
    return subprocess.run(
        command(home, *arguments), capture_output=True, text=True, env=environment(), timeout=timeout, check=False
    )


def stored(home: Path) -> dict[str, pl.DataFrame]:
    """All rows of a home that has nothing running, by table, as they lie there and in a fixed order.

    Columns that tell when a row was stored are left out.
    """
    tables: dict[str, pl.DataFrame] = {}
    with LocalStack(bare_settings(), home=home, ports=Ports.any()) as stack:
        warehouse = Warehouse.connect(stack.settings, origin="test")
        for database, names in (("market", MARKET_TABLES), ("marts", MARTS)):
            for name in names:
                frame = warehouse.query_polars(f"SELECT * FROM {database}.{name}")
                tables[f"{database}.{name}"] = _settled(frame)
        warehouse.close()
        uri = stack.settings.require("postgres_url")
        for name in ("published_signals", "signal_outcomes"):
            tables[f"serving.{name}"] = _settled(_postgres(uri, name))
    return tables


def _postgres(uri: str, table: str) -> pl.DataFrame:
    import psycopg

    with psycopg.connect(uri) as connection:
        cursor = connection.execute(f"SELECT to_jsonb(t)::text AS row FROM serving.{table} AS t")
        texts = [row[0] for row in cursor.fetchall()]
    return pl.DataFrame({"row": texts}, schema={"row": pl.String}).select(
        pl.col("row").str.replace_all(r'"(sequence|published_at)": ("[^"]*"|\d+)(, )?', "")
    )


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    frame = frame.drop(_VOLATILE, strict=False)
    return frame.sort([name for name, dtype in frame.schema.items() if not dtype.is_nested()])


def differences(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> list[str]:
    """Names of the tables that are not equal, with their heights."""
    return [
        f"{name}: {one[name].height} and {other[name].height} rows" for name in one if not one[name].equals(other[name])
    ]

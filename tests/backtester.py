"""Stored bars to backtest, and the real runner in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from deploy.cli.given_bars import read_source
from deploy.cli.options import Options
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]
MARKET = "sim:BTCUSDT"
FIRST, LAST = date(2024, 1, 1), date(2024, 3, 31)


def store_hours(settings: Settings) -> None:
    """Store three months of simulated hours."""
    bars = read_source("sim", Market.parse(MARKET), Timeframe("1h"), Options(since=FIRST, until=LAST)).bars
    rows = bars.select(
        pl.lit("sim").alias("exchange"),
        pl.lit("BTCUSDT").alias("symbol"),
        pl.lit("1h").alias("timeframe"),
        pl.col("ts").cast(pl.Datetime("ms", "UTC")),
        *("open", "high", "low", "close", "volume"),
        pl.lit("1h").alias("base_timeframe"),
        pl.lit(1).alias("base_bars"),
        pl.lit("sim").alias("source"),
        pl.lit(datetime(2024, 6, 1, tzinfo=UTC)).alias("ingested_at"),
    )
    with closing(Warehouse.connect(settings, origin="test")) as client:
        client.insert("market.candles", rows)


@contextmanager
def process(environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A runner; it is killed at the end."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli.main", "backtester"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait(30)

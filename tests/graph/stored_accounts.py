"""Rows of made-up markets in the stores, as the stages before an account would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from assets.account import Account, AccountAdvance, advance_account
from assets.partitions import MarketWindow, month_start, next_month
from engines.risk import AccountEngine
from stores.account_log import DECISIONS
from stores.markets import Market
from stores.warehouse import Warehouse
from tests.engines.account_rows import HOUR, Rows
from tests.engines.market_bars import START_MS

STEPS = 1_000
END = START_MS + (STEPS + 100) * HOUR
FIRST = month_start(datetime.fromtimestamp(START_MS / 1000, UTC))
LAST = next_month(datetime.fromtimestamp(END / 1000, UTC))
TABLES = ("candles", "signals", "signal_outcomes", "risk_decisions", "risk_reconsidered", "account_states")


def markets(rows: Rows) -> list[str]:
    return sorted(rows[1]["market"].unique())


def of(rows: Rows, names: Sequence[str]) -> Rows:
    closes, signals, outcomes = (frame.filter(pl.col("market").is_in(names)) for frame in rows)
    return closes, signals, outcomes


def store(stores: Warehouse, rows: Rows) -> None:
    """Bring rows in as the stages before would have written them."""
    closes, signals, outcomes = rows
    price = pl.col("close")
    bars = closes.select(
        "market", pl.lit("1h").alias("timeframe"), "ts",
        price.alias("open"), price.alias("high"), price.alias("low"), price, pl.lit(1.0).alias("volume"),
    )  # fmt: skip
    for table, frame in (("candles", bars), ("signals", signals), ("signal_outcomes", outcomes)):
        parts = pl.col("market").str.splitn(":", 2).struct
        series = (parts.field("field_0").alias("exchange"), parts.field("field_1").alias("symbol"))
        stores.insert(f"market.{table}", frame.select(*series, pl.all().exclude("market")))


def windows(names: Sequence[str]) -> list[MarketWindow]:
    return [MarketWindow(Market.parse(name), FIRST, LAST) for name in names]


def decide(stores: Warehouse, names: Sequence[str], **options: Any) -> AccountAdvance:
    return advance_account(stores, Account.PAPER, windows(names), **options)


def stored(stores: Warehouse, names: Sequence[str] | None = None) -> pl.DataFrame:
    """All decisions as they physically stand, without ``FINAL``: a second row of one signal would be seen."""
    frame = stores.query_polars(f"SELECT * EXCEPT (decided_at) FROM {DECISIONS} ORDER BY ALL")
    market = pl.concat_str("exchange", pl.lit(":"), "symbol")
    return frame if names is None else frame.filter(market.is_in(list(names)))


def engine_rows(rows: Rows, standing: dict[str, float] | None = None) -> pl.DataFrame:
    return AccountEngine().advance(*rows, END, standing)


def sizes(frame: pl.DataFrame) -> dict[str, float]:
    return dict(zip(frame["signal_id"], frame["size"], strict=True))

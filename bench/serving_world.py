"""A served platform to put load on: stores, rows, a subscriber with a key, processes of the API."""

from __future__ import annotations

import math
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl

if TYPE_CHECKING:
    from deploy.local.stack import LocalStack
    from stores.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
EMAIL, PASSWORD = "reader@example.com", "correct horse battery staple"
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_BAR = timedelta(minutes=15)
_MARKETS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT")
_BARS = 5_000


@dataclass(frozen=True)
class World:
    """What load can be put on."""

    url: str
    bare_url: str
    headers: dict[str, str]
    """Of somebody who sees all there is."""
    bounded: dict[str, str]
    """Of somebody whose plan ends some way back: a page for him is read anew each time."""


@contextmanager
def serving_world(signals: int, processes: int) -> Iterator[World]:
    """Start everything and fill it."""
    from deploy.local.stack import LocalStack, Ports
    from stores import database, warehouse
    from stores.settings import Settings

    with tempfile.TemporaryDirectory(prefix="cap-bench-") as folder:
        home = Path(folder) / "home"
        bare = Settings().model_copy(
            update=dict.fromkeys(("clickhouse_url", "clickhouse_analyst_url", "postgres_url", "redis_url"))
        )
        with LocalStack(bare, home=home, ports=Ports.any()) as stack:
            warehouse.migrate(stack.settings)
            database.migrate(stack.settings)
            _candles(stack.settings)
            _publish(stack.settings, signals)
            readers = [_subscriber(stack.settings, plan) for plan in ("team", "pro")]
            with _api(stack, Path(folder), processes) as url, _bare(processes) as bare_url:
                yield World(url, bare_url, *readers)


def _publish(settings: Settings, number: int) -> None:
    from stores import database

    rows = [_signal(index) for index in range(number)]
    # Most have come to an end, some at two targets.
    ended = [
        {
            "signal_id": row["signal_id"],
            "outcome": outcome,
            "ts": row["ts"] + 4 * _BAR,
            "known_at": row["ts"] + 5 * _BAR,
            "price": row["target_1"],
            "r_multiple": 1.0 if outcome != "stopped" else -1.0,
            "bars_held": 4,
        }
        for index, row in enumerate(rows)
        for outcome in (("target_1", "target_2"), ("stopped",), ())[index % 3]
    ]
    engine = database.engine(settings, pool_size=1)
    with database.session(engine) as session:
        database.publish(session, rows)
        database.publish_outcomes(session, ended)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _signal(index: int) -> dict[str, Any]:
    ts = _FIRST + index // len(_MARKETS) * _BAR
    return {
        "signal_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"bench {index}")),
        "exchange": "binance",
        "symbol": _MARKETS[index % len(_MARKETS)],
        "timeframe": "15m",
        "strategy": ("smc_pullback", "mean_reversion")[index % 2],
        "direction": 1,
        "ts": ts,
        "known_at": ts + _BAR,
        "entry": 42_000.1 + index,
        "stop": 41_000.0,
        "target_1": 43_000.0,
        "target_2": 44_000.0,
        "risk_reward": 2.0,
        "score": 0.5,
        "reasons": ["higher timeframe up", "fresh order block"],
        "zone_id": None,
        "decision": "accepted",
        "size": 0.1,
        "notional": 4_200.01,
        "risk_amount": 100.01,
        "risk_fraction": 0.01,
    }


def _candles(settings: Settings) -> None:
    from stores.warehouse import Warehouse

    rows = [
        {
            "exchange": "binance",
            "symbol": "BTCUSDT",
            "timeframe": "15m",
            "ts": _FIRST + number * _BAR,
            "open": 42_000 + math.sin(number) * 100,
            "high": 42_210.1,
            "low": 41_790.1,
            "close": 42_000 + math.cos(number) * 100,
            "volume": 12.345 + number,
            "base_timeframe": "1m",
            "base_bars": 15,
            "source": "files",
            "ingested_at": datetime(2024, 6, 1, tzinfo=UTC),
        }
        for number in range(_BARS)
    ]
    schema = {"ts": pl.Datetime("ms", "UTC"), "ingested_at": pl.Datetime("us", "UTC")}
    with closing(Warehouse.connect(settings, origin="bench")) as warehouse:
        warehouse.insert("market.candles", pl.DataFrame(rows, schema_overrides=schema))


def _subscriber(settings: Settings, plan: str) -> dict[str, str]:
    """Make a person with a password and a key, whose plan lets him ask as often as he likes."""
    from sqlalchemy import text

    from api.security.passwords import Passwords
    from api.security.principal import Scope
    from api.users import keys
    from stores import database
    from stores.tables import Grant, User

    person, now = str(uuid.uuid4()), datetime.now(UTC)
    engine = database.engine(settings, pool_size=1)
    try:
        with database.session(engine) as session:
            session.connection().execute(
                text(
                    "UPDATE serving.plans SET requests_per_minute = 6000000, burst = 100000, signal_delay_s = 0, "
                    "history_s = CASE WHEN plan_id = 'pro' THEN 1000000000 END"
                )
            )
            session.add(
                User(
                    user_id=person,
                    email=EMAIL if plan == "team" else f"{plan}-{EMAIL}",
                    password_hash=Passwords(settings).hash(PASSWORD),
                    role="user",
                    email_verified_at=now,
                    created_at=now,
                )
            )
            session.flush()
            session.add(
                Grant(
                    grant_id=str(uuid.uuid4()),
                    user_id=person,
                    plan_id=plan,
                    until=now + timedelta(days=1),
                    reason="to measure",
                    created_at=now,
                )
            )
            session.flush()
            wanted = keys.KeySettings("bench", [Scope.SIGNALS_READ, Scope.MARKET_READ], [], None)
            made = keys.create(session, person, wanted, 10, now)
    finally:
        engine.dispose()
    return {"X-API-Key": made["key"]}


@contextmanager
def _api(stack: LocalStack, folder: Path, processes: int) -> Iterator[str]:
    log = folder / "api.log"
    limits = {"CAP_AUTH_REQUESTS_PER_MINUTE": "6000000", "CAP_AUTH_BURST": "100000", "CAP_DRAIN_S": "0"}
    command = [sys.executable, "-m", "deploy.cli.main", "api", "--port", "0", "--workers", str(processes)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **stack.environment(), **limits}, stdout=output, stderr=output
        )
    try:
        while (found := re.search(rb"http://(127\.0\.0\.1:\d+)", log.read_bytes())) is None:
            time.sleep(0.05)
        url = f"http://{found[1].decode()}"
        _await(url + "/readyz")
        yield url
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _bare(processes: int) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
        descriptor = listener.fileno()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        running = [
            subprocess.Popen([sys.executable, "-m", "bench.bare", str(descriptor)], cwd=ROOT, pass_fds=[descriptor])
            for _ in range(processes)
        ]
        try:
            _await(url)
            yield url
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(30)


def _await(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer")

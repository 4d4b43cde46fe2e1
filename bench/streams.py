"""Section ``streams``: from the publication of a signal to the last of thousands of connected clients."""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from deploy.local.http_probe import answers
from deploy.local.stack import LocalStack, Ports
from stores import database, warehouse
from stores.settings import Settings

NAME = "streams"
_COUNTS = (100, 1_000, 5_000)
_QUICK = (100, 500)
_ROUNDS = 30
_PAUSE_S = 0.5
_PROCESSES = 2
_AIM_S = 1.0
_PATIENCE_S = 120


def section(quick: bool, tell: Tell) -> Section:
    """Measure publication to the last client; with ``quick`` for few clients."""
    made = Section(NAME, "Streams: publication to the last client")
    counts = _QUICK if quick else _COUNTS
    made.notes.append(
        "Each client is another person with a session of his own, connected by WebSocket. The time runs from before the "
        "signal's transaction begins until the last client has read the event: publication in Postgres, the relay to Redis, "
        "one process of the API, the loopback. The server, its stores and the clients share the machine."
    )
    rows: list[tuple[str, ...]] = []
    lines: dict[str, list[tuple[Any, float]]] = {"last client": [], "median client": []}
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        tell("starting the stores")
        running = stack.enter_context(LocalStack(Settings(), home=Path(folder) / "home", ports=Ports.any()))
        warehouse.migrate(running.settings)
        database.migrate(running.settings)
        port = stack.enter_context(_served(running))
        tokens = _people(running.settings, counts[-1])
        for count in counts:
            tell(f"{count} clients")
            took, connecting = _measure(running.settings, port, tokens[:count], Path(folder))
            last = [each[3] for each in took]
            middle = [each[1] for each in took]
            worst = statistics.median(last)
            rows.append(
                (
                    f"{count:,}",
                    f"{connecting:.1f}",
                    *(f"{statistics.median(each[place] for each in took):.0f}" for place in range(4)),
                    f"{max(last):.0f}",
                )
            )
            lines["last client"].append((count, statistics.median(last)))
            lines["median client"].append((count, statistics.median(middle)))
    made.tables.append(
        Table(
            f"Milliseconds from before a signal's transaction until a client has it, medians of {_ROUNDS} signals",
            ("clients", "connected in s", "first", "middle", "99th of 100", "last", "last, at worst"),
            tuple(rows),
        )
    )
    made.charts.append(
        Chart("streams", "Publication to clients, ms (less is better)", "clients", "ms", ChartKind.LINES, lines)
    )
    made.targets.append(
        Target(
            "publication to the last of 5,000 clients under 1 s",
            f"{worst:,.0f} ms for {counts[-1]:,}",
            worst < _AIM_S * 1_000 and counts[-1] == _COUNTS[-1],
            "server, stores and all clients share two cores",
        )
    )
    return made


@contextmanager
def _served(running: LocalStack) -> Iterator[int]:
    """One process of the API and one worker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    environment = {**os.environ, **running.environment(), "CAP_DRAIN_S": "0"}
    command = [sys.executable, "-m", "deploy.cli.main"]
    started = [
        subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)),
        )
        for arguments in (["api", "--port", str(port)], ["worker"])
    ]
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not answers(f"http://127.0.0.1:{port}/healthz"):
            if time.monotonic() > deadline:
                raise RuntimeError("the API did not start")
            time.sleep(0.1)
        yield port
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=60)


def _people(settings: Settings, count: int) -> list[str]:
    """Make people with the pro plan; gives an access token each."""
    from sqlalchemy import text

    from api.security.tokens import AccessTokens
    from api.security.vault import Vault

    now = datetime.now(UTC)
    rows = [
        {
            "user": (user := str(uuid.uuid4())),
            "email": f"{user}@example.com",
            "session": str(uuid.uuid4()),
            "now": now,
            "end": now + timedelta(days=1),
        }
        for _ in range(count)
    ]
    engine = database.engine(settings, pool_size=1)
    with database.session(engine) as session:
        for statement in (
            "INSERT INTO serving.users (user_id, email, role, created_at) VALUES (:user, :email, 'user', :now)",
            "INSERT INTO serving.sessions (session_id, user_id, created_at, last_seen_at, expires_at) "
            "VALUES (:session, :user, :now, :now, :end)",
            "INSERT INTO serving.grants (grant_id, user_id, plan_id, until, reason, created_at) "
            "VALUES (:session, :user, 'pro', :end, 'benchmark', :now)",
        ):
            session.connection().execute(text(statement), rows)
    engine.dispose()
    tokens = AccessTokens(Vault.of(settings))
    return [tokens.issue(row["user"], row["session"], now) for row in rows]


def _measure(settings: Settings, port: int, tokens: list[str], folder: Path) -> tuple[list[list[float]], float]:
    """Publish signals one by one; gives the milliseconds of the first, middle, 99th and last client for each."""
    began = time.monotonic()
    clients: list[subprocess.Popen[str]] = []
    for number in range(_PROCESSES):
        share = folder / f"tokens-{number}"
        share.write_text("\n".join(tokens[number::_PROCESSES]))
        command = [sys.executable, "-m", "bench.stream_clients", str(port), str(share)]
        clients.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    try:
        for client in clients:
            said = _line(client)
            if said.strip() != "ready":
                raise RuntimeError(f"the clients could not connect: {said!r}")
        connecting = time.monotonic() - began
        engine = database.engine(settings, pool_size=1)
        taken: list[list[float]] = []
        for number in range(_ROUNDS + 2):
            time.sleep(_PAUSE_S)
            start = time.monotonic_ns()
            with database.session(engine) as session:
                database.publish(session, [_signal(len(tokens), number)])
            found = [json.loads(_line(client))[1:] for client in clients]
            merged = (
                min(each[0] for each in found),
                statistics.mean(each[1] for each in found),
                max(each[2] for each in found),
                max(each[3] for each in found),
            )
            taken.append([(at - start) / 1e6 for at in merged])
        engine.dispose()
        # The first ones fill caches.
        return taken[2:], connecting
    finally:
        for client in clients:
            if client.stdin is not None:
                client.stdin.close()
            client.wait(timeout=60)


def _line(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    return client.stdout.readline()


def _signal(count: int, number: int) -> dict[str, Any]:
    known = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    return {
        "signal_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"bench {count} {number} {known}")),
        "exchange": "sim",
        "symbol": "BENCH",
        "timeframe": "15m",
        "strategy": f"bench-{count}-{number}",
        "direction": 1,
        "ts": known - timedelta(minutes=15),
        "known_at": known,
        "entry": 42_000.5,
        "stop": 41_000.0,
        "target_1": 43_000.0,
        "target_2": 44_000.0,
        "risk_reward": 3.5,
        "score": 0.7,
        "reasons": ["higher timeframe up", "fresh order block", "liquidity swept below the last low"],
        "zone_id": None,
        "decision": "accepted",
        "size": 0.1,
        "notional": 4_200.05,
        "risk_amount": 100.05,
        "risk_fraction": 0.01,
    }

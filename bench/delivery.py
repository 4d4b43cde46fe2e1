"""Section ``delivery``: webhooks sent a second, alone and with a dead and a slow receiver among them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from bench.measure import Timing
from bench.section import Section, Table, Target, Tell

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from deploy.local.stack import LocalStack

NAME = "delivery"
_RECEIVERS = 20
_MESSAGES = 100
_RUNS = 3
_IN_THE_WAY = 2_000
_STEADY_PER_S = 50
_STEADY_S = 6
_AIM_SHARE = 0.8
_PATIENCE_S = 180.0
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ports:
    """Where the receivers' process listens."""

    fine: int
    slow: int
    report: int


def section(quick: bool, tell: Tell) -> Section:
    """Measure the worker over the real outbox, guard and signatures; with ``quick`` fewer messages, once."""
    made = Section(NAME, "Delivery: webhooks from the outbox to the receiver")
    made.notes.append(
        f"One worker in a process of its own, {_RECEIVERS} receivers on this machine with up to 4 requests each at once, "
        "a new connection for every attempt, everything signed, checked by the guard, and written to the log. With "
        f"receivers in the way: before anything else is queued, {_IN_THE_WAY:,} messages stand before one that nobody "
        "listens at and as many before one that never answers."
    )
    runs, messages = (1, 20) if quick else (_RUNS, _MESSAGES)
    with _running() as (stack, ports):
        alone = _rates(made, "all receivers well", stack, ports, runs, messages, in_the_way=False, tell=tell)
        among = _rates(
            made, "a dead and a slow one among them", stack, ports, runs, messages, in_the_way=True, tell=tell
        )
        seconds = 1 if quick else _STEADY_S
        lags = [
            (name, _steady(stack, ports, seconds, in_the_way=blocked, tell=tell))
            for name, blocked in (("all receivers well", False), ("a dead and a slow one among them", True))
        ]
    made.tables.append(
        Table(
            "A burst: from the first message queued to the last one received",
            ("receivers", "messages", "deliveries/s"),
            tuple(
                (timing.name, f"{timing.items:,}", f"{timing.items / timing.median:,.0f}") for timing in made.timings
            ),
        )
    )
    made.tables.append(
        Table(
            f"A steady {_STEADY_PER_S} messages/s: from the commit to the receiver",
            ("receivers", "median ms", "99th percentile ms"),
            tuple(
                (name, f"{statistics.median(one) * 1e3:,.0f}", f"{float(np.quantile(one, 0.99)) * 1e3:,.0f}")
                for name, one in lags
            ),
        )
    )
    share = among / alone
    made.targets.append(
        Target(
            "one dead and one slow receiver delay nobody: the others get as many a second as without them, within noise "
            f"({_AIM_SHARE:.0%})",
            f"{share:.0%} ({among:,.0f} against {alone:,.0f} deliveries/s)",
            share >= _AIM_SHARE,
            ""
            if share >= _AIM_SHARE
            else "attempts at the slow receiver and the log of the dead one cost some of the two cores",
        )
    )
    return made


def _rates(
    made: Section,
    name: str,
    stack: LocalStack,
    ports: Ports,
    runs: int,
    messages: int,
    *,
    in_the_way: bool,
    tell: Tell,
) -> float:
    seconds: list[float] = []
    for number in range(runs):
        tell(f"deliveries, {name}, run {number + 1} of {runs}")
        with _worker(stack), _hooks(stack, ports, in_the_way=in_the_way) as (engine, hooks):
            began = time.time()
            _queue(engine, hooks, messages)
            last = _until_received(ports, messages * len(hooks))["last"]
            seconds.append(last - began)
    timing = Timing(name, messages * _RECEIVERS, "message", tuple(seconds))
    made.timings.append(timing)
    return timing.items / timing.median


def _steady(stack: LocalStack, ports: Ports, seconds: int, *, in_the_way: bool, tell: Tell) -> list[float]:
    tell(f"a steady {_STEADY_PER_S} messages/s")
    with _worker(stack), _hooks(stack, ports, in_the_way=in_the_way) as (engine, hooks):
        began = time.perf_counter()
        count = _STEADY_PER_S * seconds
        for number in range(count):
            time.sleep(max(0.0, began + number / _STEADY_PER_S - time.perf_counter()))
            _queue(engine, [hooks[number % len(hooks)]], 1)
        lags: list[float] = _until_received(ports, count)["lags"]
    return lags


def _until_received(ports: Ports, count: int) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    said: dict[str, Any] = {"lags": []}
    while time.monotonic() < deadline:
        said = httpx.get(f"http://127.0.0.1:{ports.report}/").json()
        if len(said["lags"]) >= count:
            return said
        time.sleep(0.05)
    raise RuntimeError(f"only {len(said['lags'])} of {count} messages arrived in {_PATIENCE_S:.0f} s")


@contextmanager
def _running() -> Iterator[tuple[LocalStack, Ports]]:
    from deploy.local.stack import LocalStack
    from deploy.local.stack import Ports as StorePorts
    from stores import database

    receivers = subprocess.Popen(
        [sys.executable, "-m", "bench.delivery_receiver"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if receivers.stdout is None:
            raise RuntimeError("the receivers say nothing")
        ports = Ports(*map(int, receivers.stdout.readline().split()))
        with tempfile.TemporaryDirectory() as folder, LocalStack(home=Path(folder), ports=StorePorts.any()) as stack:
            database.migrate(stack.settings)
            yield stack, ports
    finally:
        receivers.kill()
        receivers.wait()


@contextmanager
def _worker(stack: LocalStack) -> Iterator[None]:
    variables = {"CAP_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8", "CAP_WORKER_PORT": "0", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.cli.main", "worker"],
        env={**os.environ, **stack.environment(), **variables},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _hooks(stack: LocalStack, ports: Ports, *, in_the_way: bool) -> Iterator[tuple[Engine, list[str]]]:
    """Webhooks, one a person; those in the way first, with their messages, and the worker at work on them."""
    from sqlalchemy import text

    from stores import database

    engine = database.engine(stack.settings, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE serving.webhooks, serving.outbox, serving.delivery_destinations CASCADE"))
        httpx.post(f"http://127.0.0.1:{ports.report}/")
        blocked = [_hook(stack, engine, f"http://127.0.0.1:{port}/") for port in (1, ports.slow)] if in_the_way else []
        _queue(engine, blocked, _IN_THE_WAY)
        fine = [_hook(stack, engine, f"http://127.0.0.1:{ports.fine}/{number}") for number in range(_RECEIVERS)]
        # One message each first: the worker is up, and has learnt what it can of those in the way.
        _queue(engine, fine, 1)
        _until_received(ports, len(fine))
        httpx.post(f"http://127.0.0.1:{ports.report}/")
        yield engine, fine
    finally:
        engine.dispose()


def _hook(stack: LocalStack, engine: Engine, url: str) -> str:
    from api.delivery import webhooks
    from api.delivery.webhooks import WebhookChange
    from api.entitlements import FREE
    from api.security.vault import Vault
    from stores import database
    from stores.tables import User

    now, person = datetime.now(UTC), str(uuid.uuid4())
    change = WebhookChange({"url": url, "events": ["signal.published"]})
    with database.session(engine) as session:
        session.add(User(user_id=person, email=f"{person}@example.com", created_at=now))
        session.flush()
        made = webhooks.create(session, Vault.of(stack.settings), person, FREE, change, now)
    return str(made["webhook_id"])


def _queue(engine: Engine, hooks: Sequence[str], messages: int) -> None:
    from api.delivery import webhooks
    from api.delivery.webhooks import Event, EventType
    from stores import database

    now = datetime.now(UTC)
    event_data = {"queued_at": time.time(), "symbol": "BTCUSDT", "entry": 42_000.1, "reasons": ["x" * 80] * 4}
    events = [Event(uuid.uuid4().hex, EventType.TEST, now, event_data, {}) for _ in range(messages)]
    with database.session(engine) as session:
        webhooks.queue_events(session, [(hook, event, now) for event in events for hook in hooks], now=now)

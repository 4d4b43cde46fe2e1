"""Section ``serving``: signals and candles over HTTP, against a route that does nothing, and sign-ins."""

from __future__ import annotations

import json

from bench.http_load import Call, Load, closed, has_wrk, steady, wrk
from bench.section import Section, Table, Target, Tell
from bench.serving_world import EMAIL, PASSWORD, World, serving_world

NAME = "serving"
_CLIENTS = (1, 10, 100)
_RATE, _AIM_MS = 500, 25.0
_PROCESSES = 2
_SIGNALS = 20_000
_PATHS = {
    "50 signals": "/v1/signals",
    "500 candles": "/v1/candles?market=binance:BTCUSDT&timeframe=15m&limit=500",
}


def section(quick: bool, tell: Tell) -> Section:
    """Measure over real stores and processes; with ``quick`` for a second each."""
    made = Section(NAME, "Serving: requests over HTTP")
    seconds = 1 if quick else 10
    made.notes.append(
        f"cap api with {_PROCESSES} processes, PostgreSQL, Redis and ClickHouse, and what makes the load, all on this "
        f"machine's cores. {_SIGNALS:,} signals and their outcomes are stored. Every request carries an API key: the key "
        "and its owner's plan are read from the database, and the rate limit is counted in Redis, each time. The bare "
        "route is a FastAPI route that answers fixed bytes, in as many processes. A page of signals that was read before "
        "is sent again once the database has said that nothing has happened since; a plan whose history is bounded has "
        "its pages read anew each time."
    )
    with serving_world(2_000 if quick else _SIGNALS, _PROCESSES) as world:
        _as_fast_as_it_goes(made, world, seconds, tell)
        _at_a_rate(made, world, seconds, tell)
        _sign_ins(made, world, seconds, tell)
    return made


def _load(url: str, clients: int, seconds: int, headers: dict[str, str]) -> Load:
    if has_wrk():
        return wrk(url, clients, seconds, headers)
    return closed(Call.of("GET", url, headers), clients, seconds)


def _row(name: str, clients: int, load: Load) -> tuple[str, ...]:
    numbers = (f"{load.requests_per_s:,.0f}", f"{load.p50_ms:,.1f}", f"{load.p99_ms:,.1f}", f"{load.failed:,}")
    return (name, str(clients), *numbers)


def _as_fast_as_it_goes(made: Section, world: World, seconds: int, tell: Tell) -> None:
    rows: list[tuple[str, ...]] = []
    targets = {"a bare route": (world.bare_url, {})}
    targets |= {name: (world.url + path, world.headers) for name, path in _PATHS.items()}
    targets["50 signals, read anew"] = (world.url + _PATHS["50 signals"], world.bounded)
    for name, (url, headers) in targets.items():
        for clients in _CLIENTS:
            tell(f"{name}, {clients} clients")
            _load(url, clients, 1, headers)
            rows.append(_row(name, clients, _load(url, clients, seconds, headers)))
    made.tables.append(
        Table(
            "As fast as answers come"
            + ("" if has_wrk() else " (wrk is not installed: a client in Python made the load)"),
            ("what", "clients", "requests/s", "p50 ms", "p99 ms", "failed"),
            tuple(rows),
        )
    )


def _at_a_rate(made: Section, world: World, seconds: int, tell: Tell) -> None:
    rows: list[tuple[str, ...]] = []
    call = Call.of("GET", world.url + _PATHS["50 signals"], world.headers)
    for rate in (100, 250, _RATE):
        tell(f"50 signals at {rate} requests/s")
        steady(call, rate, 1)
        load = steady(call, rate, seconds)
        met = f"{load.p50_ms:,.1f}", f"{load.p99_ms:,.1f}", f"{load.failed:,}"
        rows.append((str(rate), f"{load.requests_per_s:,.0f}", *met))
        if rate == _RATE:
            made.targets.append(
                Target(
                    f"50 signals at {rate} requests/s with an API key: p99 under {_AIM_MS:.0f} ms",
                    f"{load.p99_ms:,.1f} ms, {load.failed} failed",
                    load.p99_ms < _AIM_MS and not load.failed,
                    ""
                    if load.p99_ms < _AIM_MS
                    else "the stores and the load itself take their share of the same cores",
                )
            )
    made.tables.append(
        Table(
            "50 signals at a fixed rate; a time counts from when the request was due",
            ("asked for a second", "answered a second", "p50 ms", "p99 ms", "failed"),
            tuple(rows),
        )
    )


def _sign_ins(made: Section, world: World, seconds: int, tell: Tell) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    call = Call.of("POST", world.url + "/v1/auth/login", {}, body)
    rows: list[tuple[str, ...]] = []
    for clients in (1, 10, 50):
        tell(f"sign-ins, {clients} clients")
        rows.append(_row("sign-ins", clients, closed(call, clients, seconds)))
    made.tables.append(
        Table("Sign-ins (Argon2id)", ("what", "clients", "requests/s", "p50 ms", "p99 ms", "failed"), tuple(rows))
    )

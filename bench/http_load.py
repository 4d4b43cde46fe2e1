"""Load over HTTP: wrk for as much as goes, and a client of our own for a fixed rate."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True)
class Load:
    """What came of a load.

    Attributes
    ----------
    requests_per_s : float
    p50_ms, p99_ms : float
    failed : int
        Answers other than 2xx, and none at all.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def wrk(url: str, clients: int, seconds: int, headers: Mapping[str, str]) -> Load:
    """Ask as fast as answers come, from so many connections."""
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "--timeout", "10s", *given, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    failed = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    failed += sum(
        int(number) for line in re.findall(r"Socket errors:(.*)", text) for number in re.findall(r"\d+", line)
    )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate is not None, text
    return Load(float(rate[1]), _percentile(text, 50), _percentile(text, 99), failed)


def _percentile(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}(?:\.0+)?%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class Call:
    """A request, as its bytes."""

    host: str
    port: int
    content: bytes

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Call:
        """Write a request."""
        parts = urlsplit(url)
        lines = [f"{method} {parts.path}{f'?{parts.query}' if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return cls(parts.hostname or "", parts.port or 80, "\r\n".join([*lines, "", ""]).encode() + body)


class _Connection:
    """One connection that is kept."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> bool:
        """Send the request; whether a 2xx came back."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._call.host, self._call.port)
        reader, writer = self._streams
        writer.write(self._call.content)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        return head.split(b" ", 2)[1].startswith(b"2")


def steady(call: Call, per_second: int, seconds: float, connections: int = 64) -> Load:
    """Ask at a fixed rate, whether answers come or not.

    A time counts from when the request was due: a server that stalls is charged for all that had to wait. The connections
    take turns, as so many clients would.
    """
    return asyncio.run(_steady(call, per_second, seconds, connections))


async def _steady(call: Call, per_second: int, seconds: float, connections: int) -> Load:
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(_Connection(call))
    taken: list[float] = []
    failed = 0
    began = time.perf_counter() + 0.1

    async def one(due: float) -> None:
        nonlocal failed
        connection = await free.get()
        try:
            good = await asyncio.wait_for(connection.ask(), 10)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            connection, good = _Connection(call), False
        free.put_nowait(connection)
        failed += not good
        taken.append(time.perf_counter() - due)

    tasks: list[asyncio.Task[None]] = []
    for number in range(int(per_second * seconds)):
        due = began + number / per_second
        pause = due - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1e3
    return Load(len(taken) / (time.perf_counter() - began), float(p50), float(p99), failed)


def closed(call: Call, clients: int, seconds: float) -> Load:
    """Let so many clients ask, each again as soon as it has its answer."""
    return asyncio.run(_closed(call, clients, seconds))


async def _closed(call: Call, clients: int, seconds: float) -> Load:
    taken: list[float] = []
    failed = 0
    end = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal failed
        connection = _Connection(call)
        while (began := time.perf_counter()) < end:
            failed += not await connection.ask()
            taken.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1e3
    return Load(len(taken) / seconds, float(p50), float(p99), failed)

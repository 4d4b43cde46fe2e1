"""Real processes of the API, for tests that stop and kill them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local.stack import LocalStack

PATIENCE_S = 60.0


@dataclass
class ApiProcess:
    """A running ``cap api``."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self, patience_s: float = PATIENCE_S) -> int:
        """Tell it to stop and wait for the end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience_s)


def until(done: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def answers(url: str, status: int = 200) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == status
    except httpx.TransportError:
        return False


@contextmanager
def cap_api(stack: LocalStack, folder: Path, *arguments: str, port: int = 0, **variables: str) -> Iterator[ApiProcess]:
    """Run ``cap api`` on the stores of a stack, on any free port if none is given."""
    log = folder / f"api-{time.monotonic_ns()}.log"
    environment = {**os.environ, **stack.environment(), **variables}
    command = [sys.executable, "-m", "deploy.cli.main", "api", "--port", str(port), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        until(lambda: re.search(rb"127\.0\.0\.1:(\d+)", log.read_bytes()) or process.poll() is not None)
        found = re.search(rb"127\.0\.0\.1:(\d+)", log.read_bytes())
        assert found is not None, log.read_text()
        running = ApiProcess(process, int(found[1]), log)
        until(lambda: answers(f"{running.url}/healthz") or process.poll() is not None)
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

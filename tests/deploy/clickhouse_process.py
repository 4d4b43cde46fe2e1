"""A ClickHouse server process for tests, and plain HTTP to it."""

from __future__ import annotations

import base64
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deploy.local.clickhouse_server import User, read_credentials, read_state

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0


def wait_for(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Poll until the condition holds and return its value."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {deadline} s")


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> int:
        """ClickHouse error code; 0 if none."""
        return int(self.headers.get("x-clickhouse-exception-code", "0"))


@dataclass
class ClickHouseProcess:
    """The server as a process of its own."""

    home: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    stderr: list[str] = field(default_factory=list)

    def start(self) -> ClickHouseProcess:
        command = [sys.executable, "-m", "deploy.local.clickhouse_server", "--home", str(self.home)]
        self.process = subprocess.Popen([*command, "--port", str(self.port)], cwd=ROOT, stdout=subprocess.DEVNULL)
        process = self.process

        def ready() -> bool:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            state = read_state(self.home)
            return state is not None and state.pid == process.pid

        wait_for(ready, "the server is ready")
        return self

    @property
    def live_port(self) -> int:
        state = read_state(self.home)
        assert state is not None
        return state.port

    def terminate(self) -> int:
        """Ask it to stop; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def kill(self) -> None:
        """End it without warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE)

    def resident_mib(self) -> int:
        """Memory the process holds."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def authorization(self, user: User = User.CAP) -> dict[str, str]:
        password = read_credentials(self.home).passwords[user]
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.live_port, timeout=DEADLINE)

    def request(
        self,
        body: bytes | str | None = None,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        path: str = "/",
        user: User | None = User.CAP,
    ) -> Reply:
        """Send one request on a connection of its own."""
        target = path + ("?" + urlencode(parameters) if parameters else "")
        connection = self.connect()
        sent = {**(self.authorization(user) if user else {}), **(headers or {})}
        connection.request(method, target, body.encode() if isinstance(body, str) else body, sent)
        response = connection.getresponse()
        reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return reply

    def sql(self, statement: str, user: User = User.CAP, **parameters: str) -> str:
        """Run a statement that must succeed and return its rows."""
        reply = self.request(statement, parameters, user=user)
        assert reply.status == 200, reply.text
        return reply.text.rstrip("\n")

    def client(self, user: User = User.CAP, **options: Any) -> Any:
        """A clickhouse-connect client."""
        import clickhouse_connect

        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.live_port,
            username=user.value,
            password=read_credentials(self.home).passwords[user],
            **options,
        )

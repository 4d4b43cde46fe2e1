"""A real nginx with the rendered configuration, and backends that misbehave, for tests of the gateway."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.gateway.certificate import self_signed
from deploy.gateway.rendering import Gateway, render
from tests.api.processes import until

PATHS = {"signals": ("/v1/signals",), "market-data": ("/v1/markets",)}

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None and not os.environ.get("CI"),
    reason="nginx is not installed",
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@dataclass
class RunningGateway:
    """nginx at work."""

    gateway: Gateway
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.gateway.port}"

    @property
    def log(self) -> str:
        return (self.gateway.folder / "access.log").read_text()

    def client(self, **values: object) -> httpx.Client:
        trusting = ssl.create_default_context(cafile=str(self.gateway.certificate))
        return httpx.Client(base_url=self.url, verify=trusting, timeout=30, **values)  # type: ignore[arg-type]


@contextmanager
def running_gateway(
    folder: Path, replicas: Mapping[str, tuple[str, ...]], **values: object
) -> Iterator[RunningGateway]:
    certificate, key = self_signed(folder / "tls")
    gateway = Gateway(folder / "nginx", replicas, certificate, key, port=free_port(), **values)  # type: ignore[arg-type]
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None, "CI installs nginx"
    errors = folder / "nginx.log"
    with errors.open("wb") as output:
        process = subprocess.Popen(
            [program, "-c", str(render(gateway)), "-p", str(gateway.folder), "-g", "daemon off;"],
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: _listens(gateway.port) or process.poll() is not None)
        assert process.poll() is None, errors.read_text()
        yield RunningGateway(gateway, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Backend:
    """A server of raw bytes: keeps every request it read, answers as told or breaks off."""

    def __init__(self, answer: bytes | None) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            read = b""
            while b"\r\n\r\n" not in read:
                piece = connection.recv(65_536)
                if not piece:
                    return
                read += piece
            self.requests.append(read)
            if self._answer is not None:
                connection.sendall(self._answer)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def answer(body: bytes = b"{}", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)


@contextmanager
def backends(*answers: bytes | None) -> Iterator[list[Backend]]:
    made = [Backend(one) for one in answers]
    try:
        yield made
    finally:
        for one in made:
            one.close()

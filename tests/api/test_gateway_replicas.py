"""The gateway before real replicas: killed and stopped under load, nobody notices."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import redis

from deploy.gateway.certificate import self_signed
from deploy.local.stack import LocalStack
from tests.api.people import Person, make_user
from tests.api.processes import ApiProcess, answers, cap_api, until
from tests.deploy.gateways import RunningGateway, free_port, needs_nginx, running_gateway

pytestmark = needs_nginx

BEHIND = {"CAP_TRUSTED_PROXIES": "127.0.0.1/32", "CAP_LIMITS_EXEMPT": "127.0.0.0/8"}
READS = ("/v1/signals?limit=20", "/v1/markets", "/healthz")


PATHS_READ = tuple(path.partition("?")[0] for path in READS)


def in_use(log: str, port: int) -> set[str]:
    """Paths that a replica has answered."""
    lines = [json.loads(line) for line in log.splitlines() if line.endswith("}")]
    return {line["path"] for line in lines if line["replicas"].endswith(f":{port}") and line["status"] == 200}


class Load:
    """Clients that ask without pause, each over a connection it keeps."""

    def __init__(self, gateway: RunningGateway, clients: int, method: str = "GET") -> None:
        self.seen: Counter[int | str] = Counter()
        self._gateway, self._method = gateway, method
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def more(self, number: int) -> None:
        """Wait until so many more have been answered."""
        enough = self.seen.total() + number
        until(lambda: self.seen.total() >= enough)

    def _ask(self, number: int) -> None:
        with self._gateway.client() as client:
            while not self._stop.is_set():
                try:
                    path = READS[number % len(READS)] if self._method == "GET" else "/v1/auth/refresh"
                    reply = client.request(self._method, path)
                    # A store that a busy machine keeps waiting is told of by a replica: nothing was lost on the way.
                    busy = reply.status_code == 503 and "/problems/store-unavailable" in reply.text
                    self.seen["busy" if busy else reply.status_code] += 1
                except httpx.TransportError as error:
                    self.seen[type(error).__name__] += 1


@contextmanager
def replicas(stack: LocalStack, folder: Path, ports: list[int], **variables: str) -> Iterator[list[ApiProcess]]:
    with (
        cap_api(stack, folder, port=ports[0], **{**BEHIND, **variables}) as first,
        cap_api(stack, folder, port=ports[1], **{**BEHIND, **variables}) as second,
    ):
        yield [first, second]


def addresses(ports: list[int]) -> dict[str, tuple[str, ...]]:
    return {"all": tuple(f"127.0.0.1:{port}" for port in ports)}


def test_replicas_killed_under_load_fail_no_read(world: LocalStack, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    with (
        replicas(world, tmp_path, ports) as running,
        running_gateway(tmp_path, addresses(ports)) as gateway,
        ExitStack() as restarted,
        Load(gateway, 6) as load,
    ):
        for killed in running:
            load.more(100)
            os.killpg(killed.process.pid, signal.SIGKILL)
            load.more(200)
            written = len(gateway.log)
            restarted.enter_context(cap_api(world, tmp_path, port=killed.port, **BEHIND))
            # The next one goes when this one is back in use for every service, as in any careful change of replicas.
            until(lambda: in_use(gateway.log[written:], killed.port) >= set(PATHS_READ))  # noqa: B023
    # What was half sent when its sender died cannot be taken back: such replies are cut, and nginx says of each that it was.
    cut = (tmp_path / "nginx.log").read_text().count("closed connection while reading upstream")
    assert load.seen.pop("RemoteProtocolError", 0) <= cut <= len(running), load.seen
    assert set(load.seen) - {"busy"} == {200}, load.seen


class Listener:
    """A client of the stream that comes back whenever it is told to, by server-sent events."""

    def __init__(self, gateway: RunningGateway, person: Person) -> None:
        self.opened = 0
        self.failed: list[str] = []
        self._gateway, self._person = gateway, person
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # It waits for a next event; the end of the gateway ends that.
        self._stop.set()

    def _listen(self) -> None:
        headers = {**self._person.headers, "Accept": "text/event-stream"}
        with self._gateway.client() as client:
            while not self._stop.is_set():
                try:
                    with client.stream("GET", "/v1/signals/stream", headers=headers) as reply:
                        if reply.status_code != 200:
                            self.failed.append(str(reply.status_code))
                        self.opened += 1
                        told = [line for line in self._lines(reply) if line.startswith("event: reconnect")]
                        if not told and not self._stop.is_set():
                            self.failed.append("ended without a word")
                except httpx.TransportError as error:
                    self.failed.append(type(error).__name__)

    def _lines(self, reply: httpx.Response) -> Iterator[str]:
        for line in reply.iter_lines():
            yield line
            if self._stop.is_set():
                return


def test_a_replica_stopped_under_load_fails_nothing(world: LocalStack, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    with (
        replicas(world, tmp_path, ports, CAP_DRAIN_S="5") as running,
        running_gateway(tmp_path, addresses(ports)) as gateway,
        Load(gateway, 4) as reads,
        Load(gateway, 2, "POST") as writes,
        ExitStack() as open_streams,
    ):
        people = [make_user(world.settings) for _ in range(6)]
        listeners = [open_streams.enter_context(Listener(gateway, person)) for person in people]
        until(lambda: all(one.opened for one in listeners))
        reads.more(50)
        writes.more(20)
        running[0].process.send_signal(signal.SIGTERM)
        until(lambda: answers(f"{running[0].url}/readyz", 503))
        assert running[0].process.wait(40) == 0
        reads.more(50)
        writes.more(20)
        # Those who were on the replica that went are on the other one.
        until(lambda: sum(one.opened for one in listeners) > len(listeners))
        failed = [one.failed for one in listeners if one.failed]
        assert failed == []
    assert set(reads.seen) - {"busy"} == {200}, reads.seen
    # Refused for what they say, by a replica; none was lost on the way.
    assert set(writes.seen) <= {401, 403, 422, "busy"}, writes.seen


def test_an_id_and_an_address_from_end_to_end(world: LocalStack, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    slow = {"CAP_ANONYMOUS_BURST": "3", "CAP_ANONYMOUS_REQUESTS_PER_MINUTE": "1", "CAP_LIMITS_EXEMPT": ""}
    with redis.Redis.from_url(world.settings.require("redis_url")) as cache:
        for key in cache.scan_iter("cap:limit:*"):
            cache.delete(key)
    with (
        replicas(world, tmp_path, ports, **slow) as running,
        running_gateway(tmp_path, addresses(ports)) as gateway,
        gateway.client() as client,
    ):
        replies = [
            client.get("/v1/markets", headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Request-ID": "mine"})
            for number in range(4)
        ]
        # Forged addresses are one client's, over both replicas.
        assert [one.status_code for one in replies] == [200, 200, 200, 429]
        ids = [one.headers["x-request-id"] for one in replies]
        assert len(set(ids)) == 4
        assert "mine" not in ids
        assert replies[-1].json()["request_id"] == ids[-1]
        for one in ids:
            until(lambda one=one: one in gateway.log)
            until(lambda one=one: any(one in replica.log.read_text() for replica in running), 5)


def test_cap_gateway_runs_replicas_and_brings_a_killed_one_back(world: LocalStack, tmp_path: Path) -> None:
    port = free_port()
    tmp_path.chmod(0o711)
    log = tmp_path / "gateway.log"
    environment = {
        **os.environ,
        **world.environment(),
        **BEHIND,
        "CAP_DRAIN_S": "0",
        "CAP_HOME": str(tmp_path / "home"),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli.main", "gateway", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: "Gateway   " in log.read_text() or process.poll() is not None, 120)
        assert process.poll() is None, log.read_text()
        home = tmp_path / "home" / "gateway"
        certificate, _ = self_signed(home / "tls")
        trusting = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting, timeout=30) as client:
            assert client.get("/v1/signals").status_code == 200
            assert client.get("/metrics").status_code == 404
            record = json.loads((home / "processes.json").read_text())
            killed = next(one for one in record["processes"] if one["name"] == "api-1")
            os.kill(killed["pid"], signal.SIGKILL)
            assert {client.get("/v1/signals").status_code for _ in range(20)} == {200}
            until(lambda: answers(f"http://127.0.0.1:{killed['port']}/healthz"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not re.search("Traceback", log.read_text())
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

"""Postgres killed with all its children under writes: what was acknowledged stays, and a repeated request has one effect."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from deploy.local.processes import working_in
from deploy.local.stack import LocalStack
from tests.api.conftest import Served, serve
from tests.api.people import Person, make_user
from tests.api.things import things

KILLS = 5
WRITERS = 4
PATIENCE_S = 60


@pytest.fixture
def writing(world: LocalStack) -> Iterator[Served]:
    with serve(world.settings, [things()]) as running:
        yield running


class Writer(threading.Thread):
    """Makes one thing after the other, each under a key, until it is acknowledged."""

    def __init__(self, served: Served, person: Person, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._served, self._person, self._ended = served, person, stop
        self.acknowledged: list[str] = []
        self.refused = 0
        self.odd: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=str(self._served.client.base_url), timeout=PATIENCE_S) as client:
            while not self._ended.is_set():
                key = uuid.uuid4().hex
                while True:
                    reply = client.post("/v1/things", headers={**self._person.headers, "Idempotency-Key": key})
                    if reply.status_code == 201:
                        self.acknowledged.append(reply.json()["thing"])
                        break
                    self.refused += 1
                    problem = reply.headers["content-type"] == "application/problem+json"
                    if reply.status_code != 503 or not problem or "retry-after" not in reply.headers:
                        self.odd.append(f"{reply.status_code} {reply.text}")
                        return
                    # As long as the answer says a client may be asked to wait, but not as long as it asks to.
                    self._ended.wait(0.02)


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(world: LocalStack, writing: Served) -> None:
    people = [make_user(world.settings) for _ in range(WRITERS)]
    stop = threading.Event()
    writers = [Writer(writing, person, stop) for person in people]
    for writer in writers:
        writer.start()
    data = world.home.path / "postgres" / "data"
    for _ in range(KILLS):
        before = [len(writer.acknowledged) for writer in writers]
        _until(
            lambda before=before: all(len(one.acknowledged) > n + 2 for one, n in zip(writers, before, strict=True)),
            writers,
        )
        group = working_in(data, "postgres")
        assert len(group) > WRITERS
        for member in group:
            member.signal(signal.SIGKILL)
        killed = [len(writer.acknowledged) for writer in writers]
        _until(
            lambda killed=killed: any(len(one.acknowledged) > n for one, n in zip(writers, killed, strict=True)),
            writers,
        )
    stop.set()
    for writer in writers:
        writer.join(timeout=PATIENCE_S)
    assert [writer.odd for writer in writers] == [[]] * WRITERS
    assert sum(writer.refused for writer in writers) > 0, "no writer noticed the kills, so nothing was tested"
    with psycopg.connect(world.settings.require("postgres_url")) as connection:
        for writer, person in zip(writers, people, strict=True):
            made = connection.execute(
                "SELECT target FROM serving.audit_log WHERE actor_id = %s", (person.user_id,)
            ).fetchall()
            assert sorted(row[0] for row in made) == sorted(f"thing:{one}" for one in writer.acknowledged)
        kept = connection.execute("SELECT count(*) FROM serving.outbox WHERE key LIKE 'thing %'").fetchone()
        recorded = connection.execute("SELECT count(*) FROM serving.audit_log WHERE action = 'thing.made'").fetchone()
        assert kept == recorded


def _until(condition: object, writers: list[Writer]) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the API did not come back"
        assert all(writer.is_alive() for writer in writers), [writer.odd for writer in writers]
        time.sleep(0.01)

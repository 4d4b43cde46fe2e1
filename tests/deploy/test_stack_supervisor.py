"""The supervisor: starts, restarts, stops; leaves nothing behind and touches nothing that is not its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.errors import ServiceFailed
from deploy.local.home import Home, InstanceRecord, ProcessRecord
from deploy.local.processes import ProcessIdentity, boot_id, marked
from deploy.local.supervisor import Supervisor
from tests.deploy.small_services import Echo, eventually, made_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return made_home(tmp_path / "home")


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def supervisor(home: Home, events: list[str]) -> Iterator[Supervisor]:
    running = Supervisor(home, "run", events.append)
    yield running
    running.stop()


def test_stopping_leaves_no_process_and_no_record(home: Home, supervisor: Supervisor) -> None:
    services = [Echo(home, name="one", worker=True), Echo(home, name="two")]
    supervisor.start(services)
    pids = [services[0].answer(), services[1].answer(), services[0].worker_pid]
    assert all(pid is not None and ProcessIdentity.of(pid) for pid in pids)
    assert len(marked(home.instance)) == 3
    supervisor.stop()
    assert marked(home.instance) == []
    assert [ProcessIdentity.of(pid) for pid in pids if pid is not None] == [None, None, None]
    assert home.record() == InstanceRecord()


def test_services_started_together_get_ports_of_their_own(home: Home, supervisor: Supervisor) -> None:
    first, second = Echo(home, 18_523, name="one"), Echo(home, 18_523, name="two")
    supervisor.start([first, second])
    assert first.port != second.port
    assert first.answer() != second.answer()


def test_a_taken_port_is_passed_over(home: Home, supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = Echo(home, port)
        supervisor.start([service])
        assert service.port is not None
        assert service.port > port
        assert service.answer() is not None


def test_a_port_lost_while_starting_is_replaced(home: Home, supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        class Late(Echo):
            def prepare(self) -> None:
                super().prepare()
                if not self.log.exists():
                    self.port = port  # as if it had been free when it was chosen

        service = Late(home)
        supervisor.start([service])
        assert service.port != port
        assert service.answer() is not None


def test_a_crashed_service_comes_back_on_its_port(home: Home, supervisor: Supervisor, events: list[str]) -> None:
    service = Echo(home, worker=True)
    supervisor.start([service])
    pid, port, worker = service.answer(), service.port, ProcessIdentity.of(service.worker_pid)
    assert pid is not None
    assert worker is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: service.answer() not in (None, pid))
    assert service.port == port
    assert not worker.alive, "what the crashed process left in its session is gone"
    eventually(lambda: "Echo is back" in events)
    assert any("stopped unexpectedly" in event for event in events)
    recorded = home.record().processes
    assert [record.pid for record in recorded] == [service.answer()]


def test_a_service_that_keeps_crashing_is_tried_again_ever_later(
    home: Home, supervisor: Supervisor, events: list[str]
) -> None:
    service = Echo(home)
    supervisor.start([service])
    pid = service.answer()
    assert pid is not None
    service._program = "raise SystemExit(3)"
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: sum("status 3" in event for event in events) >= 2)
    assert supervisor._running["echo"].backoff >= 2.0


def test_a_service_that_cannot_start_says_why(home: Home, supervisor: Supervisor) -> None:
    service = Echo(home, program="raise SystemExit('no engine oil')")
    with pytest.raises(ServiceFailed, match=r"Echo did not start \(no engine oil\); its log is .*echo\.log"):
        supervisor.start([service])


def test_recover_stops_orphans_even_without_their_record(home: Home) -> None:
    orphan = _orphan(home)
    (home.path / "processes.json").unlink()
    assert ProcessIdentity.of(orphan) is not None
    assert Supervisor(home, "run").recover() >= 1
    assert ProcessIdentity.of(orphan) is None


def test_recover_leaves_a_recycled_process_id_alone(home: Home) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as stranger:
        identity = ProcessIdentity.of(stranger.pid)
        assert identity is not None
        record = InstanceRecord(
            boot=boot_id(), processes=(ProcessRecord("echo", stranger.pid, identity.started - 1, 1, signal.SIGKILL),)
        )
        home.write_record(record)
        assert Supervisor(home, "run").recover() == 0
        assert identity.alive
        # The control: with its true start time it is taken for ours.
        home.write_record(
            replace(record, processes=(replace(record.processes[0], started=identity.started),)),
        )
        assert Supervisor(home, "run").recover() == 1
        assert not identity.alive


def test_records_of_another_boot_name_nobody(home: Home) -> None:
    identity = ProcessIdentity.of(os.getpid())
    assert identity is not None
    record = ProcessRecord("echo", identity.pid, identity.started, 1, signal.SIGTERM)
    home.write_record(InstanceRecord(boot="another", supervisor=identity, processes=(record,)))
    assert home.record().orphans == []
    assert not home.record().running


def test_logs_are_rotated_and_the_writer_goes_on(
    home: Home, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy.local import supervisor as module

    program = "import sys, time\nwhile True: print('x' * 100, flush=True); time.sleep(0.001)"
    service = Echo(home, program=program)
    monkeypatch.setattr(service, "ready", lambda: True)
    supervisor.start([service])
    eventually(lambda: service.log.stat().st_size > 5_000)
    module._rotate(service.log, limit=1_000, in_use=True)
    assert service.log.with_name("echo.log.1").stat().st_size > 5_000
    eventually(lambda: service.log.stat().st_size > 0)
    assert service.log.read_bytes().startswith(b"x"), "no hole of zeros where the old text was"


def _orphan(home: Home) -> int:
    """Start a service from a process that is then killed."""
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.deploy.small_services import Echo, made_home\n"
        "from deploy.local.supervisor import Supervisor\n"
        "home = made_home(Path(sys.argv[1])); service = Echo(home, worker=True)\n"
        "Supervisor(home, 'run').start([service]); print(service.answer(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert json.loads((home.path / "processes.json").read_text())["processes"][0]["pid"] == pid
    return pid

"""What the ClickHouse server does when things go wrong: killed, told to stop, started twice, cut off."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from deploy.local.clickhouse_server import User, ensure_credentials, read_credentials, read_state, server_url
from tests.deploy.clickhouse_process import ROOT, ClickHouseProcess, wait_for

_ROWS = 100_000


def _rows(batch: int) -> bytes:
    block = np.empty(_ROWS, dtype=[("batch", "<u4"), ("n", "<u8")])
    block["batch"], block["n"] = batch, np.arange(_ROWS)
    return block.tobytes()


def test_kill_9_in_the_middle_of_an_insert_loses_at_most_that_insert(tmp_path: Path) -> None:
    server = ClickHouseProcess(tmp_path / "home").start()
    server.sql("CREATE TABLE default.t (batch UInt32, n UInt64) ENGINE = MergeTree ORDER BY (batch, n)")
    acknowledged: set[int] = set()
    sent = 0
    moments = random.Random(7)

    def write(first: int) -> None:
        for batch in range(first, first + 1000):
            try:
                reply = server.request(_rows(batch), {"query": "INSERT INTO default.t FORMAT RowBinary"})
            except (OSError, AssertionError):
                return
            if reply.status == 200:
                acknowledged.add(batch)

    for _ in range(10):
        writer = threading.Thread(target=write, args=(sent,))
        standing, wanted = len(acknowledged), 1 + moments.randrange(3)
        writer.start()
        wait_for(lambda standing=standing, wanted=wanted: len(acknowledged) >= standing + wanted, "inserts run")
        threading.Event().wait(moments.random() * 0.05)  # any moment of the next insert will do
        server.kill()
        writer.join()
        sent = max(acknowledged) + 2
        server.start()
        counts = dict(
            tuple(map(int, line.split("\t")))
            for line in server.sql("SELECT batch, count() FROM default.t GROUP BY batch").splitlines()
        )
        assert all(counts.get(batch) == _ROWS for batch in acknowledged)
        others = {batch: count for batch, count in counts.items() if batch not in acknowledged}
        assert all(count <= _ROWS for count in others.values())
        assert server.sql("SELECT count() = uniqExact(batch, n) FROM default.t") == "1"
        acknowledged.update(batch for batch, count in others.items() if count == _ROWS)
        server.sql("DELETE FROM default.t WHERE batch NOT IN {b:Array(UInt32)}", param_b=str(sorted(acknowledged)))
    assert server.terminate() == 0


def test_an_upload_that_breaks_off_inserts_nothing(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql(f"CREATE TABLE {database}.t (a Int64) ENGINE = MergeTree ORDER BY a")
    authorization = clickhouse.authorization()["Authorization"]
    for head in ("Content-Length: 50000000", "Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", clickhouse.live_port), timeout=30) as sock:
            target = f"/?database={database}&query=INSERT+INTO+t+FORMAT+TSV"
            sock.sendall(
                f"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{head}\r\n\r\n".encode()
            )
            data = b"12345\n" * 2_000_000
            sock.sendall(b"%x\r\n%b\r\n" % (len(data), data) if "chunked" in head else data)
    assert clickhouse.sql("SELECT 1") == "1"
    assert clickhouse.sql(f"SELECT count() FROM {database}.t") == "0"


def test_a_bad_row_inserts_nothing_of_its_block(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql(f"CREATE TABLE {database}.t (a Int64) ENGINE = MergeTree ORDER BY a")
    reply = clickhouse.request(b"1\n2\nnot a number\n", {"query": f"INSERT INTO {database}.t FORMAT TSV"})
    assert reply.status == 400
    assert clickhouse.sql(f"SELECT count() FROM {database}.t") == "0"


def test_a_large_upload_leaves_nothing_behind(own_clickhouse: ClickHouseProcess) -> None:
    own_clickhouse.sql("CREATE TABLE default.t (batch UInt32, n UInt64) ENGINE = MergeTree ORDER BY n")
    body = b"".join(_rows(batch) for batch in range(8))
    assert own_clickhouse.request(body, {"query": "INSERT INTO default.t FORMAT RowBinary"}).status == 200
    assert own_clickhouse.sql("SELECT count(), uniq(batch) FROM default.t") == f"{8 * _ROWS}\t8"
    assert list((own_clickhouse.home / "spool").iterdir()) == []
    assert own_clickhouse.process is not None
    left = [os.readlink(link) for link in _descriptors(own_clickhouse.process.pid)]
    assert not [target for target in left if "spool" in target or "memfd" in target]


def _descriptors(process: int) -> list[Path]:
    return [link for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()]


def test_descriptors_do_not_grow(own_clickhouse: ClickHouseProcess) -> None:
    own_clickhouse.sql("CREATE TABLE default.t (a Int64) ENGINE = Memory")
    assert own_clickhouse.process is not None

    def use() -> int:
        for _ in range(30):
            own_clickhouse.sql("SELECT 1")
            own_clickhouse.sql("SELECT 1", user=User.ANALYST)
            own_clickhouse.request("SELECT nope")
            own_clickhouse.sql("INSERT INTO default.t FORMAT CSV\n1")
            own_clickhouse.request("SELECT throwIf(number = 3000000), number FROM numbers(10000000) FORMAT Null")
        return len(_descriptors(own_clickhouse.process.pid))

    first = use()
    wait_for(lambda: use() <= first + 5, "descriptors are given back")


def test_a_second_start_on_a_live_folder_says_so_in_one_sentence(own_clickhouse: ClickHouseProcess) -> None:
    command = [
        sys.executable,
        "-m",
        "deploy.local.clickhouse_server",
        "--home",
        str(own_clickhouse.home),
        "--port",
        "0",
    ]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"{own_clickhouse.home} is in use" in second.stderr
    assert own_clickhouse.sql("SELECT 1") == "1"


def test_a_folder_the_engine_holds_elsewhere_is_refused(own_clickhouse: ClickHouseProcess, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "data").symlink_to(own_clickhouse.home / "data")
    command = [sys.executable, "-m", "deploy.local.clickhouse_server", "--home", str(other), "--port", "0"]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "stop that one first" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = ClickHouseProcess(tmp_path / "home", port).start()
        try:
            assert server.live_port != port
            assert server.sql("SELECT 1") == "1"
        finally:
            server.kill()


def test_only_this_machine_can_connect(own_clickhouse: ClickHouseProcess) -> None:
    assert own_clickhouse.process is not None
    listening = Path(f"/proc/{own_clickhouse.process.pid}/net/tcp").read_text()
    entry = next(line for line in listening.splitlines() if f":{own_clickhouse.live_port:04X} 00000000:0000" in line)
    assert entry.split()[1].startswith("0100007F:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_runs_and_exits_cleanly(own_clickhouse: ClickHouseProcess, number: int) -> None:
    own_clickhouse.sql("CREATE TABLE default.t (a UInt64) ENGINE = MergeTree ORDER BY a")
    insert = "INSERT INTO default.t SELECT number + sleepEachRow(0.01) FROM numbers(100) SETTINGS max_block_size = 10"
    idle = own_clickhouse.connect()
    idle.request("GET", "/ping")
    idle.getresponse().read()
    running = own_clickhouse.connect()
    running.request("POST", "/", insert, own_clickhouse.authorization())
    look = (
        "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(0.01)%' AND query NOT LIKE '%processes%'"
    )
    wait_for(lambda: own_clickhouse.sql(look) == "1", "the insert runs")
    assert own_clickhouse.process is not None
    own_clickhouse.process.send_signal(number)
    assert running.getresponse().status == 200
    assert own_clickhouse.process.wait(60) == 0
    assert read_state(own_clickhouse.home) is None
    own_clickhouse.start()
    assert own_clickhouse.sql("SELECT count() FROM default.t") == "100"


def test_data_and_passwords_outlive_the_process(own_clickhouse: ClickHouseProcess) -> None:
    passwords = read_credentials(own_clickhouse.home)
    own_clickhouse.sql("CREATE TABLE default.t (a Int8) ENGINE = MergeTree ORDER BY a")
    own_clickhouse.sql("INSERT INTO default.t VALUES (1)")
    own_clickhouse.kill()
    own_clickhouse.start()
    assert read_credentials(own_clickhouse.home) == passwords
    assert own_clickhouse.sql("SELECT a FROM default.t") == "1"
    assert server_url(own_clickhouse.home, User.ANALYST) == passwords.url(User.ANALYST, own_clickhouse.live_port)


def test_no_server_is_said_plainly(tmp_path: Path) -> None:
    ensure_credentials(tmp_path)
    assert read_state(tmp_path) is None
    with pytest.raises(RuntimeError, match="No ClickHouse server is running"):
        server_url(tmp_path)

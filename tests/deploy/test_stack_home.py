"""The home folder: one instance at a time, private files, passwords that stay."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.local.errors import HomeBusy, LocalStackError
from deploy.local.home import Home, HomeLock, InstanceRecord
from deploy.local.ports import is_free, next_free
from tests.deploy.small_services import made_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return made_home(tmp_path / "home")


def test_one_home_one_instance(home: Home) -> None:
    first, second = HomeLock(home, "up"), HomeLock(home, "run")
    first.acquire()
    assert HomeLock.held(home)
    with pytest.raises(HomeBusy, match=r"'cap up' \(process \d+\) already uses .*; stop it with 'cap down'"):
        second.acquire()
    first.release()
    assert not HomeLock.held(home)
    second.acquire()
    second.release()


def test_files_with_passwords_are_their_owner_s_alone(home: Home) -> None:
    home.secret("postgres")
    home.write_record(InstanceRecord(urls={"postgres": "postgresql://cap:x@127.0.0.1/cap"}))
    for name in ("secrets.json", "processes.json"):
        assert (home.path / name).stat().st_mode & 0o077 == 0


def test_passwords_are_made_once_whoever_asks_first(home: Home) -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(home.secret("redis"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert Home(home.path).secret("redis") == made[0]
    assert home.secret("postgres") != made[0]
    assert len(made[0]) >= 32


def test_damaged_passwords_are_not_replaced(home: Home) -> None:
    home.secret("postgres")
    (home.path / "secrets.json").write_text('{"postgres": ')
    with pytest.raises(LocalStackError, match="damaged"):
        home.secret("postgres")
    assert (home.path / "secrets.json").read_text() == '{"postgres": '


def test_damaged_records_are_as_none(home: Home) -> None:
    (home.path / "processes.json").write_text("[")
    (home.path / "config.json").write_text("[]")
    assert home.record() == InstanceRecord()
    assert home.read_config() == {}


def test_ports_pass_over_what_is_taken_or_spoken_for() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        found = next_free(port)
        assert found > port
        assert next_free(port, taken=frozenset({found})) > found
    assert is_free(port)
    assert next_free(0) > 0

"""The local stack under kill -9: acknowledged data stays, nothing runs twice, nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from deploy.local.errors import HomeBusy
from deploy.local.home import Home
from deploy.local.processes import MARKER, ProcessIdentity, marked, working_in
from deploy.local.stack import LocalStack, Ports
from tests.deploy.small_services import eventually
from tests.stack_fixtures import bare_settings

_RUN_STACK = (
    "import sys; from pathlib import Path\n"
    "from deploy.local.stack import LocalStack, Ports\n"
    "from tests.stack_fixtures import bare_settings\n"
    "LocalStack(bare_settings(), home=Path(sys.argv[1]), ports=Ports.any(), command='up').start()\n"
    "print('started', flush=True); sys.stdin.read()"
)


def _leader(stack: LocalStack, name: str) -> int:
    return next(record.pid for record in stack.home.record().processes if record.name == name)


def _answers(stack: LocalStack) -> bool:
    try:
        with psycopg.connect(stack.settings.require("postgres_url"), connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def _clickhouse(stack: LocalStack):
    import clickhouse_connect

    return clickhouse_connect.get_client(dsn=stack.settings.require("clickhouse_url"), autogenerate_session_id=False)


def test_all_of_postgres_killed_comes_back_with_what_it_acknowledged(stack: LocalStack) -> None:
    url = stack.settings.require("postgres_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.acknowledged (n int)")
        connection.execute("TRUNCATE public.acknowledged")
        connection.execute("INSERT INTO public.acknowledged SELECT generate_series(1, 1000)")
        group = working_in(stack.home.path / "postgres" / "data", "postgres")
        assert _leader(stack, "postgres") in {member.pid for member in group}
        assert len(group) > 5, "the postmaster, its workers and the backend of this connection"
        for member in group:
            member.signal(signal.SIGKILL)
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT 1")
    eventually(lambda: _answers(stack))
    assert stack.settings.require("postgres_url") == url, "on the same port, so that nobody has to look for it"
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*), sum(n) FROM public.acknowledged").fetchone() == (1000, 500500)
        connection.execute("DROP TABLE public.acknowledged")


def test_the_postmaster_alone_killed_leaves_no_backend_beside_the_new_one(stack: LocalStack) -> None:
    leader = _leader(stack, "postgres")
    connection = psycopg.connect(stack.settings.require("postgres_url"))
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    backend = ProcessIdentity.of(row[0])
    assert backend is not None
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: _answers(stack))
    connection.close()
    assert not backend.alive
    assert _leader(stack, "postgres") != leader


def test_redis_killed_comes_back_with_its_keys(stack: LocalStack) -> None:
    with redis.Redis.from_url(stack.settings.require("redis_url")) as cache:
        cache.set("kept", "yes")
        cache.bgrewriteaof()
        eventually(lambda: cache.info("persistence")["aof_rewrite_in_progress"] == 0)
        os.kill(_leader(stack, "redis"), signal.SIGKILL)

        def kept() -> bool:
            try:
                return cache.get("kept") == b"yes"
            except redis.RedisError:
                return False

        eventually(kept)
        cache.delete("kept")


def test_clickhouse_killed_comes_back_with_its_rows(stack: LocalStack) -> None:
    client = _clickhouse(stack)
    client.command("CREATE DATABASE IF NOT EXISTS fault")
    client.command("CREATE TABLE fault.kept (n UInt32) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO fault.kept SELECT number FROM numbers(1000)")
    os.kill(_leader(stack, "clickhouse"), signal.SIGKILL)

    def count() -> object:
        try:
            return client.query("SELECT count() FROM fault.kept").result_rows[0][0]
        except Exception:
            return None

    eventually(lambda: count() == 1000)
    client.command("DROP DATABASE fault")


def test_a_killed_supervisor_s_processes_are_taken_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen(
        [sys.executable, "-c", _RUN_STACK, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "started\n"
        urls = Home(home).record().urls
        with psycopg.connect(urls["postgres"], autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        with redis.Redis.from_url(urls["redis"]) as cache:
            cache.set("kept", "42")
        second = LocalStack(bare_settings(), home=home, ports=Ports.any())
        with pytest.raises(HomeBusy, match=r"'cap up' \(process \d+\) already uses .*'cap down'"):
            second.start()
        second.stop()
        started = {"smtp", "clickhouse", "redis", "postgres"}
        assert {record.name for record in Home(home).record().orphans} == started, (
            "who was refused the home stops nothing in it"
        )
        supervisor.kill()
    records = Home(home).record().orphans
    orphans = [record.identity for record in records]
    assert {record.name for record in records} == started, "killing the supervisor stops no store"
    with LocalStack(bare_settings(), home=home, ports=Ports.any()) as stack:
        assert stack.recovered >= len(orphans)
        assert not any(orphan.alive for orphan in orphans)
        with psycopg.connect(stack.settings.require("postgres_url")) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(stack.settings.require("redis_url")) as cache:
            assert cache.get("kept") == b"42"
        assert _clickhouse(stack).query("SELECT 1").result_rows == [(1,)]
    assert marked(Home(home).instance) == []
    assert working_in(home / "postgres" / "data", "postgres") == []


def test_a_stale_postmaster_file_with_a_living_process_id_does_not_stop_the_start(tmp_path: Path) -> None:
    settings = bare_settings(clickhouse_url=_elsewhere("http"), redis_url=_elsewhere("redis"))
    home = tmp_path / "home"
    with LocalStack(settings, home=home, ports=Ports.any()):
        pass
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as stranger:
        # As after a reboot: the number in the file is somebody else's now.
        (home / "postgres" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{home}\n0\n5432\n\n\n\n")
        with LocalStack(settings, home=home, ports=Ports.any()) as stack:
            assert _answers(stack)
        assert stranger.poll() is None
        stranger.kill()


def test_a_shell_that_stands_in_a_data_folder_is_left_alone(tmp_path: Path) -> None:
    settings = bare_settings(clickhouse_url=_elsewhere("http"), redis_url=_elsewhere("redis"))
    home = tmp_path / "home"
    with LocalStack(settings, home=home, ports=Ports.any()):
        pass
    data = home / "postgres" / "data"
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], cwd=data) as shell:
        (data / "postmaster.pid").write_text(f"{shell.pid}\n")
        with LocalStack(settings, home=home, ports=Ports.any()) as stack:
            assert _answers(stack)
        assert shell.poll() is None
        shell.kill()


def test_a_first_start_killed_half_way_is_made_good(tmp_path: Path) -> None:
    settings = bare_settings(clickhouse_url=_elsewhere("http"), redis_url=_elsewhere("redis"))
    home = tmp_path / "home"
    (home / "postgres" / "new.abc" / "data").mkdir(parents=True)
    (home / "postgres" / "new.abc" / "data" / "PG_VERSION").write_text("18\n")
    with LocalStack(settings, home=home, ports=Ports.any()) as stack:
        assert _answers(stack)


def test_a_store_with_a_url_is_not_started(tmp_path: Path, stack: LocalStack) -> None:
    url = stack.settings.postgres_url
    with LocalStack(bare_settings(postgres_url=url), home=tmp_path / "home", ports=Ports.any()) as second:
        assert second.settings.postgres_url == url
        assert {record.name for record in second.home.record().processes} == {"clickhouse", "redis"}
        assert not (second.home.path / "postgres").exists()
        assert second.environment()["CAP_POSTGRES_URL"] == stack.settings.require("postgres_url")


def test_a_program_that_forgets_to_stop_leaves_nothing(tmp_path: Path) -> None:
    forgetful = _RUN_STACK.replace("sys.stdin.read()", "raise SystemExit(0)")
    subprocess.run([sys.executable, "-c", forgetful, str(tmp_path / "home")], check=True, capture_output=True)
    assert marked(Home(tmp_path / "home").instance) == []
    assert working_in(tmp_path / "home" / "postgres" / "data", "postgres") == []


def test_no_password_in_arguments_logs_or_readable_files(stack: LocalStack) -> None:
    _answers(stack)
    passwords = {url.split("@")[0].rsplit(":", 1)[1] for url in stack.home.record().urls.values() if "@" in url}
    assert len(passwords) == 4
    for identity in marked(stack.home.instance) + working_in(stack.home.path / "postgres" / "data", "postgres"):
        arguments = " ".join(psutil.Process(identity.pid).cmdline())
        assert not any(password in arguments for password in passwords)
    for path in stack.home.path.rglob("*"):
        if not path.is_file() or "postgres/data" in str(path) or "clickhouse/data" in str(path):
            continue
        text = path.read_bytes()
        holds = any(password.encode() in text for password in passwords)
        assert not (holds and path.stat().st_mode & 0o077), f"{path} holds a password and others may read it"
        if path.parent == stack.home.logs:
            assert not holds, f"{path} holds a password"
    # The control: the search does find what is there.
    assert any(password in (stack.home.path / "secrets.json").read_text() for password in passwords)
    assert MARKER not in stack.environment()


def _elsewhere(scheme: str):
    from pydantic import SecretStr

    return SecretStr(f"{scheme}://127.0.0.1:9")

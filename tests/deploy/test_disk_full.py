"""A full disk under all stores: writes are refused and say why, nothing is damaged, and it goes on once there is space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import clickhouse_connect
import numpy as np
import psycopg
import pytest
import redis
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.local.stack import LocalStack, Ports
from tests.deploy.small_services import eventually
from tests.stack_fixtures import bare_settings

_LEFT_FREE = 24 * 1024 * 1024
_ROW = "x" * 1_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home folder on a file system of 400 MB in memory."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    # Another account runs PostgreSQL and has to reach it.
    tmp_path.chmod(0o755)
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True)
    if made.returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    free = shutil.disk_usage(folder).free - _LEFT_FREE
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, free)
    return ballast


def _connect(stack: LocalStack) -> psycopg.Connection:
    return psycopg.connect(stack.settings.require("postgres_url"), autocommit=True, connect_timeout=3)


def _postgres_writes(stack: LocalStack) -> tuple[int, psycopg.Error]:
    """Write until it is refused: rows acknowledged, and the refusal."""
    acknowledged = 0
    try:
        with _connect(stack) as connection:
            while True:
                connection.execute(
                    "INSERT INTO public.full SELECT n, %s FROM generate_series(%s::int, %s::int) AS n",
                    (_ROW, acknowledged, acknowledged + 999),
                )
                acknowledged += 1_000
    except psycopg.Error as error:
        return acknowledged, error


def _clickhouse_writes(stack: LocalStack) -> tuple[int, Exception]:
    acknowledged = 0
    noise = np.random.default_rng(1)
    url = stack.settings.require("clickhouse_url")
    with closing(clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)) as client:
        try:
            while True:
                numbers = noise.integers(0, 2**62, 100_000)
                client.insert("default.full", numbers.reshape(-1, 1), column_names=["n"])
                acknowledged += len(numbers)
        except ClickHouseError as error:
            return acknowledged, error


def _answers(stack: LocalStack) -> bool:
    try:
        with _connect(stack) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def test_a_full_disk_refuses_writes_and_damages_nothing(small_disk: Path) -> None:
    with LocalStack(bare_settings(), home=small_disk / "home", ports=Ports.any()) as stack:
        url = stack.settings.require("clickhouse_url")
        with _connect(stack) as connection:
            connection.execute("CREATE TABLE public.full (n int, filling text)")
        with closing(clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)) as client:
            client.command("CREATE TABLE default.full (n Int64) ENGINE = MergeTree ORDER BY n")
        ballast = _fill(small_disk)

        rows, refusal = _clickhouse_writes(stack)
        assert "space" in str(refusal).lower()
        kept, error = _postgres_writes(stack)
        # 53100 says that the disk is full; where the log of changes itself has no room the server stops instead.
        assert getattr(error, "sqlstate", None) == "53100" or isinstance(error, psycopg.OperationalError)
        with redis.Redis.from_url(stack.settings.require("redis_url")) as cache:
            assert cache.ping()

        ballast.unlink()
        eventually(lambda: _answers(stack))
        with _connect(stack) as connection:
            found = connection.execute("SELECT count(*), count(DISTINCT n), min(length(filling)) FROM public.full")
            assert found.fetchone() == (kept, kept, len(_ROW) if kept else None)
            connection.execute("INSERT INTO public.full VALUES (-1, 'after')")
        with closing(clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)) as client:
            assert client.query("SELECT count() FROM default.full").first_row[0] == rows
            assert client.query("CHECK TABLE default.full").first_row[-1] in (1, "1", "")
            client.insert("default.full", [[-1]], column_names=["n"])
            assert client.query("SELECT count() FROM default.full").first_row[0] == rows + 1

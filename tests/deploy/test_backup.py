"""Back up, wipe, restore: every row of every table is there again, and nothing is half-restored."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from api.security.principal import Role, Scope
from deploy.backup import serving, warehouse
from deploy.local.stack import LocalStack
from stores import database
from stores import warehouse as market
from stores.warehouse import Warehouse
from tests.api.people import give_plan, make_key, make_user
from tests.api.world import fill
from tests.stack_fixtures import empty

ROOT = Path(__file__).resolve().parents[2]


def cap(stack: LocalStack, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **stack.environment(), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        input=stdin,
        timeout=180,
    )


@pytest.fixture
def filled(stack: LocalStack) -> Iterator[LocalStack]:
    empty(stack)
    market.migrate(stack.settings)
    database.migrate(stack.settings)
    fill(stack.settings)
    person = make_user(stack.settings, "kept@example.com")
    give_plan(stack.settings, person.user_id, "pro")
    make_key(stack.settings, person, [Scope.SIGNALS_READ])
    make_user(stack.settings, role=Role.ADMIN)
    assert cap(stack, "users", "create", "cli@example.com", stdin="nine green apples on a roof\n").returncode == 0
    yield stack
    empty(stack)


def checksums(stack: LocalStack) -> dict[str, str]:
    """One of every table of both stores, over rows in an order of their own.

    A row of the warehouse that was stored twice counts once: which merge takes the second copy away is nobody's concern.
    """
    found: dict[str, str] = {}
    with serving.connect(stack.settings) as connection:
        for table in serving.tables_of(connection):
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM (SELECT {} FROM {}) AS t ORDER BY 1").format(table.listed, table.qualified)
            ).fetchall()
            found[f"postgres {table.name}"] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    with closing(Warehouse.connect(stack.settings, origin="test")) as client:
        for name in warehouse.tables_of(client):
            replacing = client.scalar(
                "SELECT engine LIKE 'Replacing%' FROM system.tables WHERE database = 'market' AND name = {name:String}",
                {"name": name},
            )
            lines = sorted(client.query_json_lines(f"SELECT * FROM market.{name}{' FINAL' if replacing else ''}"))
            found[f"clickhouse {name}"] = f"{len(lines)} {hashlib.sha256(b''.join(lines)).hexdigest()}"
    return found


def test_what_was_wiped_is_there_again(filled: LocalStack, tmp_path: Path) -> None:
    before = checksums(filled)
    assert sum(not value.startswith("0 ") for value in before.values()) > 12, "too little was there to be tested"
    out = tmp_path / "monday.tar.zst"
    made = cap(filled, "backup", "--out", str(out))
    assert made.returncode == 0, made.stderr
    assert "CAP_SECRET_KEY" in made.stderr
    assert cap(filled, "backup", "--out", str(out)).returncode == 2

    full = cap(filled, "restore", str(out))
    assert full.returncode == 1
    assert "holds data already" in full.stderr
    assert checksums(filled) == before

    empty(filled)
    restored = cap(filled, "restore", str(out))
    assert restored.returncode == 0, restored.stderr
    assert checksums(filled) == before
    # Counters go on where they were, guards stand again, and the next publication is told of.
    with psycopg.connect(filled.settings.require("postgres_url"), autocommit=True) as connection:
        newest = connection.execute("SELECT max(sequence) FROM serving.published_signals").fetchone()
        following = connection.execute(
            "SELECT nextval(pg_get_serial_sequence('serving.published_signals', 'sequence'))"
        ).fetchone()
        assert newest is not None
        assert following is not None
        assert following[0] == newest[0] + 1
        with pytest.raises(psycopg.Error, match="never changed"):
            connection.execute("DELETE FROM serving.published_signals")
    assert cap(filled, "users", "verify-log").returncode == 0
    again = cap(filled, "restore", str(out), "--replace")
    assert again.returncode == 0, again.stderr
    assert checksums(filled) == before


def test_a_damaged_file_changes_nothing(filled: LocalStack, tmp_path: Path) -> None:
    out = tmp_path / "monday.tar.zst"
    assert cap(filled, "backup", "--out", str(out)).returncode == 0
    before = checksums(filled)
    whole = out.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "altered": whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 255]) + whole[len(whole) // 2 + 1 :],
        "other": b"not a backup at all",
        "empty": b"",
    }
    for name, content in damaged.items():
        file = tmp_path / f"{name}.tar.zst"
        file.write_bytes(content)
        refused = cap(filled, "restore", str(file), "--replace")
        assert refused.returncode == 1, name
        assert "Traceback" not in refused.stderr
        assert str(file) in refused.stderr
        assert checksums(filled) == before


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    import io
    import tarfile

    import zstandard

    from deploy.backup import archive

    for name in ("../outside", "/tmp/outside", "postgres/../../outside", "other/file"):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as made:
            member = tarfile.TarInfo(name)
            member.size = 4
            made.addfile(member, io.BytesIO(b"evil"))
        file = tmp_path / "evil.tar.zst"
        file.write_bytes(zstandard.compress(packed.getvalue()))
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        with pytest.raises(archive.BadArchive, match="does not belong"):
            archive.read(file, folder)
        assert list(folder.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_no_secret_in_the_clear(filled: LocalStack, tmp_path: Path) -> None:
    import zstandard

    key = make_key(filled.settings, make_user(filled.settings), [Scope.SIGNALS_READ])["X-API-Key"]
    out = tmp_path / "monday.tar.zst"
    assert cap(filled, "backup", "--out", str(out)).returncode == 0
    with out.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as unpacked:
        everything = unpacked.read()
    assert b"kept@example.com" in everything
    assert filled.settings.secret_key is not None
    for secret in (filled.settings.secret_key.get_secret_value(), key.split("_")[2], "nine green apples"):
        assert secret.encode() not in everything


def test_migrate_says_where_the_schema_is_and_moves_it(stack: LocalStack) -> None:
    empty(stack)
    behind = cap(stack, "migrate", "--check")
    assert (behind.returncode, "at base" in behind.stderr) == (1, True)
    assert cap(stack, "migrate", "--to", "0003").returncode == 0
    assert cap(stack, "migrate", "--check").returncode == 1
    assert cap(stack, "migrate").returncode == 0
    assert cap(stack, "migrate", "--check").returncode == 0
    assert "0002" in cap(stack, "migrate", "--down", "0002").stdout
    assert cap(stack, "migrate", "--down", "9999").returncode == 2
    assert cap(stack, "migrate", "--down", "base", "--check").returncode == 2
    assert cap(stack, "migrate").returncode == 0


def test_accounts_from_the_command_line(stack: LocalStack) -> None:
    empty(stack)
    database.migrate(stack.settings)
    assert cap(stack, "users", "create", "not an address", stdin="nine green apples on a roof\n").returncode == 2
    assert cap(stack, "users", "create", "a@example.com", stdin="short\n").returncode == 2
    made = cap(stack, "users", "create", "a@example.com", "--admin", stdin="nine green apples on a roof\n")
    assert made.returncode == 0, made.stderr
    assert "second factor" in made.stdout
    assert cap(stack, "users", "create", "A@example.com", stdin="nine green apples on a roof\n").returncode == 1
    assert cap(stack, "users", "promote", "b@example.com").returncode == 1
    listed = cap(stack, "users", "list", "--json").stdout
    assert '"admin"' in listed
    assert "argon2" not in listed
    seeded = cap(stack, "seed")
    assert seeded.returncode == 0, seeded.stderr
    assert "4 accounts made" in seeded.stdout
    assert "0 accounts made" in cap(stack, "seed").stdout
    environment = {
        **os.environ,
        **stack.environment(),
        "PYTHONPATH": str(ROOT),
        "CAP_PUBLIC_URL": "https://x.example.com",
    }
    elsewhere = subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", "seed"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert elsewhere.returncode == 1
    assert "x.example.com" in elsewhere.stderr
    with psycopg.connect(stack.settings.require("postgres_url")) as connection:
        connection.execute("ALTER TABLE serving.audit_log DISABLE TRIGGER audit_log_append_only")
        connection.execute("UPDATE serving.audit_log SET action = 'nothing' WHERE sequence = 1")
    tampered = cap(stack, "users", "verify-log")
    assert tampered.returncode == 1
    assert "record 1" in tampered.stderr

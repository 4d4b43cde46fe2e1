"""``cap backup`` and ``cap restore``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from deploy.backup import archive, serving, warehouse
from deploy.backup.archive import BadArchive, Manifest
from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import read_settings
from deploy.cli.progress import TerminalProgress
from deploy.cli.run import running_stores
from stores import database
from stores import warehouse as market
from stores.settings import Settings
from stores.warehouse import Warehouse

_MIGRATED = ("plans", "invoice_numbers")
"""Tables that have rows from the first migration on."""


def back_up(out: Path, home: Path | None) -> None:
    """Write a backup of the running instance, or of the stores of a home that does not run.

    Raises
    ------
    WrongUse
        If the file exists: a backup is never written over another.
    """
    if out.exists():
        raise WrongUse(f"{out} exists; a backup is not written over another, choose another name")
    console = Console(stderr=True)
    with raise_on_signals(), running_stores(read_settings(home)) as settings, TerminalProgress(console) as progress:
        _migrate(settings)
        with tempfile.TemporaryDirectory(prefix="cap-backup-", dir=out.absolute().parent) as scratch:
            folder = Path(scratch)
            with (
                closing(Warehouse.connect(settings, origin="backup")) as client,
                serving.connect(settings) as connection,
            ):
                names = [table.name for table in serving.tables_of(connection)]
                step = _stage(progress, "serving database", len(names))
                members = serving.dump(settings, folder, step)
                members += warehouse.dump(
                    client, folder, _stage(progress, "warehouse", len(warehouse.tables_of(client)))
                )
                applied = [
                    row["name"] for row in client.query_rows("SELECT name FROM market.schema_migrations ORDER BY name")
                ]
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = Manifest(archive.FORMAT, made_at, database.migrate(settings), applied, members)
            progress.stage("packing", None)
            archive.write(out, folder, manifest)
            progress.done()
    rows = sum(member.rows for member in members)
    console.print(
        f"{out}: {rows:,} rows of {len(members)} pieces, {out.stat().st_size / 1e6:,.1f} MB.", highlight=False
    )
    console.print(
        "Secrets in it are sealed: keep CAP_SECRET_KEY (secrets.json of the home) apart from it, and do not lose it.",
        highlight=False,
    )


def restore(source: Path, home: Path | None, *, replace: bool) -> None:
    """Put a backup back.

    Every byte is checked before anything is changed. The serving database changes in one transaction.

    Raises
    ------
    CommandFailed
        If the file is damaged, of another version, or the target holds something and ``replace`` is not said.
    """
    console = Console(stderr=True)
    with raise_on_signals(), tempfile.TemporaryDirectory(prefix="cap-restore-") as scratch:
        folder = Path(scratch)
        try:
            manifest = archive.read(source, folder)
        except BadArchive as error:
            raise CommandFailed(str(error)) from error
        with running_stores(read_settings(home)) as settings, TerminalProgress(console) as progress:
            _check_target(settings, manifest, replace=replace)
            rows = [member for member in manifest.members if member.name.startswith("postgres/")]
            pieces = [member for member in manifest.members if member.name.startswith("clickhouse/")]
            with closing(Warehouse.connect(settings, origin="restore")) as client:
                tables = len(warehouse.tables_of(client))
                warehouse.load(client, folder, pieces, _stage(progress, "warehouse", tables))
                # Last, and at once: until then nothing of what the API serves has changed.
                serving.load(settings, folder, rows, _stage(progress, "serving database", len(rows)))
            progress.done()
    console.print(
        f"Restored what stood on {manifest.made_at}: {sum(member.rows for member in manifest.members):,} rows. "
        "The marts are made anew by the next 'cap run' or 'cap up'.",
        highlight=False,
    )


def _check_target(settings: Settings, manifest: Manifest, *, replace: bool) -> None:
    revision = _migrate(settings)
    if revision != manifest.revision:
        raise CommandFailed(
            f"the backup is of schema {manifest.revision}, this version is at {revision}; restore it with the version that "
            "made it, then upgrade"
        )
    with serving.connect(settings) as connection:
        tables = [table for table in serving.tables_of(connection) if table.name not in _MIGRATED]
        standing = {name: rows for name, rows in serving.counts(connection, tables).items() if rows}
    if standing and not replace:
        name, rows = next(iter(standing.items()))
        raise CommandFailed(
            f"the target holds data already ({rows:,} rows in {name}); restore into an empty one, or say --replace"
        )


def _migrate(settings: Settings) -> str:
    market.migrate(settings)
    return database.migrate(settings)


def _stage(progress: TerminalProgress, name: str, total: int) -> Callable[[str], None]:
    progress.stage(name, total)
    return lambda _: progress.advance()

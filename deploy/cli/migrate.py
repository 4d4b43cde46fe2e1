"""``cap migrate``: bring the stores' schemas up to this version, or one of them back."""

from __future__ import annotations

from pathlib import Path

import typer

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.options import read_settings
from deploy.cli.run import running_stores
from stores import database, warehouse


def migrate(home: Path | None, *, to: str | None, down: str | None, check: bool) -> None:
    """Migrate forward to the newest or a named revision, or back, or only say where the serving schema is.

    Raises
    ------
    WrongUse
        If several are asked for at once, or the revision does not exist.
    CommandFailed
        With ``check``, if the schema is behind.
    """
    from alembic.util import CommandError

    if sum((to is not None, down is not None, check)) > 1:
        raise WrongUse("say one of --to, --down and --check")
    with running_stores(read_settings(home)) as settings:
        try:
            if check:
                here, newest = database.current_revision(settings), database.revisions()[0]
                if here != newest:
                    raise CommandFailed(f"the serving schema is at {here}, the newest is {newest}; run 'cap migrate'")
                typer.echo(f"The serving schema is at {here}, the newest.")
                return
            if down is not None:
                typer.echo(f"The serving schema is at {database.downgrade(settings, down)}.")
                return
            fresh = warehouse.migrate(settings)
            typer.echo(f"The warehouse has {', '.join(fresh) if fresh else 'nothing new'}.")
            typer.echo(f"The serving schema is at {database.migrate(settings, to or 'head')}.")
        except CommandError as error:
            raise WrongUse(str(error)) from None

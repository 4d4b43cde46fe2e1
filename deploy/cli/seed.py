"""``cap seed``: accounts to try the platform with, one a plan, on this machine only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import typer
from sqlalchemy import text
from sqlmodel import Session

from deploy.cli.errors import CommandFailed
from deploy.cli.options import read_settings
from deploy.cli.run import running_stores
from deploy.cli.users import Account, make
from stores import database
from stores.settings import Settings

PASSWORD = "a demonstration, not a secret"  # noqa: S105 - known to everybody, so only for a local instance
PEOPLE = {"free": "free@example.com", "pro": "pro@example.com", "team": "team@example.com"}
ADMINISTRATOR = "admin@example.com"
_LOCAL = {"127.0.0.1", "localhost", "::1", None}


def seed(home: Path | None) -> None:
    """Make them; those that are there stay as they are.

    Raises
    ------
    CommandFailed
        If the database or the API can be reached by others: everybody knows the password.
    """
    with running_stores(read_settings(home)) as settings:
        _refuse_elsewhere(settings)
        database.migrate(settings)
        engine = database.engine(settings, pool_size=1)
        try:
            with database.session(engine) as session:
                made = [make(settings, session, Account(ADMINISTRATOR, PASSWORD, "admin"))]
                for plan, email in PEOPLE.items():
                    made.append(make(settings, session, Account(email, PASSWORD)))
                    if made[-1] and plan != "free":
                        _grant(session, email, plan)
        finally:
            engine.dispose()
    typer.echo(f"{sum(made)} accounts made: {', '.join([ADMINISTRATOR, *PEOPLE.values()])}; password: {PASSWORD}")


def _grant(session: Session, email: str, plan: str) -> None:
    now = datetime.now(UTC)
    session.connection().execute(
        text(
            "INSERT INTO serving.grants (grant_id, user_id, plan_id, until, reason, created_at) "
            "SELECT gen_random_uuid(), user_id, :plan, :until, 'demonstration', :now FROM serving.users WHERE email = :email"
        ),
        {"plan": plan, "until": now + timedelta(days=3650), "now": now, "email": email},
    )


def _refuse_elsewhere(settings: Settings) -> None:
    hosts = {
        "CAP_POSTGRES_URL": urlsplit(settings.require("postgres_url")).hostname,
        "CAP_PUBLIC_URL": urlsplit(settings.public_url).hostname,
        "CAP_API_HOST": settings.api_host,
    }
    for name, host in hosts.items():
        if host not in _LOCAL:
            raise CommandFailed(
                f"{name} names {host}: accounts with a password everybody knows are made on this machine's own instance "
                "only; use 'cap users create'"
            )

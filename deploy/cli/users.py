"""``cap users``: accounts from the command line, the first administrator among them."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlmodel import Session

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.options import read_settings
from deploy.cli.run import running_stores
from stores import database
from stores.settings import Settings

_LISTED = """
SELECT u.email, u.role, u.status, u.email_verified_at IS NOT NULL AS verified, u.created_at,
    EXISTS (SELECT FROM serving.second_factors AS f WHERE f.user_id = u.user_id AND f.confirmed_at IS NOT NULL)
        AS second_factor
FROM serving.users AS u WHERE u.status <> 'deleted' ORDER BY u.created_at
"""


@dataclass(frozen=True)
class Account:
    """Somebody to make."""

    email: str
    password: str
    role: str = "user"


def create(email: str, *, admin: bool, password: str | None, home: Path | None) -> None:
    """Make an account whose address counts as confirmed.

    Raises
    ------
    WrongUse
        If address or password cannot be taken.
    CommandFailed
        If the address has an account.
    """
    chosen = password if password is not None else _ask()
    account = Account(email, chosen, "admin" if admin else "user")
    with _session(home) as (settings, session):
        if not make(settings, session, account):
            raise CommandFailed(f"{email} has an account; 'cap users promote {email}' makes it an administrator's")
    typer.echo(f"{email} is {'an administrator' if admin else 'a user'} now.")
    if admin and settings.admin_second_factor:
        typer.echo("Administrators need a second factor: sign in, POST /v1/auth/second-factor, and sign in with it.")


def make(settings: Settings, session: Session, account: Account) -> bool:
    """Make an account; returns whether it is new.

    Raises
    ------
    WrongUse
        If address or password cannot be taken.
    """
    from email_validator import EmailNotValidError, validate_email

    from api.accounts.password_rules import check_password
    from api.audit import Actor, record
    from api.problems import Problem
    from api.security.passwords import Passwords

    try:
        email = validate_email(account.email, check_deliverability=False).normalized
        check_password(account.password, email)
    except (EmailNotValidError, Problem) as error:
        raise WrongUse(str(error)) from None
    connection = session.connection()
    if connection.execute(
        text("SELECT 1 FROM serving.users WHERE lower(email) = lower(:email)"), {"email": email}
    ).one_or_none():
        return False
    user_id, now = str(uuid.uuid4()), datetime.now(UTC)
    connection.execute(
        text(
            "INSERT INTO serving.users (user_id, email, password_hash, role, email_verified_at, created_at) "
            "VALUES (:user, :email, :hash, :role, :now, :now)"
        ),
        {
            "user": user_id,
            "email": email,
            "hash": Passwords(settings).hash(account.password),
            "role": account.role,
            "now": now,
        },
    )
    actor, details = Actor(None, "command line"), {"role": account.role}
    record(session, actor, "account.made", target=f"user:{user_id}", now=now, details=details)
    return True


def promote(email: str, home: Path | None) -> None:
    """Make somebody an administrator; sessions opened before end.

    Raises
    ------
    CommandFailed
        If there is no such account.
    """
    from api.accounts import people, sessions
    from api.audit import Actor, record

    now = datetime.now(UTC)
    with _session(home) as (_, session):
        account = people.by_email(session, email, hold=True)
        if account is None:
            raise CommandFailed(f"{email} has no account; make one with 'cap users create {email} --admin'")
        session.connection().execute(
            text("UPDATE serving.users SET role = 'admin', version = version + 1 WHERE user_id = :user"),
            {"user": account.user_id},
        )
        sessions.revoke_all(session, account.user_id, now)
        record(session, Actor(None, "command line"), "account.promoted", target=f"user:{account.user_id}", now=now)
    typer.echo(f"{email} is an administrator now.")


def show(home: Path | None, *, as_json: bool) -> None:
    """List the accounts."""
    with _session(home) as (_, session):
        rows: list[dict[str, Any]] = [dict(row) for row in session.connection().execute(text(_LISTED)).mappings()]
    if as_json:
        json.dump(rows, sys.stdout, default=str, indent=2)
        sys.stdout.write("\n")
        return
    table = Table("address", "role", "status", "confirmed", "second factor", "since (UTC)")
    for row in rows:
        flags = ["yes" if row[name] else "no" for name in ("verified", "second_factor")]
        table.add_row(row["email"], row["role"], row["status"], *flags, f"{row['created_at']:%Y-%m-%d %H:%M}")
    Console().print(table if rows else "No account yet; 'cap users create ADDRESS --admin' makes the first.")


def verify_log(home: Path | None) -> None:
    """Check the chain of the audit log.

    Raises
    ------
    CommandFailed
        If a record was altered or is missing.
    """
    from api.audit import broken_at

    with _session(home) as (_, session):
        broken = broken_at(session)
        count = session.connection().execute(text("SELECT count(*) FROM serving.audit_log")).scalar_one()
    if broken is not None:
        raise CommandFailed(f"the audit log was tampered with: record {broken} does not follow from the one before it")
    typer.echo(f"The audit log is whole: {count:,} records.")


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)


@contextmanager
def _session(home: Path | None) -> Iterator[tuple[Settings, Session]]:
    with running_stores(read_settings(home)) as settings:
        database.migrate(settings)
        engine = database.engine(settings, pool_size=1)
        try:
            with database.session(engine) as session:
                yield settings, session
        finally:
            engine.dispose()

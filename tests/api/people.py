"""People for tests of the API: made straight in the database, signed in by a real session."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.security.principal import Role, Scope
from api.security.tokens import AccessTokens
from api.security.vault import Vault
from api.users import keys
from api.users.keys import KeySettings
from stores import database
from stores.settings import Settings
from stores.tables import Grant, User, UserSession


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in; ``headers`` are his."""

    user_id: str
    email: str
    session_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What he sends with every request."""
        return {"Authorization": f"Bearer {self.token}"}


def make_user(
    settings: Settings,
    email: str | None = None,
    *,
    role: Role = Role.USER,
    verified: bool = True,
    second_factor: bool = False,
    now: datetime | None = None,
) -> Person:
    """Make a person with a session of 30 days, and a token of it."""
    moment = now or datetime.now(UTC)
    person = str(uuid.uuid4())
    session_id = str(uuid.uuid4())
    address = email or f"{person}@example.com"
    engine: Engine = database.engine(settings, pool_size=1)
    try:
        with database.session(engine) as session:
            session.add(
                User(
                    user_id=person,
                    email=address,
                    password_hash=None,
                    role=role.value,
                    email_verified_at=moment if verified else None,
                    created_at=moment,
                )
            )
            session.flush()
            session.add(
                UserSession(
                    session_id=session_id,
                    user_id=person,
                    created_at=moment,
                    last_seen_at=moment,
                    expires_at=moment + timedelta(days=30),
                    second_factor=second_factor,
                )
            )
    finally:
        engine.dispose()
    return Person(person, address, session_id, AccessTokens(Vault.of(settings)).issue(person, session_id, moment))


def give_plan(
    settings: Settings,
    user_id: str,
    plan: str,
    *,
    until: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Give a person a plan, for a year if nothing is said."""
    moment = now or datetime.now(UTC)
    engine: Engine = database.engine(settings, pool_size=1)
    try:
        with database.session(engine) as session:
            session.add(
                Grant(
                    grant_id=str(uuid.uuid4()),
                    user_id=user_id,
                    plan_id=plan,
                    until=until or moment + timedelta(days=365),
                    reason="for a test",
                    created_at=moment,
                )
            )
    finally:
        engine.dispose()


def make_key(
    settings: Settings, person: Person, scopes: Sequence[Scope], now: datetime | None = None
) -> dict[str, str]:
    """Make an API key of a person; returns the headers of a program that has it."""
    wanted = KeySettings("test", scopes, [], None)
    engine = database.engine(settings, pool_size=1)
    try:
        with database.session(engine) as session:
            made = keys.create(session, person.user_id, wanted, 1_000, now or datetime.now(UTC))
    finally:
        engine.dispose()
    return {"X-API-Key": made["key"]}

"""People who register, read their mails and sign in over HTTP, by a clock that tests move."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, text

from api.dependencies import Context
from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.stack_fixtures import empty

PASSWORD = "nine green apples on a roof"
OTHER_PASSWORD = "seven blue boats at low tide"
START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class MovedClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move it, also back."""
        self.now += timedelta(**by)


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in gave."""

    body: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """Of requests with its access token."""
        return {"Authorization": f"Bearer {self.body['access_token']}"}

    @property
    def refresh_token(self) -> str:
        """Its refresh token."""
        return self.body["refresh_token"]


@dataclass(frozen=True)
class SignIns:
    """A running API, and what the tests of accounts do with it."""

    served: Served
    clock: MovedClock
    engine: Engine

    @property
    def context(self) -> Context:
        """What the application's requests share."""
        return self.served.app.state.context

    @property
    def hashes(self) -> int:
        """Password hashes computed so far."""
        return self.context.passwords.computed

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """Post to a route of ``/v1/auth``."""
        return self.served.client.post(f"/v1/auth/{path}", json=body, headers=headers)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Get from a route of ``/v1/auth``."""
        return self.served.client.get(f"/v1/auth/{path}", headers=headers)

    def person(self, password: str = PASSWORD) -> str:
        """Register somebody and confirm his address; returns it."""
        self.forget_counts()
        email = f"{uuid.uuid4()}@example.com"
        assert self.post("register", {"email": email, "password": password}).status_code == 202
        assert self.post("verify-email", {"token": self.token(email, "verify_email")}).status_code == 204
        return email

    def login(self, email: str, password: str = PASSWORD) -> SignedIn:
        """Sign in."""
        reply = self.post("login", {"email": email, "password": password})
        assert reply.status_code == 200, reply.text
        return SignedIn(reply.json())

    def mails(self, email: str, template: str | None = None) -> list[dict[str, Any]]:
        """Mails to somebody, oldest first."""
        rows = self.rows(
            "SELECT payload FROM serving.outbox WHERE topic = 'mail' AND lower(payload->>'to') = lower(:email) "
            "ORDER BY outbox_id",
            email=email,
        )
        found = [row["payload"] for row in rows]
        return [mail for mail in found if template in (None, mail["template"])]

    def token(self, email: str, template: str) -> str:
        """Token of the newest mail of a kind."""
        return self.mails(email, template)[-1]["context"]["token"]

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Ask the database."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def actions(self, email: str) -> list[str]:
        """Audit records about somebody."""
        rows = self.rows(
            "SELECT a.action FROM serving.audit_log AS a JOIN serving.users AS u ON a.target = 'user:' || u.user_id "
            "WHERE u.email = :email ORDER BY a.sequence",
            email=email,
        )
        return [row["action"] for row in rows]

    def forget_counts(self) -> None:
        """Let no test wait for the tries of another."""
        self.rows("DELETE FROM serving.guess_counts")

    def works(self, headers: dict[str, str]) -> bool:
        """Whether somebody is let in."""
        return self.get("second-factor", headers).status_code == 200


@contextmanager
def sign_ins(stack: LocalStack, **settings: Any) -> Iterator[SignIns]:
    """Run the API over an empty database, with cheap hashes."""
    empty(stack)
    database.migrate(stack.settings)
    # Limits of requests are another guard with tests of its own; here nobody is held up by them.
    plain = {"password_memory_kib": 64, "password_passes": 1, "limits_exempt": ("0.0.0.0/0", "::/0"), **settings}
    clock = MovedClock()
    engine = database.engine(stack.settings, pool_size=1)
    with serve(stack.settings.model_copy(update=plain), clock=clock) as served:
        yield SignIns(served, clock, engine)
    engine.dispose()

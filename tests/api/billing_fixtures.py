"""People who subscribe, before a clock that is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text
from sqlmodel import Session

from api.billing.books import Books
from api.billing.due import advance_due
from api.dependencies import Context
from api.security.tokens import AccessTokens
from api.security.vault import Vault
from stores import database
from stores.settings import Settings
from tests.api.conftest import Served, serve
from tests.api.delivery_fixtures import MovingClock, rows
from tests.api.people import Person, make_user

START = datetime(2027, 3, 10, 12, tzinfo=UTC)


@dataclass
class Shop:
    """A served API, its clock, and what a test asks of both."""

    served: Served
    clock: MovingClock

    @property
    def settings(self) -> Settings:
        return self.served.settings

    @property
    def context(self) -> Context:
        return self.served.app.state.context

    def person(self, **options: Any) -> Person:
        """Somebody whose session outlasts every test."""
        made = make_user(self.settings, now=self.clock.now, **options)
        rows(self.settings, "UPDATE serving.sessions SET expires_at = :then", then=START + timedelta(days=9_000))
        return made

    def ask(self, person: Person | None, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask as a person, with a token of this instant."""
        headers = options.pop("headers", {})
        if person is not None:
            vault = Vault.of(self.settings)
            token = AccessTokens(vault).issue(person.user_id, person.session_id, self.clock.now)
            headers = {"Authorization": f"Bearer {token}", **headers}
        return self.served.client.request(method, path, headers=headers, **options)

    def plan_of(self, person: Person) -> str:
        """Plan he has now."""
        return self.ask(person, "GET", "/v1/billing/entitlements").json()["plan"]

    def subscribe(self, person: Person, plan: str = "pro") -> dict[str, Any]:
        reply = self.ask(person, "POST", "/v1/subscriptions", json={"plan": plan})
        assert reply.status_code == 201, reply.text
        return reply.json()

    def subscription(self, person: Person) -> dict[str, Any]:
        return self.ask(person, "GET", "/v1/subscriptions").json()["items"][0]

    def invoices(self, person: Person) -> list[dict[str, Any]]:
        return self.ask(person, "GET", "/v1/invoices").json()["items"]

    def act(self, person: Person, what: str, plan: str | None = None) -> httpx.Response:
        """Change, resume or cancel his newest subscription."""
        path = f"/v1/subscriptions/{self.subscription(person)['subscription_id']}"
        if what == "cancel":
            return self.ask(person, "DELETE", path)
        body = {} if plan is None else {"json": {"plan": plan}}
        return self.ask(person, "POST", f"{path}/{what}", **body)

    def work(self, work: Callable[[Books], Any]) -> Any:
        """Do something in a transaction of billing, as the administration does."""
        return self.session(lambda session: work(Books(session, self.settings, self.context.vault, self.clock.now)))

    def session(self, work: Callable[[Session], Any]) -> Any:
        engine = database.engine(self.settings, pool_size=1)
        try:
            with database.session(engine) as session:
                return work(session)
        finally:
            engine.dispose()

    def worker(self) -> None:
        """What the worker does every minute."""
        while self.session(lambda session: advance_due(self.context, session)):
            pass

    def move(self, **by: float) -> None:
        """Let time pass, and the worker do what is due."""
        self.clock.move(**by)
        self.worker()

    def mails(self, person: Person) -> list[str]:
        """Which mails he was sent, in order."""
        sql = (
            "SELECT payload->>'template' AS template FROM serving.outbox WHERE topic = 'mail' "
            "AND payload->>'to' = :to ORDER BY outbox_id"
        )
        return [row["template"] for row in rows(self.settings, sql, to=person.email)]


@contextmanager
def shop(settings: Settings) -> Iterator[Shop]:
    """Open a shop over these stores."""
    clock = MovingClock(START)
    with serve(settings, clock=clock) as served:
        yield Shop(served, clock)


def sql(settings: Settings, statement: str, **parameters: Any) -> None:
    """Change something behind everybody's back."""
    engine = database.engine(settings, pool_size=1)
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)
    engine.dispose()

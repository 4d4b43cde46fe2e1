"""Everything an alert passes through, running: API, worker, mail server, Bot API, push service, a webhook's receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.entitlements import FREE, Entitlements
from api.security.tokens import AccessTokens
from api.security.vault import Vault
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.alert_rows import fresh_database
from tests.api.alert_servers import TOKEN, Bot, PushService, bot, push_service
from tests.api.conftest import serve
from tests.api.delivery_fixtures import LOOPBACK, MovingClock, make_webhook, rows, until, working
from tests.api.mail_servers import Taken, mail_server
from tests.api.people import Person, make_user
from tests.api.receivers import Receiver
from tests.stores.signal_rows import signal_row

START = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
EVERYTHING = replace(FREE, plan="all", signal_delay=timedelta(0), alerts=100, webhooks=10)


@dataclass(frozen=True)
class Guest(Person):
    """Somebody whose token is fresh, however far the clock was moved."""

    stage: Stage

    @property
    def headers(self) -> dict[str, str]:
        tokens = AccessTokens(Vault.of(self.stage.settings))
        token = tokens.issue(self.user_id, self.session_id, self.stage.clock.now)
        return {"Authorization": f"Bearer {token}"}


@dataclass
class Stage:
    """The running parts, and what a test does with them."""

    settings: Settings
    client: httpx.Client
    clock: MovingClock
    mails: Taken
    bot: Bot
    push: PushService
    hook: Receiver
    rights: dict[str, Entitlements] = field(default_factory=dict)

    def person(self, rights: Entitlements = EVERYTHING, **more: Any) -> Person:
        """Somebody with a plan."""
        made = make_user(self.settings, now=self.clock.now, **more)
        self.rights[made.user_id] = rights
        return Guest(made.user_id, made.email, made.session_id, made.token, self)

    def chat_of(self, person: Person, chat_id: int) -> None:
        """Link a chat as a person does."""
        code = self.post(person, "/v1/telegram/link", 201)["code"]
        self.bot.says(chat_id, f"/start {code}")
        self.until(lambda: self.client.get("/v1/telegram", headers=person.headers).json()["linked"])

    def browser_of(self, person: Person, name: str) -> str:
        """Subscribe a browser as one does."""
        self.push.trusted = self.client.get("/v1/push/key", headers=person.headers).json()["public_key"]
        return self.post(person, "/v1/push-subscriptions", 201, self.push.subscription(name))["subscription_id"]

    def webhook_of(self, person: Person) -> str:
        """A webhook that is told of alerts only."""
        return make_webhook(self.settings, person.user_id, self.hook.url, self.clock.now, events=["alert.triggered"])

    def rule(self, person: Person, condition: dict[str, Any], channels: list[dict[str, Any]], **more: Any) -> str:
        """Make a rule; returns its id."""
        body = {"name": "my <b>rule</b> & yours", "condition": condition, "channels": channels, **more}
        return self.post(person, "/v1/alerts", 201, body)["alert_id"]

    def post(self, person: Person, path: str, status: int, body: Any = None) -> Any:
        """POST and expect a status."""
        reply = self.client.post(path, json=body, headers=person.headers)
        assert reply.status_code == status, reply.text
        return reply.json()

    def history(self, person: Person, alert_id: str) -> list[dict[str, Any]]:
        """What a rule fired at."""
        reply = self.client.get(f"/v1/alerts/{alert_id}/history", headers=person.headers)
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]

    def states(self, person: Person, alert_id: str) -> dict[str, str]:
        """State of the newest firing by channel; webhooks and browsers without their id."""
        newest = self.history(person, alert_id)[:1]
        return {one["channel"].split(":")[0]: one["state"] for firing in newest for one in firing["channels"]}

    def publish(self, number: int, known_at: datetime, **changes: Any) -> str:
        """Publish a signal that was known at an instant; returns its id."""
        engine = database.engine(self.settings, pool_size=1)
        row = {**signal_row(number, **changes), "ts": known_at - timedelta(minutes=15), "known_at": known_at}
        try:
            with database.session(engine) as session:
                database.publish(session, [row])
        finally:
            engine.dispose()
        return row["signal_id"]

    def until(self, condition: Any, what: str = "") -> None:
        """Wait for something to come true, the clock standing still."""
        until(condition, 30, what)

    def looked(self) -> None:
        """Wait until the matcher has seen what was published, and every channel has looked for something to send."""
        settled = (
            "SELECT (SELECT max(sequence) FROM serving.signal_events) = "
            "(SELECT position FROM serving.alert_cursors WHERE name = 'signals') AND NOT EXISTS "
            "(SELECT FROM serving.outbox WHERE state = 'pending' AND next_at <= :now) AS yes"
        )
        self.until(lambda: rows(self.settings, settled, now=self.clock.now)[0]["yes"], "the worker did not get there")


@contextmanager
def stage(stack: LocalStack, patched: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Set it up over a serving schema of its own."""
    fresh_database(stack.settings).dispose()
    clock = MovingClock(START)
    rights: dict[str, Entitlements] = {}
    patched.setattr("api.security.principal.of_plan", lambda row: rights.get(row["user_id"], FREE))
    for module in ("api.alerts.firing", "api.alerts.gate", "api.delivery.webhook_channel"):
        patched.setattr(f"{module}.entitlements_of", lambda _, user, __: rights.get(user or "", FREE))
    with ExitStack() as opened:
        mails = opened.enter_context(mail_server())
        bots = opened.enter_context(bot())
        pushes = opened.enter_context(push_service())
        hook = opened.enter_context(Receiver())
        settings = stack.settings.model_copy(
            update={
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{mails.port}"),
                "telegram_token": SecretStr(TOKEN),
                "telegram_api_url": bots.url,
                "telegram_bot": "our_bot",
                "webhook_allow_private": LOOPBACK,
                "mail_from": "Signals <signals@example.com>",
                "public_url": "https://signals.example.com",
            }
        )
        served = opened.enter_context(serve(settings, clock=clock))
        opened.enter_context(working(settings, clock))
        yield Stage(settings, served.client, clock, mails, bots, pushes, hook, rights)

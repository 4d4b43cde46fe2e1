"""People, rules and a worker's context for tests of alerts, straight in the database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import Engine, text
from sqlmodel import Session

from api.alerts.rules import read_channels, read_condition
from api.alerts.storage import as_json, write_subjects
from api.connections import Stores
from api.dependencies import Context
from api.directory import MarketDirectory
from api.metrics import Metrics
from stores import database
from stores.settings import Settings

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def fresh_database(settings: Settings) -> Engine:
    """Make the serving schema anew, with nothing in it."""
    with psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS serving CASCADE")
    database.migrate(settings)
    return database.engine(settings)


def wipe(engine: Engine) -> None:
    """Take everything of alerts out again."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM serving.users"))
        connection.execute(text("DELETE FROM serving.outbox"))
        connection.execute(text("DELETE FROM serving.alert_cursors"))


@contextmanager
def worker(settings: Settings, clock: Callable[[], datetime]) -> Iterator[Context]:
    """What a worker's duties and channels are given."""
    metrics = Metrics()
    context = Context(settings, Stores(settings, metrics), MarketDirectory(), metrics, clock)
    try:
        yield context
    finally:
        context.stores.close()


def add_person(session: Session, **changes: Any) -> str:
    """Add somebody with a confirmed address and a linked chat; returns his id."""
    user_id = str(uuid.uuid4())
    row = {
        "user_id": user_id,
        "email": f"{user_id}@example.com",
        "email_verified_at": LONG_AGO,
        "time_zone": "Europe/Berlin",
        "created_at": LONG_AGO,
        "chat_id": 4711,
        **changes,
    }
    chat = row.pop("chat_id")
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    session.connection().execute(text(f"INSERT INTO serving.users ({names}) VALUES ({values})"), row)
    if chat is not None:
        session.connection().execute(
            text("INSERT INTO serving.telegram_links (user_id, chat_id, linked_at) VALUES (:user, :chat, :at)"),
            {"user": user_id, "chat": chat, "at": LONG_AGO},
        )
    return user_id


def add_rule(session: Session, user_id: str, condition: dict[str, Any], **changes: Any) -> str:
    """Add a rule of somebody; returns its id."""
    alert_id = str(uuid.uuid4())
    parsed = read_condition(condition)
    row = {
        "alert_id": alert_id,
        "user_id": user_id,
        "name": "a rule",
        "kind": parsed.kind.value,
        "condition": as_json(parsed.model_dump(mode="json")),
        "channels": as_json([{"type": "email"}]),
        "quiet_hours": None,
        "cooldown_s": 0,
        "expires_at": None,
        "enabled": True,
        "active_since": LONG_AGO,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        **{name: as_json(value) if isinstance(value, (dict, list)) else value for name, value in changes.items()},
    }
    read_channels(changes.get("channels", []))
    casts = {"condition", "channels", "quiet_hours"}
    values = ", ".join(f"CAST(:{name} AS jsonb)" if name in casts else f":{name}" for name in row)
    session.connection().execute(text(f"INSERT INTO serving.alert_rules ({', '.join(row)}) VALUES ({values})"), row)
    write_subjects(session, alert_id, parsed, enabled=row["enabled"])
    return alert_id


def sent(engine: Engine) -> list[dict[str, Any]]:
    """Rows of the outbox, as they were handed over."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT topic, key, destination, payload, available_at FROM serving.outbox ORDER BY outbox_id")
        )
        return [dict(row) for row in rows.mappings()]


def firings(engine: Engine) -> list[dict[str, Any]]:
    """Firings, in order."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT alert_id::text, event_key, state, known_at FROM serving.alert_firings ORDER BY firing_id")
        )
        return [dict(row) for row in rows.mappings()]

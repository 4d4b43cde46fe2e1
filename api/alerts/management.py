"""Rules of one person: made, shown, changed, deleted and tried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlmodel import Session

from api.alerts import storage
from api.alerts.rules import ChannelKind, Condition, PlainChannel, WebhookChannel, read_condition
from api.alerts.schemas import AlertChanges, AlertSettings
from api.alerts.storage import as_json, write_subjects
from api.alerts.telling import Firing, tell
from api.alerts.wording import Words
from api.entitlements import Entitlements
from api.pagination import Cursors
from api.problems import Problem, invalid
from api.reads.signals import Items
from api.times import format_instant

_COLUMNS = (
    "alert_id::text AS alert_id, name, condition, channels, quiet_hours, cooldown_s, expires_at, enabled, active_since, "
    "created_at, updated_at, (SELECT count(*) FROM serving.alert_rules AS o WHERE o.user_id = r.user_id AND o.enabled "
    "AND (o.created_at, o.alert_id) < (r.created_at, r.alert_id)) AS place"
)
_TESTS_AN_HOUR = 10


def missing(alert_id: str) -> Problem:
    """Make the problem of an id that is not, or not this person's."""
    return Problem("not-found", f"there is no alert {alert_id}")


def create(
    session: Session, user_id: str, entitlements: Entitlements, body: AlertSettings, now: datetime
) -> dict[str, Any]:
    """Make a rule.

    Raises
    ------
    Problem
        If the plan has no room for it, or it cannot be told.
    """
    connection = session.connection()
    # Two at once must not both be the last one allowed.
    connection.execute(text("SELECT 1 FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    count = connection.execute(
        text("SELECT count(*) FROM serving.alert_rules WHERE user_id = :user"), {"user": user_id}
    ).scalar_one()
    if count >= entitlements.alerts:
        raise Problem(
            "plan-limit", f"the plan {entitlements.plan} allows {entitlements.alerts} alerts; delete one or upgrade"
        )
    _check_condition(body.condition, entitlements)
    _check_channels(session, user_id, body.channels)
    _check_expiry(body.expires_at, now)
    alert_id = str(uuid4())
    connection.execute(
        text(
            "INSERT INTO serving.alert_rules (alert_id, user_id, name, kind, condition, channels, quiet_hours, cooldown_s, "
            "expires_at, enabled, active_since, created_at, updated_at) VALUES (:alert_id, :user, :name, :kind, "
            "CAST(:condition AS jsonb), CAST(:channels AS jsonb), CAST(:quiet AS jsonb), :cooldown, :expires, :enabled, "
            ":now, :now, :now)"
        ),
        {
            "alert_id": alert_id,
            "user": user_id,
            "name": body.name,
            "kind": body.condition.kind.value,
            "condition": as_json(body.condition.model_dump(mode="json")),
            "channels": as_json([choice.model_dump(mode="json") for choice in body.channels]),
            "quiet": as_json(None if body.quiet_hours is None else body.quiet_hours.stored()),
            "cooldown": body.cooldown_seconds,
            "expires": body.expires_at,
            "enabled": body.enabled,
            "now": now,
        },
    )
    write_subjects(session, alert_id, body.condition, enabled=body.enabled)
    return read(session, user_id, entitlements, alert_id)


def read_all(session: Session, user_id: str, entitlements: Entitlements) -> list[dict[str, Any]]:
    """Read the rules of a person, oldest first."""
    rows = session.connection().execute(
        text(f"SELECT {_COLUMNS} FROM serving.alert_rules AS r WHERE user_id = :user ORDER BY created_at, alert_id"),
        {"user": user_id},
    )
    return [_shown(row, entitlements) for row in rows.mappings()]


def read(session: Session, user_id: str, entitlements: Entitlements, alert_id: str) -> dict[str, Any]:
    """Read one rule.

    Raises
    ------
    Problem
        If there is none, or it is another person's.
    """
    row = (
        session.connection()
        .execute(
            text(f"SELECT {_COLUMNS} FROM serving.alert_rules AS r WHERE alert_id = :id AND user_id = :user"),
            {"id": alert_id, "user": user_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise missing(alert_id)
    return _shown(row, entitlements)


def update(
    session: Session, user_id: str, entitlements: Entitlements, alert_id: str, body: AlertChanges, now: datetime
) -> dict[str, Any]:
    """Change what the body holds.

    A rule whose condition changes, or that is switched on, begins anew: what was known before does not count.
    """
    connection = session.connection()
    row = connection.execute(
        text(
            "SELECT condition, enabled, active_since FROM serving.alert_rules "
            "WHERE alert_id = :id AND user_id = :user FOR UPDATE"
        ),
        {"id": alert_id, "user": user_id},
    ).one_or_none()
    if row is None:
        raise missing(alert_id)
    given = body.model_fields_set
    changed: dict[str, object] = {"updated_at": now}
    condition = read_condition(row.condition)
    enabled = body.enabled if "enabled" in given else row.enabled
    if "name" in given:
        changed["name"] = body.name
    if "condition" in given:
        if body.condition is None:
            raise invalid("condition", "a rule needs one; leave it out to keep what it is")
        _check_condition(body.condition, entitlements)
        condition = body.condition
        changed |= {"kind": condition.kind.value, "condition": as_json(condition.model_dump(mode="json"))}
    if "channels" in given:
        _check_channels(session, user_id, body.channels)
        changed["channels"] = as_json([choice.model_dump(mode="json") for choice in body.channels])
    if "quiet_hours" in given:
        changed["quiet_hours"] = as_json(None if body.quiet_hours is None else body.quiet_hours.stored())
    if "cooldown_seconds" in given:
        changed["cooldown_s"] = body.cooldown_seconds
    if "expires_at" in given:
        _check_expiry(body.expires_at, now)
        changed["expires_at"] = body.expires_at
    if "enabled" in given:
        changed["enabled"] = body.enabled
    if "condition" in given or (enabled and not row.enabled):
        changed["active_since"] = now
    assignments = ", ".join(
        f"{name} = CAST(:{name} AS jsonb)" if name in _JSON else f"{name} = :{name}" for name in changed
    )
    connection.execute(
        text(f"UPDATE serving.alert_rules SET {assignments} WHERE alert_id = :alert_id"),
        {**changed, "alert_id": alert_id},
    )
    write_subjects(session, alert_id, condition, enabled=enabled)
    return read(session, user_id, entitlements, alert_id)


_JSON = frozenset({"condition", "channels", "quiet_hours"})


def delete(session: Session, user_id: str, alert_id: str) -> None:
    """Delete a rule with its history; what is on its way is not sent."""
    gone = session.connection().execute(
        text("DELETE FROM serving.alert_rules WHERE alert_id = :id AND user_id = :user"),
        {"id": alert_id, "user": user_id},
    )
    if not gone.rowcount:
        raise missing(alert_id)


def try_out(session: Session, user_id: str, alert_id: str, now: datetime) -> dict[str, Any]:
    """Send a test on every channel of a rule, whatever its quiet hours say."""
    connection = session.connection()
    rule = storage.lock_rules(session, [alert_id]).get(alert_id)
    if rule is None or rule.user_id != user_id:
        raise missing(alert_id)
    tried = connection.execute(
        text(
            "SELECT count(*) FROM serving.alert_firings AS f JOIN serving.alert_rules AS r USING (alert_id) "
            "WHERE r.user_id = :user AND f.kind = 'test' AND f.at > :since"
        ),
        {"user": user_id, "since": now - timedelta(hours=1)},
    ).scalar_one()
    if tried >= _TESTS_AN_HOUR:
        raise Problem(
            "too-many-requests", f"{_TESTS_AN_HOUR} tests an hour are enough; wait", headers={"Retry-After": "600"}
        )
    owner = storage.owners(session, [user_id])[user_id]
    words = Words(f"Test: {rule.name}", f"This is how the alert {rule.name!r} reaches you. Nothing happened.")
    key = f"test:{uuid4()}"
    firing_id = connection.execute(
        text(
            "INSERT INTO serving.alert_firings (alert_id, event_key, title, body, facts, state, kind, market, timeframe, "
            "known_at, at) VALUES (:alert, :key, :title, :body, '{}', 'queued', 'test', '', '', :now, :now) "
            "RETURNING firing_id"
        ),
        {"alert": alert_id, "key": key, "title": words.title, "body": words.body, "now": now},
    ).scalar_one()
    tell(session, [Firing(firing_id, rule, owner, key, words, {}, "", "", now, delayed=False, available_at=now)], now)
    return {"firing_id": firing_id, "channels": _notices(session, [firing_id]).get(firing_id, [])}


def history(
    session: Session,
    user_id: str,
    alert_id: str,
    entitlements: Entitlements,
    now: datetime,
    limit: int,
    cursor: str | None,
) -> Items:
    """Read one page of what a rule fired at, newest first; of signals only what the plan shows by now."""
    read(session, user_id, entitlements, alert_id)
    cursors = Cursors("alert-history", [alert_id], (int,))
    key = cursors.read(cursor)
    rows = (
        session.connection()
        .execute(
            text(
                "SELECT firing_id, kind, title, body, market, timeframe, facts, state, known_at, at "
                "FROM serving.alert_firings WHERE alert_id = :alert AND (CAST(:before AS bigint) IS NULL OR firing_id < :before) "
                "AND (kind NOT IN ('signal', 'outcome') OR known_at <= :shown) ORDER BY firing_id DESC LIMIT :most"
            ),
            {
                "alert": alert_id,
                "before": None if key is None else key[0],
                "shown": entitlements.known_before(now),
                "most": limit + 1,
            },
        )
        .mappings()
        .all()
    )
    page = rows[:limit]
    notices = _notices(session, [row["firing_id"] for row in page])
    items = [
        {
            "firing_id": row["firing_id"],
            "kind": row["kind"],
            "title": row["title"],
            "text": row["body"],
            "market": row["market"] or None,
            "timeframe": row["timeframe"] or None,
            "event": row["facts"],
            "state": row["state"],
            "known_at": format_instant(row["known_at"]),
            "matched_at": format_instant(row["at"]),
            "channels": notices.get(row["firing_id"], []),
        }
        for row in page
    ]
    return Items(items, cursors.write((page[-1]["firing_id"],)) if len(rows) > limit else None)


def _notices(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    rows = session.connection().execute(
        text(
            "SELECT firing_id, channel, state, detail, updated_at FROM serving.alert_notices "
            "WHERE firing_id = ANY(:ids) ORDER BY firing_id, channel"
        ),
        {"ids": list(ids)},
    )
    for row in rows:
        shown = {"channel": row.channel, "state": row.state, "detail": row.detail}
        found.setdefault(row.firing_id, []).append({**shown, "updated_at": format_instant(row.updated_at)})
    return found


def _shown(row: Mapping[Any, Any], entitlements: Entitlements) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("alert_id", "name", "condition", "channels", "quiet_hours", "enabled")},
        "cooldown_seconds": row["cooldown_s"],
        "within_plan": not row["enabled"] or row["place"] < entitlements.alerts,
        **{name: format_instant(row[name]) for name in ("expires_at", "active_since", "created_at", "updated_at")},
    }


def _check_condition(condition: Condition, entitlements: Entitlements) -> None:
    for market, timeframe, _ in storage.subjects(condition):
        if not _within(entitlements.markets, market) or not _within(entitlements.timeframes, timeframe):
            raise Problem("plan-limit", f"the plan {entitlements.plan} does not include {market} {timeframe}")


def _within(allowed: tuple[str, ...] | None, wanted: str) -> bool:
    # What stands for all is all that the plan has.
    return allowed is None or wanted == storage.ANY or wanted in allowed


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", "is over already")


def _check_channels(session: Session, user_id: str, channels: Sequence[PlainChannel | WebhookChannel]) -> None:
    owner = storage.owners(session, [user_id])[user_id]
    for choice in channels:
        if isinstance(choice, WebhookChannel):
            owned = session.connection().execute(
                text("SELECT 1 FROM serving.webhooks WHERE webhook_id = :id AND user_id = :user"),
                {"id": str(choice.webhook_id), "user": user_id},
            )
            if owned.one_or_none() is None:
                raise invalid("channels", f"there is no webhook {choice.webhook_id}")
        elif choice.type is ChannelKind.EMAIL and not owner.verified:
            raise invalid("channels", "confirm your e-mail address first")
        elif choice.type is ChannelKind.TELEGRAM and owner.chat_id is None:
            raise invalid("channels", "link a chat first: POST /v1/telegram/link")
        elif choice.type is ChannelKind.PUSH and not owner.browsers:
            raise invalid("channels", "subscribe a browser first: POST /v1/push-subscriptions")

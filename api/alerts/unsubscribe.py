"""Ending an alert's mails with one click, without signing in (RFC 8058)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts.rules import ChannelKind, read_condition
from api.alerts.storage import write_subjects
from api.security.vault import Vault

PATH = "/v1/alerts/unsubscribe"
_TOKEN = re.compile(r"(?P<alert>[0-9a-f-]{36})\.(?P<mark>[A-Za-z0-9_-]{43})", re.ASCII)


def token(vault: Vault, alert_id: str) -> str:
    """Make the token of a rule's mails: it ends them and does nothing else."""
    mark = hmac.new(vault.derive("unsubscribe"), alert_id.encode(), hashlib.sha256).digest()
    return f"{alert_id}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def alert_of(vault: Vault, given: str) -> str | None:
    """Rule of a token; None if it is not one of ours."""
    match = _TOKEN.fullmatch(given)
    if match is None or not hmac.compare_digest(token(vault, match["alert"]), given):
        return None
    return match["alert"]


def end_mails(session: Session, alert_id: str, now: datetime) -> None:
    """Take e-mail off a rule; one that has no other way to tell is switched off."""
    connection = session.connection()
    row = connection.execute(
        text("SELECT channels, condition FROM serving.alert_rules WHERE alert_id = :id FOR UPDATE"), {"id": alert_id}
    ).one_or_none()
    if row is None:
        return
    others = [channel for channel in row.channels if channel["type"] != ChannelKind.EMAIL]
    if len(others) == len(row.channels):
        return
    # A rule always keeps a channel, so that switching it on again tells somebody.
    connection.execute(
        text(
            "UPDATE serving.alert_rules SET channels = CAST(:channels AS jsonb), enabled = enabled AND :told, "
            "updated_at = :now WHERE alert_id = :id"
        ),
        {"channels": orjson.dumps(others or row.channels).decode(), "told": bool(others), "now": now, "id": alert_id},
    )
    if not others:
        write_subjects(session, alert_id, read_condition(row.condition), enabled=False)

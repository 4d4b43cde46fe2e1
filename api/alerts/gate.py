"""What is looked at again right before an alert is sent: time has passed since it was matched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from api.alerts.quiet import quiet_until
from api.alerts.rules import QuietHours, QuietThen
from api.delivery.channels import Gone, Later, Retry, Sent, Settled
from api.entitlements import entitlements_of
from stores.tables import NoticeState

_RULE = text(
    "SELECT r.enabled, r.expires_at, r.quiet_hours, r.channels, u.time_zone, u.status "
    "FROM serving.alert_rules AS r JOIN serving.users AS u ON u.user_id = r.user_id WHERE r.alert_id = :alert"
)


@dataclass(frozen=True)
class Notice:
    """An alert on its way on one channel."""

    firing_id: int
    alert_id: str
    user_id: str
    channel: str
    market: str
    timeframe: str
    known_at: datetime
    delayed: bool
    signal_id: str | None = None
    """Set if it tells of a new signal."""

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Notice | None:
        """Read it from an outbox row; None for a message that is no alert."""
        stored = payload.get("alert")
        if stored is None:
            return None
        return cls(**{**stored, "known_at": datetime.fromisoformat(stored["known_at"])})

    @property
    def test(self) -> bool:
        """Whether it is a test, which has no event behind it."""
        return not self.market


def check(session: Session, notice: Notice, now: datetime) -> Later | Gone | None:
    """Say whether an alert may be sent now; None if it may."""
    row = session.connection().execute(_RULE, {"alert": notice.alert_id}).one_or_none()
    if row is None:
        return Gone("the rule was deleted")
    if row.status != "active":
        return Gone("the account is closed")
    kind = notice.channel.partition(":")[0]
    if kind not in {channel["type"] for channel in row.channels}:
        return Gone("the rule no longer uses this channel")
    if notice.test:
        return None
    if notice.signal_id is not None and _taken_down(session, notice.signal_id):
        return Gone("the signal was taken down")
    if not row.enabled:
        return Gone("the rule was switched off")
    if row.expires_at is not None and notice.known_at >= row.expires_at:
        return Gone("the rule has ended")
    entitlements = entitlements_of(session, notice.user_id, now)
    if not entitlements.allows(notice.market, notice.timeframe):
        return Gone(f"the plan does not include {notice.market} {notice.timeframe}")
    if notice.delayed and notice.known_at > entitlements.known_before(now):
        return Later(notice.known_at + entitlements.signal_delay)
    return None if row.quiet_hours is None else _quiet(row.quiet_hours, row.time_zone, now)


def _taken_down(session: Session, signal_id: str) -> bool:
    found = session.connection().execute(
        text("SELECT EXISTS (SELECT FROM serving.signal_events WHERE signal_id = :id AND kind = 'takedown')"),
        {"id": signal_id},
    )
    return found.scalar_one()


def _quiet(stored: Any, time_zone: str, now: datetime) -> Later | Gone | None:
    quiet = QuietHours.model_validate(stored)
    end = quiet_until(now, quiet.start, quiet.end, time_zone)
    if end == now:
        return None
    return Gone("it fell into quiet hours") if quiet.then is QuietThen.DROP else Later(end)


def settle(session: Session, settled: Settled) -> None:
    """Write into the history of the rule what came of an attempt."""
    notice = Notice.of(settled.job.payload)
    if notice is None:
        return
    state, detail = _state(settled)
    session.connection().execute(
        text(
            "UPDATE serving.alert_notices SET state = :state, detail = :detail, updated_at = :now "
            "WHERE firing_id = :firing AND channel = :channel"
        ),
        {
            "state": state.value,
            "detail": detail,
            "now": settled.at,
            "firing": notice.firing_id,
            "channel": notice.channel,
        },
    )


def _state(settled: Settled) -> tuple[NoticeState, str]:
    match settled.outcome:
        case Sent():
            return NoticeState.SENT, ""
        case Later():
            return NoticeState.QUEUED, ""
        case Gone(reason=reason):
            return NoticeState.FAILED, reason
        case Retry(reason=reason):
            return (NoticeState.FAILED if settled.dead else NoticeState.RETRYING), reason

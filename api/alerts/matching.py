"""The matcher: a duty of the worker that turns what has happened into messages, each exactly once."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import text
from sqlmodel import Session

from api.alerts.firing import match
from api.alerts.sources import move, new_market_events, new_signals, series_cursors
from api.delivery.duties import Duty
from api.dependencies import Context

_log = structlog.get_logger("alerts")


def match_signals(context: Context, session: Session) -> bool:
    """Fire the rules that hold for new signals and outcomes; returns whether there are more.

    Firings, messages and the cursor are committed together: a matcher that dies anywhere has done nothing.
    """
    now = context.clock()
    batch = new_signals(session, now)
    fired = match(session, batch.events, now)
    if fired:
        _log.info("alerts_fired", source="signals", events=len(batch.events), fired=fired)
    return batch.more


def match_markets(context: Context, session: Session) -> bool:
    """Fire the rules that hold for new bars, touched zones and breaks of structure; returns whether there are more."""
    now = context.clock()
    cursors = series_cursors(session, now)
    if not cursors:
        return False
    before = {cursor.name: (cursor.position, cursor.close) for cursor in cursors}
    batch = context.stores.warehouse.now(lambda warehouse: new_market_events(warehouse, cursors, now))
    fired = match(session, batch.events, now)
    for cursor in cursors:
        if (cursor.position, cursor.close) != before[cursor.name]:
            move(session, cursor.name, cursor.position, cursor.close)
    if fired:
        _log.info("alerts_fired", source="markets", events=len(batch.events), fired=fired)
    return batch.more


def clean(context: Context, session: Session) -> bool:
    """Forget what was told long ago, codes that are over, and cursors of series nobody looks at; whether there is more."""
    now = context.clock()
    connection = session.connection()
    gone = connection.execute(_OLD_FIRINGS, {"before": now - _KEEP_FIRINGS, "most": _MOST_CLEANED})
    connection.execute(text("DELETE FROM serving.telegram_codes WHERE expires_at <= :now"), {"now": now})
    connection.execute(_UNWATCHED)
    return gone.rowcount == _MOST_CLEANED


_KEEP_FIRINGS = timedelta(days=90)
_MOST_CLEANED = 5_000
_OLD_FIRINGS = text(
    "DELETE FROM serving.alert_firings WHERE firing_id IN "
    "(SELECT firing_id FROM serving.alert_firings WHERE at < :before ORDER BY firing_id LIMIT :most)"
)
_UNWATCHED = text(
    "DELETE FROM serving.alert_cursors AS c WHERE c.name LIKE '% % %' AND NOT EXISTS "
    "(SELECT FROM serving.alert_subjects AS s WHERE concat(s.kind, ' ', s.market, ' ', s.timeframe) = c.name)"
)

DUTIES = (
    Duty("match-signals", timedelta(seconds=2), match_signals, wakes=("signal_events",)),
    Duty("match-markets", timedelta(seconds=5), match_markets),
    Duty("alert history", timedelta(hours=1), clean),
)

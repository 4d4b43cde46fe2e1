"""Sends webhooks: the owner's rights looked at once more, signed, to a guarded address, with a log of every attempt."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.delivery.channels import Channel, Gone, Job, Later, Limits, Outcome, Retry, Sent, Settled
from api.delivery.signing import signed_headers
from api.delivery.webhooks import SECRET_PURPOSE
from api.dependencies import Context
from api.entitlements import Entitlements, entitlements_of
from api.mail import Template, queue_mail
from api.outbox import Topic
from api.security.outbound import Outbound, Refused, Reply, Unreachable
from api.security.vault import BadSeal
from api.times import parse_instant

_SNIPPET = 1_000
_GONE = 410
_TOO_MANY, _UNAVAILABLE = 429, 503
_LONGEST_WAIT_ASKED_S = 86_400

_LOAD = text(
    """
    SELECT d.delivery_id, d.body, d.subject, w.webhook_id, w.user_id, w.url, w.enabled, w.secret, w.previous_secret,
           w.previous_until, u.status, (
               SELECT count(*) FROM serving.webhooks AS other
               WHERE other.user_id = w.user_id AND (other.created_at, other.webhook_id) < (w.created_at, w.webhook_id)
           ) AS older
    FROM serving.webhook_deliveries AS d
    JOIN serving.webhooks AS w ON w.webhook_id = d.webhook_id
    JOIN serving.users AS u ON u.user_id = w.user_id
    WHERE d.delivery_id = ANY(CAST(:ids AS uuid[]))
    """
)
_LOG = text(
    """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(delivery_id uuid, made boolean, state text,
            next_at timestamptz, finished_at timestamptz, at timestamptz, status int, duration_ms int, error text,
            response text)
    ), changed AS (
        UPDATE serving.webhook_deliveries AS d
        SET state = given.state, next_at = given.next_at, finished_at = given.finished_at,
            attempts = d.attempts + CASE WHEN given.made THEN 1 ELSE 0 END
        FROM given WHERE d.delivery_id = given.delivery_id
        RETURNING d.delivery_id, d.attempts
    )
    INSERT INTO serving.webhook_attempts (delivery_id, number, at, status, duration_ms, error, response)
    SELECT given.delivery_id, changed.attempts, given.at, given.status, given.duration_ms, given.error, given.response
    FROM given JOIN changed ON changed.delivery_id = given.delivery_id WHERE given.made
    """
)
_WELL = text(
    "UPDATE serving.webhooks SET failing_since = NULL WHERE webhook_id = ANY(CAST(:ids AS uuid[])) "
    "AND failing_since IS NOT NULL"
)
_FAILING = text(
    "UPDATE serving.webhooks SET failing_since = coalesce(failing_since, :at) WHERE webhook_id = :id "
    "RETURNING failing_since"
)
_DISABLE = text(
    """
    UPDATE serving.webhooks AS w SET enabled = false, disabled_reason = :reason, updated_at = :at
    FROM serving.users AS u WHERE w.webhook_id = :id AND w.enabled AND u.user_id = w.user_id
    RETURNING u.email, w.url, w.description
    """
)


@dataclass(frozen=True)
class AttemptRecord:
    """What the log keeps of one attempt."""

    status: int | None
    duration_ms: int
    error: str | None
    response: str = ""


@dataclass(frozen=True)
class Letter:
    """What is to be sent, and where."""

    url: str
    body: bytes
    secrets: tuple[str, ...]


class WebhookChannel(Channel):
    """Delivers to the addresses people gave.

    Parameters
    ----------
    context : Context
    outbound : Outbound, optional
        Guarded by the settings if not given.
    """

    topic = Topic.WEBHOOK
    total = 128
    per_destination = 4

    def __init__(self, context: Context, outbound: Outbound | None = None) -> None:
        settings = context.settings
        self._context = context
        self._outbound = outbound or Outbound(settings.webhook_allow_private, timeout_s=settings.webhook_timeout_s)
        self._disable_after = timedelta(days=settings.webhook_disable_after_days)
        # Beyond the request's own deadline, which says more about what went wrong.
        self.limits = Limits(self.total, self.per_destination, timeout_s=settings.webhook_timeout_s + 5)

    def prepare(self, session: Session, jobs: Sequence[Job]) -> Mapping[int, Letter | Gone | Later]:
        """Find what is to be sent, if its owner may still have it: a plan can end between the event and the sending."""
        now = self._context.clock()
        ids = {job.outbox_id: str(job.payload["delivery_id"]) for job in jobs}
        found = {
            str(row.delivery_id): row for row in session.connection().execute(_LOAD, {"ids": sorted(set(ids.values()))})
        }
        rights = {
            user_id: entitlements_of(session, user_id, now)
            for user_id in sorted({str(row.user_id) for row in found.values()})
        }
        return {
            outbox_id: self._letter(found[delivery_id], rights, now)
            if delivery_id in found
            else _unsent("the webhook was deleted")
            for outbox_id, delivery_id in ids.items()
        }

    async def send(self, job: Job) -> Outcome:
        """Make one attempt."""
        now = self._context.clock()
        delivery_id, found = str(job.payload["delivery_id"]), job.prepared
        if not isinstance(found, Letter):
            return found
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "crypto-analytics-platform-webhooks/1",
            **signed_headers(delivery_id, now, found.body, found.secrets),
        }
        began = time.perf_counter()
        try:
            reply = await self._outbound.post(found.url, headers, found.body)
        except (Refused, Unreachable) as error:
            spent = round((time.perf_counter() - began) * 1_000)
            return Retry(str(error), record=AttemptRecord(None, spent, str(error)))
        return _judged(reply, now)

    def _letter(self, row: Any, all_rights: Mapping[str, Entitlements], now: datetime) -> Letter | Gone | Later:
        if not row.enabled:
            return _unsent("the webhook is turned off")
        if row.status != "active":
            return _unsent("the account is not active")
        rights = all_rights[str(row.user_id)]
        if row.older >= rights.webhooks:
            return _unsent(f"the plan {rights.plan} allows {rights.webhooks} webhooks")
        subject: dict[str, str] = row.subject
        if subject:
            if not rights.allows(subject["market"], subject["timeframe"]):
                return _unsent(f"the plan {rights.plan} does not include this market and timeframe")
            shown_from = parse_instant(subject["known_at"]) + rights.signal_delay
            if shown_from > now:
                return Later(shown_from)
        vault = self._context.vault
        sealed = [row.secret]
        if row.previous_secret is not None and row.previous_until is not None and row.previous_until > now:
            sealed.append(row.previous_secret)
        try:
            secrets = tuple(vault.open(bytes(one), SECRET_PURPOSE).decode() for one in sealed)
        except BadSeal:
            return _unsent("its secret was sealed with another CAP_SECRET_KEY; make a new one")
        return Letter(row.url, row.body.encode(), secrets)

    def settle(self, session: Session, settled: Settled) -> None:
        """Write the log of one attempt."""
        self.settle_all(session, [settled])

    def settle_all(self, session: Session, results: Sequence[Settled]) -> None:
        """Write the log; turn off what has been failing for days."""
        # The webhooks before their deliveries: the order in which deleting one locks them.
        self._judge(session, results)
        rows = [_logged(settled) for settled in results]
        session.connection().execute(_LOG, {"rows": orjson.dumps(rows).decode()})

    def _judge(self, session: Session, results: Sequence[Settled]) -> None:
        connection = session.connection()
        well = {one.job.destination for one in results if isinstance(one.outcome, Sent)}
        if well:
            connection.execute(_WELL, {"ids": sorted(well)})
        failing = {
            one.job.destination: one
            for one in results
            if isinstance(one.outcome, (Retry, Gone)) and _asked(one) and one.job.destination not in well
        }
        for webhook_id, one in sorted(failing.items()):
            since: datetime | None = connection.execute(_FAILING, {"id": webhook_id, "at": one.at}).scalar_one_or_none()
            if isinstance(one.outcome, Gone):
                self._turn_off(session, webhook_id, "the receiver answered 410 Gone", one.at)
            elif since is not None and one.at - since >= self._disable_after:
                self._turn_off(session, webhook_id, f"it failed for {self._disable_after.days} days", one.at)

    def _turn_off(self, session: Session, webhook_id: str, reason: str, at: datetime) -> None:
        parameters = {"id": webhook_id, "reason": reason, "at": at}
        row = session.connection().execute(_DISABLE, parameters).one_or_none()
        if row is None:
            return
        context = {"url": row.url, "description": row.description, "reason": reason, "webhook_id": webhook_id}
        key = f"webhook disabled {webhook_id} {at.isoformat()}"
        queue_mail(session, row.email, Template.WEBHOOK_DISABLED, context, key=key, now=at)


def _unsent(reason: str) -> Gone:
    return Gone(f"not sent: {reason}")


def _asked(settled: Settled) -> bool:
    """Whether the receiver was asked at all."""
    return getattr(settled.outcome, "record", None) is not None


def _judged(reply: Reply, now: datetime) -> Outcome:
    response = reply.body.decode("utf-8", "replace").replace("\0", "\ufffd")[:_SNIPPET]
    spent = round(reply.duration_s * 1_000)
    if 200 <= reply.status < 300:
        return Sent(AttemptRecord(reply.status, spent, None, response))
    moved = 300 <= reply.status < 400
    reason = f"answered {reply.status}{'; redirects are not followed' if moved else ''}"
    record = AttemptRecord(reply.status, spent, reason, response)
    if reply.status == _GONE:
        return Gone(reason, record)
    asked = _retry_after(reply, now) if reply.status in (_TOO_MANY, _UNAVAILABLE) else None
    return Retry(reason, asked, record)


def _retry_after(reply: Reply, now: datetime) -> timedelta | None:
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal() and len(value) <= len(str(_LONGEST_WAIT_ASKED_S)):
        return timedelta(seconds=int(value))
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(until - now, timedelta(0))


def _logged(settled: Settled) -> dict[str, Any]:
    outcome = settled.outcome
    record: AttemptRecord | None = outcome.record
    state = "dead" if settled.dead else "delivered" if isinstance(outcome, Sent) else "pending"
    if record is None and isinstance(outcome, (Retry, Gone)):
        record = AttemptRecord(None, 0, outcome.reason)
    return {
        "delivery_id": str(settled.job.payload["delivery_id"]),
        "made": record is not None,
        "state": state,
        "next_at": settled.next_at,
        "finished_at": None if state == "pending" else settled.at,
        "at": settled.at,
        **asdict(record or AttemptRecord(None, 0, None)),
    }

"""The outbox as a queue: claims with a lease, results, backoff, dead letters. Every function works in the caller's transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.delivery.channels import Gone, Job, Later, Limits, Outcome, Retry, Sent, Settled
from api.outbox import CHANNEL, Topic

GIVE_UP_AFTER = timedelta(hours=24)
"""A message that did not get through for so long is a dead letter."""
MOST_CLAIMS = 60
"""A message that was claimed so often and never settled kills its worker, or is never done: a dead letter."""
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 4 * 3_600.0
_LEAST_PAUSE_S = 1.0
_FIRST_CLOSED_S = 30.0
_LONGEST_CLOSED_S = 3_600.0

# The queues with something in them are found by jumping from one to the next through the index, so that a queue of a
# hundred thousand costs as much to pass as one of two. Each gives as many as it has room for, in turn.
_CLAIM = text(
    """
    WITH RECURSIVE queues AS (
        (SELECT destination FROM serving.outbox
         WHERE topic = :topic AND state = 'pending' ORDER BY destination LIMIT 1)
        UNION ALL
        SELECT (SELECT o.destination FROM serving.outbox AS o
                WHERE o.topic = :topic AND o.state = 'pending' AND o.destination > q.destination
                ORDER BY o.destination LIMIT 1)
        FROM queues AS q WHERE q.destination IS NOT NULL
    ), open_queues AS (
        SELECT q.destination, least(coalesce(busy.room, :room), CASE WHEN d.failures >= :trips THEN 1 ELSE :room END) AS room,
               coalesce(busy.suspect, false) AS suspect
        FROM queues AS q
        LEFT JOIN serving.delivery_destinations AS d ON d.topic = :topic AND d.destination = q.destination
        LEFT JOIN jsonb_to_recordset(CAST(:busy AS jsonb)) AS busy(destination text, room int, suspect boolean)
            ON busy.destination = q.destination
        WHERE q.destination IS NOT NULL AND (d.closed_until IS NULL OR d.closed_until <= :now)
    ), due AS (
        SELECT one.outbox_id, one.next_at, q.suspect,
               row_number() OVER (PARTITION BY q.destination ORDER BY one.next_at, one.outbox_id) AS turn
        FROM open_queues AS q CROSS JOIN LATERAL (
            SELECT o.outbox_id, o.next_at FROM serving.outbox AS o
            WHERE o.topic = :topic AND o.state = 'pending' AND o.destination = q.destination AND o.next_at <= :now
            ORDER BY o.next_at LIMIT q.room FOR UPDATE SKIP LOCKED
        ) AS one
        WHERE q.room > 0
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY suspect ORDER BY turn, next_at) AS place FROM due
    ), picked AS (
        SELECT outbox_id FROM ranked WHERE NOT suspect OR place <= :most_suspect
        ORDER BY suspect, turn, next_at LIMIT :most
    )
    UPDATE serving.outbox AS o SET claim = :claim, attempts = o.attempts + 1, next_at = :until
    FROM picked WHERE o.outbox_id = picked.outbox_id
    RETURNING o.outbox_id, o.topic, o.key, o.destination, o.payload, o.attempts, o.created_at, o.available_at, o.claim
    """
)
_PROBED = text(
    # One message finds out whether a receiver is back; until it has, no other worker sends another.
    """
    UPDATE serving.delivery_destinations AS d SET closed_until = :until
    FROM (SELECT destination FROM serving.delivery_destinations
          WHERE topic = :topic AND destination = ANY(:destinations) AND failures >= :trips
          ORDER BY destination FOR UPDATE) AS probed
    WHERE d.topic = :topic AND d.destination = probed.destination
    """
)
_FAILED = text(
    """
    INSERT INTO serving.delivery_destinations AS d (topic, destination, failures) VALUES (:topic, :destination, :failures)
    ON CONFLICT (topic, destination) DO UPDATE SET failures = d.failures + excluded.failures
    RETURNING failures
    """
)
_CLOSE = text(
    "UPDATE serving.delivery_destinations SET closed_until = :until WHERE topic = :topic AND destination = :destination"
)
_RECOVERED = text(
    "DELETE FROM serving.delivery_destinations WHERE topic = :topic AND destination = :destination RETURNING failures"
)
_HURRY = text(
    # What waited for a receiver that was away need not wait on; what must not be sent yet does.
    """
    UPDATE serving.outbox SET next_at = :now WHERE outbox_id IN (
        SELECT outbox_id FROM serving.outbox
        WHERE topic = :topic AND destination = :destination AND state = 'pending' AND claim IS NULL
            AND next_at > :now AND available_at <= :now AND attempts > 0
        FOR UPDATE SKIP LOCKED)
    """
)
_SETTLE = text(
    """
    UPDATE serving.outbox AS o
    SET state = given.state, next_at = coalesce(given.next_at, o.next_at), claim = NULL,
        attempts = o.attempts + given.attempts, last_error = given.error, finished_at = given.finished_at,
        payload = CASE WHEN given.state = 'done' THEN '{}'::jsonb ELSE o.payload END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(
        outbox_id bigint, claim uuid, state text, next_at timestamptz, attempts int, error text, finished_at timestamptz)
    WHERE o.outbox_id = given.outbox_id AND o.claim = given.claim AND o.state = 'pending'
    RETURNING o.outbox_id
    """
)


@dataclass(frozen=True)
class Busy:
    """What a worker knows of a destination: places left there, and whether it is slow or failing."""

    room: int
    suspect: bool


def claim(
    session: Session,
    topic: Topic,
    limits: Limits,
    *,
    now: datetime,
    lease: timedelta,
    most: int,
    busy: Mapping[str, Busy] | None = None,
    most_suspect: int = 0,
) -> tuple[Job, ...]:
    """Claim messages that are due, in turn from every queue that is open.

    Parameters
    ----------
    session : Session
    topic : Topic
    limits : Limits
    now : datetime
    lease : timedelta
        After it, what was not settled may be claimed by anybody.
    most : int
    busy : mapping of str to Busy, optional
        What this worker knows of destinations; any other may get ``limits.per_destination`` messages.
    most_suspect : int
        Messages for suspects, of all ``most``.
    """
    claim_id = str(uuid4())
    connection = session.connection()
    until = now + lease
    known = [{"destination": name, "room": one.room, "suspect": one.suspect} for name, one in (busy or {}).items()]
    rows = connection.execute(
        _CLAIM,
        {
            "topic": topic.value,
            "trips": limits.trips_after,
            "room": limits.per_destination,
            "busy": orjson.dumps(known).decode(),
            "most_suspect": most_suspect,
            "now": now,
            "most": most,
            "claim": claim_id,
            "until": until,
        },
    ).all()
    if rows:
        destinations = sorted({row.destination for row in rows})
        parameters = {"topic": topic.value, "destinations": destinations, "trips": limits.trips_after, "until": until}
        connection.execute(_PROBED, parameters)
    return tuple(_job(row) for row in rows)


def _job(row: Any) -> Job:
    return Job(
        row.outbox_id,
        Topic(row.topic),
        row.key,
        row.destination,
        row.payload,
        row.attempts,
        row.created_at,
        row.available_at,
        str(row.claim),
    )


def decide(job: Job, outcome: Outcome, at: datetime, dice: random.Random) -> Settled:
    """Say what becomes of a message after an attempt."""
    match outcome:
        case Sent():
            return Settled(job, outcome, at, dead=False)
        case Gone():
            return Settled(job, outcome, at, dead=True)
        case Later():
            return Settled(job, outcome, at, dead=False, next_at=outcome.until)
        case Retry():
            if at >= job.available_at + GIVE_UP_AFTER or job.attempt >= MOST_CLAIMS:
                return Settled(job, outcome, at, dead=True)
            next_at = at + pause_after(job.attempt, outcome.after, dice)
            # The last attempt is made when the day is over, not left out because a pause would end after it.
            return Settled(job, outcome, at, dead=False, next_at=min(next_at, job.available_at + GIVE_UP_AFTER))


def pause_after(attempt: int, asked: timedelta | None, dice: random.Random) -> timedelta:
    """Pause before the next attempt: twice as long each time, drawn at random from all of it (full jitter).

    Examples
    --------
    >>> pause_after(1, timedelta(minutes=2), random.Random(1)) >= timedelta(minutes=2)
    True
    """
    widest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempt - 1, 20))
    drawn = timedelta(seconds=max(_LEAST_PAUSE_S, dice.uniform(0, widest)))
    return drawn if asked is None else max(drawn, min(asked, timedelta(seconds=_LONGEST_PAUSE_S)))


def settle(
    session: Session,
    results: Sequence[Settled],
    limits: Limits,
    keep: Callable[[Session, Sequence[Settled]], None] | None = None,
) -> frozenset[int]:
    """Write the results of attempts.

    Parameters
    ----------
    session : Session
    results : sequence of Settled
    limits : Limits
    keep : callable, optional
        Writes what the channel keeps of the results that count.

    Returns
    -------
    frozenset of int
        Messages it counted for; one whose lease ended and that somebody else has claimed since is not among them.
    """
    rows = [_row(one) for one in results]
    counted = session.connection().execute(_SETTLE, {"rows": orjson.dumps(rows).decode()})
    ids = frozenset(row.outbox_id for row in counted)
    # In one order everywhere, so that workers never wait for one another in a circle.
    valid = sorted((one for one in results if one.job.outbox_id in ids), key=lambda one: one.job.destination)
    if keep is not None:
        keep(session, valid)
    _judge(session, valid, limits)
    return ids


def _row(settled: Settled) -> dict[str, Any]:
    outcome = settled.outcome
    state = "dead" if settled.dead else "done" if isinstance(outcome, Sent) else "pending"
    return {
        "outbox_id": settled.job.outbox_id,
        "claim": settled.job.claim,
        "state": state,
        "next_at": settled.next_at,
        "attempts": -1 if isinstance(outcome, Later) else 0,
        "error": outcome.reason[:500] if isinstance(outcome, (Retry, Gone)) else None,
        "finished_at": None if state == "pending" else settled.at,
    }


def _judge(session: Session, results: Sequence[Settled], limits: Limits) -> None:
    """Count failures by destination."""
    connection = session.connection()
    by_destination: dict[str, list[Settled]] = {}
    for one in results:
        if isinstance(one.outcome, (Sent, Retry)):
            by_destination.setdefault(one.job.destination, []).append(one)
    for destination, made in sorted(by_destination.items()):
        topic, last = made[0].job.topic, max(one.at for one in made)
        key = {"topic": topic.value, "destination": destination}
        if any(isinstance(one.outcome, Sent) for one in made):
            known = connection.execute(_RECOVERED, key).scalar_one_or_none()
            if known is not None and known >= limits.trips_after:
                connection.execute(_HURRY, {**key, "now": last})
            continue
        failures = connection.execute(_FAILED, {**key, "failures": len(made)}).scalar_one()
        if failures >= limits.trips_after:
            steps = min((failures - limits.trips_after) // limits.trips_after, 10)
            pause_s = min(_LONGEST_CLOSED_S, _FIRST_CLOSED_S * 2**steps)
            connection.execute(_CLOSE, {**key, "until": last + timedelta(seconds=pause_s)})


def release(session: Session, jobs: Sequence[Job], now: datetime) -> None:
    """Give back what was claimed and not finished, to be claimed by another at once."""
    session.connection().execute(
        text(
            "UPDATE serving.outbox AS o SET claim = NULL, attempts = o.attempts - 1, next_at = :now "
            "FROM unnest(CAST(:ids AS bigint[]), CAST(:claims AS uuid[])) AS given(outbox_id, claim) "
            "WHERE o.outbox_id = given.outbox_id AND o.claim = given.claim AND o.state = 'pending'"
        ),
        {"ids": [job.outbox_id for job in jobs], "claims": [job.claim for job in jobs], "now": now},
    )
    session.connection().execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})

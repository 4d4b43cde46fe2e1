"""Against guessing: wrong tries are counted by account and by address, in the database, and cost time.

A try is counted before it is judged, so that a thousand at once get no more than one after the other would; whoever was
right is not counted. Accounts that do not exist are counted like those that do.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlmodel import Session

from api.problems import Problem
from api.security.addresses import subscriber
from api.security.vault import Vault

FORGOTTEN_AFTER = timedelta(days=7)
"""A count this old says nothing any more."""

_BEYOND = 3
"""Tries counted beyond the first long wait: enough for the longest one, few enough to recover from."""


@dataclass(frozen=True)
class Policy:
    """How many tries there are.

    Attributes
    ----------
    free : int
        Tries that cost nothing; each further one doubles the wait, from one second on.
    most : int
        Tries until the long wait.
    recovers : timedelta
        Time in which one counted try is forgiven.
    locked, longest : timedelta
        The long wait, and what it grows to by doubling.
    """

    free: int
    most: int
    recovers: timedelta
    locked: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=1)

    def wait(self, failures: int) -> timedelta:
        """Time until the next try after so many failures."""
        if failures < self.free:
            return timedelta(0)
        if failures < self.most:
            return min(timedelta(seconds=2.0 ** min(failures - self.free, 32)), timedelta(seconds=60))
        return min(self.locked * 2 ** min(failures - self.most, 32), self.longest)


class Kind(StrEnum):
    """What is guessed or asked for too often."""

    ACCOUNT = "account"
    ADDRESS = "address"
    SECOND_FACTOR = "second factor"
    MAIL = "mail"
    MAIL_ADDRESS = "mail address"


_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICIES = {
    Kind.ACCOUNT: Policy(free=5, most=10, recovers=2 * _HOUR),
    Kind.SECOND_FACTOR: Policy(free=5, most=10, recovers=2 * _HOUR),
    # Many people may sit behind one address.
    Kind.ADDRESS: Policy(free=50, most=100, recovers=5 * _MINUTE),
    # Not guesses: mails one can have sent to a mailbox, and from one address.
    Kind.MAIL: Policy(free=3, most=3, recovers=20 * _MINUTE, locked=20 * _MINUTE, longest=20 * _MINUTE),
    Kind.MAIL_ADDRESS: Policy(free=20, most=20, recovers=3 * _MINUTE, locked=3 * _MINUTE, longest=3 * _MINUTE),
}


@dataclass(frozen=True)
class Subject:
    """Whose tries are counted."""

    kind: Kind
    digest: bytes

    @classmethod
    def of(cls, vault: Vault, kind: Kind, name: str) -> Subject:
        """Make the subject of an account's e-mail address or id, or of a client's address."""
        if kind in (Kind.ADDRESS, Kind.MAIL_ADDRESS):
            name = subscriber(name)
        written = f"{kind.value}\n{name.lower()}".encode("utf-8", "replace")
        return cls(kind, hmac.digest(vault.derive("guess-subject"), written, "sha256"))

    @property
    def policy(self) -> Policy:
        """Its policy."""
        return POLICIES[self.kind]


@dataclass(frozen=True)
class Count:
    """A counted try."""

    subject: Subject
    failures: int
    blocked_until: datetime

    @property
    def just_locked(self) -> bool:
        """Whether this try, if it is wrong, is the one that locks."""
        return self.failures == self.subject.policy.most


def too_many(wait: timedelta) -> Problem:
    """Make the refusal of a try that comes too soon; the same for accounts that exist and those that do not."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    return Problem(
        "too-many-requests",
        f"too many tries; wait {seconds} s and try again",
        headers={"Retry-After": str(seconds)},
    )


def count(session: Session, subjects: Sequence[Subject], now: datetime) -> tuple[Count, ...]:
    """Count a try of each subject, in the order given.

    Raises
    ------
    Problem
        ``too-many-requests`` while one of them has to wait; nothing is counted then.
    """
    connection = session.connection()
    counted: dict[bytes, Count] = {}
    # In one order for everybody, or two requests could wait for one another.
    for subject in sorted(subjects, key=lambda one: one.digest):
        # Made or held in one step: between two, somebody who was right could take the row away.
        row = connection.execute(
            text(
                "INSERT INTO serving.guess_counts AS c (subject, failures, since, blocked_until) "
                "VALUES (:subject, 0, :now, :now) ON CONFLICT (subject) DO UPDATE SET failures = c.failures "
                "RETURNING failures, since, blocked_until"
            ),
            {"subject": subject.digest, "now": now},
        ).one()
        # A clock that was set back must not make anybody wait longer than the rule says.
        wait = min(row.blocked_until - now, subject.policy.wait(row.failures))
        if wait > timedelta(0):
            raise too_many(wait)
        policy = subject.policy
        forgiven = max((now - row.since) // policy.recovers, 0)
        left = max(row.failures - forgiven, 0)
        since = row.since + forgiven * policy.recovers if left else now
        failures = min(left + 1, policy.most + _BEYOND)
        blocked_until = now + policy.wait(failures)
        connection.execute(
            text(
                "UPDATE serving.guess_counts SET failures = :failures, since = :since, blocked_until = :blocked "
                "WHERE subject = :subject"
            ),
            {"subject": subject.digest, "failures": failures, "since": since, "blocked": blocked_until},
        )
        counted[subject.digest] = Count(subject, failures, blocked_until)
    return tuple(counted[subject.digest] for subject in subjects)


def forget(session: Session, subject: Subject) -> None:
    """Begin anew: whoever was right has all his tries again."""
    session.connection().execute(
        text("DELETE FROM serving.guess_counts WHERE subject = :subject"), {"subject": subject.digest}
    )


def settle_right(session: Session, subjects: Sequence[Subject], now: datetime) -> None:
    """Uncount a try that was right.

    An account begins anew. An address has only this one taken off: one good account does not excuse guesses at many.
    """
    for subject in sorted(subjects, key=lambda one: one.digest):
        if subject.kind is not Kind.ADDRESS:
            forget(session, subject)
            continue
        session.connection().execute(
            text(
                "UPDATE serving.guess_counts SET failures = greatest(failures - 1, 0), blocked_until = :now "
                "WHERE subject = :subject"
            ),
            {"subject": subject.digest, "now": now},
        )

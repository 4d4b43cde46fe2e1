"""What a sender of one topic has to be, and what it says of each message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlmodel import Session

from api.outbox import Topic


@dataclass(frozen=True)
class Job:
    """A message to send, claimed by this worker.

    Attributes
    ----------
    outbox_id : int
    topic : Topic
    key : str
        Unique in the topic and the same at every attempt: the receiver can tell a repetition by it.
    destination : str
        The queue it stands in.
    payload : mapping
    attempt : int
        1 for the first.
    created_at, available_at : datetime
    claim : str
        Only who holds it may settle the message.
    prepared : object
        What `Channel.prepare` found for it.
    """

    outbox_id: int
    topic: Topic
    key: str
    destination: str
    payload: Mapping[str, Any]
    attempt: int
    created_at: datetime
    available_at: datetime
    claim: str = ""
    prepared: Any = None


@dataclass(frozen=True)
class Sent:
    """The receiver has it. ``record`` is for the channel's own `Channel.settle`."""

    record: Any = None


@dataclass(frozen=True)
class Retry:
    """It did not get through; to be tried again until it is a day old.

    Attributes
    ----------
    reason : str
        Without secrets: people read it.
    after : timedelta, optional
        The receiver asked for this pause; else the worker's own backoff.
    record : object
    """

    reason: str
    after: timedelta | None = None
    record: Any = None


@dataclass(frozen=True)
class Later:
    """It must not be sent before ``until``; no attempt was made and nobody is to blame."""

    until: datetime
    record: Any = None


@dataclass(frozen=True)
class Gone:
    """It can never get through: a dead letter at once."""

    reason: str
    record: Any = None


Outcome: TypeAlias = Sent | Retry | Later | Gone


@dataclass(frozen=True)
class Limits:
    """How much a worker sends at once.

    Attributes
    ----------
    total : int
        Of the topic.
    per_destination : int
        To one destination, so that a slow one holds few places.
    timeout_s : float
        A `Channel.send` that takes longer is cut off and counts as a retry.
    trips_after : int
        Failures in a row after which a destination is left alone for a growing while.
    """

    total: int = 64
    per_destination: int = 4
    timeout_s: float = 20
    trips_after: int = 5


@dataclass(frozen=True)
class Settled:
    """What came of one attempt.

    Attributes
    ----------
    job : Job
    outcome : Outcome
    at : datetime
        When it began.
    dead : bool
        Whether it became a dead letter.
    next_at : datetime, optional
        Of the next attempt, if there is one.
    """

    job: Job
    outcome: Outcome
    at: datetime
    dead: bool
    next_at: datetime | None = field(default=None)


class Channel(ABC):
    """Sends the messages of one topic.

    Attributes
    ----------
    topic : Topic
    limits : Limits
    """

    topic: Topic
    limits: Limits = Limits()

    def prepare(self, session: Session, jobs: Sequence[Job]) -> Mapping[int, Any]:
        """Find what is needed to send messages, by ``outbox_id``: in the transaction that claims them, so for all at once."""
        del session, jobs
        return {}

    @abstractmethod
    async def send(self, job: Job) -> Outcome:
        """Make one attempt. An exception counts as a retry; one that keeps coming makes a dead letter."""

    def settle(self, session: Session, settled: Settled) -> None:
        """Write what the channel itself keeps of an attempt, in the transaction that settles the message."""
        del session, settled

    def settle_all(self, session: Session, results: Sequence[Settled]) -> None:
        """The same for several at once, for channels that can write them together."""
        for settled in results:
            self.settle(session, settled)

    async def close(self) -> None:
        """Let go of connections."""
        return

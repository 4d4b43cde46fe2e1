"""Backtests that people asked for, and what came of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class BacktestKind(StrEnum):
    """What is to be found out."""

    RUN = "run"
    """What a strategy with these parameters would have made."""
    SWEEP = "sweep"
    """How it depends on them."""
    WALK_FORWARD = "walk_forward"
    """What choosing them in the past was worth afterwards."""


class BacktestStatus(StrEnum):
    """How far a backtest is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (BacktestStatus.QUEUED, BacktestStatus.RUNNING)
"""States in which something is still to come."""


class Backtest(SQLModel, table=True):
    """A backtest that somebody asked for.

    Attributes
    ----------
    backtest_id, user_id : str
    kind, status : str
        Of `BacktestKind` and `BacktestStatus`.
    request : dict
        What was asked for.
    known_before : datetime
        Nothing that became known later may be in it: the plan of who asked may show signals with a delay.
    stage : str, optional
        What is being done.
    done, total : int
        How much of the stage; ``total`` is missing where nobody knows.
    attempts : int
        How often it was begun. One that ends its runner time and again is given up.
    claimed_by : str, optional
        Runner that has it.
    claimed_until : datetime, optional
        When that is taken for dead if it does not say otherwise.
    failure : str, optional
        Why it failed, for the person to read.
    summary : dict, optional
        Verdict and metrics.
    created_at, started_at, ended_at : datetime
    deleted_at : datetime, optional
        When its owner deleted it; it counts for its day all the same.
    """

    __tablename__: ClassVar[Any] = "backtests"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("kind IN ('run', 'sweep', 'walk_forward')", name="backtests_kind"),
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="backtests_status"),
        CheckConstraint("(status IN ('queued', 'running')) = (ended_at IS NULL)", name="backtests_ended"),
        Index("backtests_of_user", "user_id", "created_at", "backtest_id"),
        Index("backtests_waiting", "created_at", postgresql_where=text("status IN ('queued', 'running')")),
        {"schema": "serving"},
    )

    backtest_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"))
    kind: str = column(Text)
    status: str = column(Text, server_default="queued")
    request: dict[str, Any] = column(JSONB)
    known_before: datetime = column(TIME)
    stage: str | None = column(Text, nullable=True)
    done: int = column(BigInteger, server_default="0")
    total: int | None = column(BigInteger, nullable=True)
    attempts: int = column(Integer, server_default="0")
    claimed_by: str | None = column(Text, nullable=True)
    claimed_until: datetime | None = column(TIME, nullable=True)
    failure: str | None = column(Text, nullable=True)
    summary: dict[str, Any] | None = column(JSONB, nullable=True)
    created_at: datetime = column(TIME)
    started_at: datetime | None = column(TIME, nullable=True)
    ended_at: datetime | None = column(TIME, nullable=True)
    deleted_at: datetime | None = column(TIME, nullable=True)


class BacktestDocument(SQLModel, table=True):
    """A part of what came of a backtest, as it is sent.

    Attributes
    ----------
    backtest_id : str
    name : str
        ``report``, ``result``, ``curve`` or ``sweep``.
    media_type : str
    body : bytes
    """

    __tablename__: ClassVar[Any] = "backtest_documents"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    backtest_id: str = column(
        IDENTIFIER, ForeignKey("serving.backtests.backtest_id", ondelete="CASCADE"), primary_key=True
    )
    name: str = column(Text, primary_key=True)
    media_type: str = column(Text)
    body: bytes = column(LargeBinary)


class BacktestCatalogue(SQLModel, table=True):
    """What can be backtested: written by the runner, which knows the strategies, for those who do not.

    Attributes
    ----------
    name : str
        ``strategies``, ``configuration`` or ``metrics``.
    body : list or dict
    updated_at : datetime
    """

    __tablename__: ClassVar[Any] = "backtest_catalogue"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    name: str = column(Text, primary_key=True)
    body: Any = column(JSONB)
    updated_at: datetime = column(TIME)

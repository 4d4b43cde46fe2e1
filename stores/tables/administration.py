"""What administrators decide: signals taken down, features switched on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class SignalTakedown(SQLModel, table=True):
    """A published signal that is no longer stood by. It stays visible with its outcome; a takedown is never taken back.

    Attributes
    ----------
    signal_id : str
    reason : str
        For subscribers to read.
    taken_by : str
        Administrator; not a foreign key, the record outlives the account.
    at : datetime
    """

    __tablename__: ClassVar[Any] = "signal_takedowns"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    signal_id: str = column(IDENTIFIER, ForeignKey("serving.published_signals.signal_id"), primary_key=True)
    reason: str = column(Text)
    taken_by: str = column(IDENTIFIER)
    at: datetime = column(TIME)


class FeatureFlag(SQLModel, table=True):
    """Whom a feature is on for. A feature without a row is as its code says.

    Attributes
    ----------
    name : str
        Of `api.admin.flags.Feature`.
    enabled : bool
        Off for everybody if not.
    percentage : int
        Part of all people, chosen by a hash that stays.
    plans : list of str
        On for everybody who has one of these plans.
    updated_at : datetime
    updated_by : str
    """

    __tablename__: ClassVar[Any] = "feature_flags"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("percentage BETWEEN 0 AND 100", name="feature_flags_percentage"),
        {"schema": "serving"},
    )

    name: str = column(Text, primary_key=True)
    enabled: bool = column(Boolean)
    percentage: int = column(Integer)
    plans: list[str] = column(ARRAY(Text), server_default=text("'{}'::text[]"))
    updated_at: datetime = column(TIME)
    updated_by: str = column(IDENTIFIER)

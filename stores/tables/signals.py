"""What was published, and what became of it. Both tables are logs: the database refuses to change or delete a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class PublishedSignal(SQLModel, table=True):
    """A signal as subscribers first saw it, with the risk decision that let it through.

    Attributes
    ----------
    signal_id : str
        UUIDv5 of market, timeframe, strategy, time and direction; the same as in the warehouse.
    sequence : int
        Order of publication, in which cursors and streams run. Grows without holes being promised.
    ts, known_at : datetime
        Open and close time of the bar at whose close the signal was decided, UTC.
    direction : int
        +1 long, -1 short.
    entry, stop, target_1, target_2 : float
        Prices, quote currency; ``target_2`` may be missing.
    risk_reward : float
        Distance to the last target over distance to the stop.
    score : float
        Raw score of the strategy, 0 to 1.
    reasons : list of str
        What spoke for it, in words.
    zone_id : str, optional
        Zone behind the signal.
    decision : str
        ``accepted`` or ``resized``; a rejected signal is not published.
    size, notional, risk_amount, risk_fraction : float
        Position in the base asset, its value, and the loss at the stop in quote currency and as a fraction of equity.
    simulated : bool
        Whether the market is simulated; derived from the exchange by the database, so it cannot be set wrongly.
    published_at : datetime
        Server time of the first publication, UTC.
    """

    __tablename__: ClassVar[Any] = "published_signals"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("sequence", name="published_signals_sequence_key"),
        CheckConstraint("direction IN (-1, 1)", name="published_signals_direction"),
        CheckConstraint("decision IN ('accepted', 'resized')", name="published_signals_decision"),
        CheckConstraint("known_at > ts", name="published_signals_known_after_open"),
        Index("published_signals_feed", "known_at", "sequence"),
        Index("published_signals_series", "exchange", "symbol", "timeframe", "known_at", "sequence"),
        Index("published_signals_strategy", "strategy", "known_at", "sequence"),
        {"schema": "serving"},
    )

    signal_id: str = column(IDENTIFIER, primary_key=True)
    sequence: int | None = column(BigInteger, Identity(always=True))
    exchange: str = column(Text)
    symbol: str = column(Text)
    timeframe: str = column(Text)
    strategy: str = column(Text)
    direction: int = column(SmallInteger)
    ts: datetime = column(TIME)
    known_at: datetime = column(TIME)
    entry: float = column(Double)
    stop: float = column(Double)
    target_1: float = column(Double)
    target_2: float | None = column(Double, nullable=True)
    risk_reward: float = column(Double)
    score: float = column(Double)
    reasons: list[str] = column(JSONB)
    zone_id: str | None = column(IDENTIFIER, nullable=True)
    decision: str = column(Text)
    size: float = column(Double)
    notional: float = column(Double)
    risk_amount: float = column(Double)
    risk_fraction: float = column(Double)
    simulated: bool | None = Field(sa_column=Column(Computed("exchange = 'sim'", persisted=True), nullable=False))
    published_at: datetime | None = column(TIME, server_default=func.now())


class SignalOutcome(SQLModel, table=True):
    """What became of a published signal.

    Attributes
    ----------
    signal_id : str
    outcome : str
        ``target_1``, ``target_2``, ``stopped`` or ``expired``.
    ts, known_at : datetime
        Open and close time of the bar at whose close the outcome is known, UTC.
    price : float
    r_multiple : float
        Profit at that price in units of the initial risk, before costs.
    bars_held : int
        Bars since the deciding bar.
    published_at : datetime
        Server time of the first publication, UTC.
    """

    __tablename__: ClassVar[Any] = "signal_outcomes"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("outcome IN ('target_1', 'target_2', 'stopped', 'expired')", name="signal_outcomes_outcome"),
        CheckConstraint("known_at > ts", name="signal_outcomes_known_after_open"),
        {"schema": "serving"},
    )

    signal_id: str = column(IDENTIFIER, ForeignKey("serving.published_signals.signal_id"), primary_key=True)
    outcome: str = column(Text, primary_key=True)
    ts: datetime = column(TIME)
    known_at: datetime = column(TIME)
    price: float = column(Double)
    r_multiple: float = column(Double)
    bars_held: int = column(Integer)
    published_at: datetime | None = column(TIME, server_default=func.now())

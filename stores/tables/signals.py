"""What was published, and what became of it. Both tables are logs: the database refuses to change or delete a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_TIME = DateTime(timezone=True)
_UUID = Uuid(as_uuid=False)


def _column(type_: Any, *constraints: Any, **options: Any) -> Any:
    """Declare a column that takes no null unless it says so."""
    options.setdefault("nullable", False)
    return Field(sa_column=Column(type_, *constraints, **options))


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

    signal_id: str = _column(_UUID, primary_key=True)
    sequence: int | None = _column(BigInteger, Identity(always=True))
    exchange: str = _column(Text)
    symbol: str = _column(Text)
    timeframe: str = _column(Text)
    strategy: str = _column(Text)
    direction: int = _column(SmallInteger)
    ts: datetime = _column(_TIME)
    known_at: datetime = _column(_TIME)
    entry: float = _column(Double)
    stop: float = _column(Double)
    target_1: float = _column(Double)
    target_2: float | None = _column(Double, nullable=True)
    risk_reward: float = _column(Double)
    score: float = _column(Double)
    reasons: list[str] = _column(JSONB)
    zone_id: str | None = _column(_UUID, nullable=True)
    decision: str = _column(Text)
    size: float = _column(Double)
    notional: float = _column(Double)
    risk_amount: float = _column(Double)
    risk_fraction: float = _column(Double)
    simulated: bool | None = Field(sa_column=Column(Computed("exchange = 'sim'", persisted=True), nullable=False))
    published_at: datetime | None = _column(_TIME, server_default=func.now())


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

    signal_id: str = _column(_UUID, ForeignKey("serving.published_signals.signal_id"), primary_key=True)
    outcome: str = _column(Text, primary_key=True)
    ts: datetime = _column(_TIME)
    known_at: datetime = _column(_TIME)
    price: float = _column(Double)
    r_multiple: float = _column(Double)
    bars_held: int = _column(Integer)
    published_at: datetime | None = _column(_TIME, server_default=func.now())

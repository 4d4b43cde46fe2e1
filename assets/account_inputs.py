"""What an account reads of the stores: its signals, those that are decided, outcomes and closes, in spans of known time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assets.partitions import MarketWindow, month_start
from engines.timeframe import Timeframe
from stores.account_log import DECISIONS
from stores.markets import SIMULATED_EXCHANGE
from stores.warehouse import Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.risk import RiskPolicy

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(milliseconds=max(one.milliseconds for one in Timeframe))


class Account(StrEnum):
    """Accounts there are."""

    PAPER = "paper"
    SIMULATED = "sim"

    @classmethod
    def of(cls, exchange: str) -> Account:
        """Account that trades an exchange's markets."""
        return cls.SIMULATED if exchange == SIMULATED_EXCHANGE else cls.PAPER

    @property
    def condition(self) -> str:
        """SQL condition that selects the rows of its markets."""
        return f"exchange {'=' if self is Account.SIMULATED else '!='} '{SIMULATED_EXCHANGE}'"


def _lengths() -> str:
    names = ", ".join(f"'{one.value}'" for one in Timeframe)
    lengths = ", ".join(str(one.milliseconds) for one in Timeframe)
    return f"transform(timeframe, [{names}], [{lengths}], 0)"


_KNOWN = f"addMilliseconds(ts, {_lengths()})"
# The bound on ts lets the engine skip what its order says cannot be there.
_BETWEEN = (
    f"{_KNOWN} > {{after:DateTime64(3, 'UTC')}} AND {_KNOWN} <= {{until:DateTime64(3, 'UTC')}} "
    "AND ts > {earliest:DateTime64(3, 'UTC')} AND ts <= {until:DateTime64(3, 'UTC')}"
)
_MARKET = "concat(exchange, ':', symbol)"


@dataclass(frozen=True)
class AccountInputs:
    """The rows of one walk.

    Attributes
    ----------
    warehouse : Warehouse
    account : Account
    policy : RiskPolicy
        Says on which closes returns are measured.
    windows : sequence of MarketWindow
        Markets whose undecided signals the walk decides, each with its months.
    timeframes : tuple of str
        Timeframes of those signals.
    recompute : bool
        Whether decisions in the windows do not stand.
    version : str
        Definition that decisions must be of to stand.
    """

    warehouse: Warehouse
    account: Account
    policy: RiskPolicy
    windows: Sequence[MarketWindow]
    timeframes: tuple[str, ...]
    recompute: bool
    version: str

    def _own(self) -> str:
        """SQL condition of the signals that this run decides."""
        return self._in_windows("")

    def _anew(self) -> str:
        """SQL condition of the decisions that do not stand because they are to be made anew."""
        if not self.recompute:
            return "0"
        return self._in_windows("AND ts >= {own_start_%d:DateTime64(3, 'UTC')}")

    def _in_windows(self, bound: str) -> str:
        parts = [
            f"(exchange = {{own_exchange_{place}:String}} AND symbol = {{own_symbol_{place}:String}} "
            f"AND ts < {{own_end_{place}:DateTime64(3, 'UTC')}} {bound % place if bound else ''})"
            for place in range(len(self.windows))
        ]
        return f"timeframe IN {{own_timeframes:Array(String)}} AND ({' OR '.join(parts)})" if parts else "0"

    def _scope(self, after: datetime, until: datetime) -> dict[str, Any]:
        """Parameters of all conditions."""
        scope: dict[str, Any] = {
            "after": after,
            "until": until,
            "earliest": max(_BEGINNING, after - _LONGEST),
            "version": self.version,
            "own_timeframes": [str(one) for one in self.timeframes],
        }
        for place, window in enumerate(self.windows):
            scope |= {
                f"own_exchange_{place}": window.market.exchange,
                f"own_symbol_{place}": window.market.symbol,
                f"own_start_{place}": window.start,
                f"own_end_{place}": window.end,
            }
        return scope

    def _stands(self, condition: str) -> str:
        """SQL of the decisions there are under the newest definition."""
        return (
            f"SELECT signal_id, entry, stop, size, decision FROM {DECISIONS} FINAL "
            f"WHERE {self.account.condition} AND version = {{version:String}} AND ({condition})"
        )

    def first_undecided(self) -> datetime | None:
        """Instant at which the first signal that this run decides became known; None if there is none."""
        own = self._own()
        row = self.warehouse.query_polars(
            f"SELECT min({_KNOWN}) AS edge, count() AS rows FROM "
            f"(SELECT * FROM market.signals FINAL WHERE {own}) AS s LEFT ANTI JOIN "
            f"({self._stands(f'({own}) AND NOT ({self._anew()})')}) AS d "
            "ON s.signal_id = d.signal_id AND s.entry = d.entry AND s.stop = d.stop",
            self._scope(_BEGINNING, _BEGINNING),
        )
        return row["edge"][0] if row["rows"][0] else None

    def extent(self) -> tuple[datetime | None, datetime | None, dict[datetime, int]]:
        """First instant at which a signal of the walk became known, the last of a signal or outcome, signals by month."""
        rows = self.warehouse.query_polars(
            f"SELECT toDateTime64(toStartOfMonth(known), 3, 'UTC') AS month, minIf(known, is_signal) AS first, "
            "max(known) AS newest, countIf(is_signal) AS signals FROM ("
            f"SELECT {_KNOWN} AS known, true AS is_signal FROM market.signals WHERE ({self._own()}) "
            f"UNION ALL SELECT {_KNOWN}, true FROM {DECISIONS} "
            f"WHERE {self.account.condition} AND version = {{version:String}} "
            f"UNION ALL SELECT {_KNOWN}, false FROM market.signal_outcomes WHERE {self.account.condition}) "
            "GROUP BY month ORDER BY month",
            self._scope(_BEGINNING, _BEGINNING),
        )
        signals = rows.filter(rows["signals"] > 0)
        if signals.is_empty():
            return None, None, {}
        months = {month_start(month): count for month, count in signals.select("month", "signals").iter_rows()}
        return signals["first"][0], rows["newest"][-1], months

    def _considered(self, columns: str) -> str:
        """SQL of the signals of a walk: those whose decision stands, and those that it decides."""
        return (
            f"SELECT {columns}, d.signal_id != '' AS stands, d.size AS size, d.decision AS decision FROM "
            f"(SELECT * FROM market.signals FINAL WHERE {self.account.condition} AND {_BETWEEN}) AS s "
            f"LEFT JOIN ({self._stands(f'NOT ({self._anew()}) AND {_BETWEEN}')}) AS d "
            "ON s.signal_id = d.signal_id AND s.entry = d.entry AND s.stop = d.stop "
            f"WHERE d.signal_id != '' OR ({self._own()})"
        )

    def signals(self, after: datetime, until: datetime) -> pl.DataFrame:
        """Signals of the walk that became known between two instants, in any order: ``stands``, and the decision if it does."""
        from engines.risk import ACCOUNT_SIGNAL_SCHEMA

        names = ACCOUNT_SIGNAL_SCHEMA.names()[1:]
        columns = ", ".join(f"s.{name} AS {name}" for name in names)
        frame = self.warehouse.query_polars(
            self._considered(f"concat(s.exchange, ':', s.symbol) AS market, {columns}"), self._scope(after, until)
        )
        return frame.cast(ACCOUNT_SIGNAL_SCHEMA)

    def outcomes(self, after: datetime, until: datetime) -> pl.DataFrame:
        """Outcomes that became known between two instants, in any order."""
        from engines.risk import ACCOUNT_OUTCOME_SCHEMA

        columns = ", ".join(ACCOUNT_OUTCOME_SCHEMA.names()[1:])
        frame = self.warehouse.query_polars(
            f"SELECT {_MARKET} AS market, {columns} FROM market.signal_outcomes FINAL "
            f"WHERE {self.account.condition} AND {_BETWEEN}",
            self._scope(after, until),
        )
        return frame.cast(ACCOUNT_OUTCOME_SCHEMA)

    def _grid_closes(self) -> str:
        """SQL of the closes on the grid of returns: of every bar that ends on it and is no longer than its step."""
        grid = Timeframe(self.policy.returns_timeframe)
        fine = ", ".join(f"'{one.value}'" for one in Timeframe if grid.is_multiple_of(one))
        return (
            f"SELECT {_MARKET} AS market, {_KNOWN} AS known, argMin(close, {_lengths()}) AS close "
            f"FROM market.candles FINAL WHERE {self.account.condition} AND timeframe IN ({fine}) AND {_BETWEEN} "
            f"AND (toUnixTimestamp64Milli({_KNOWN}) - {grid.offset_ms}) % {grid.milliseconds} = 0 "
            "GROUP BY exchange, symbol, known"
        )

    def closes(self, after: datetime, until: datetime) -> pl.DataFrame:
        """Closes on the grid of returns that became known between two instants, in any order."""
        from engines.risk import CLOSE_SCHEMA

        step = Timeframe(self.policy.returns_timeframe).milliseconds
        frame = self.warehouse.query_polars(
            f"SELECT market, subtractMilliseconds(known, {step}) AS ts, close FROM ({self._grid_closes()})",
            self._scope(after, until),
        )
        return frame.cast(CLOSE_SCHEMA)

    def fingerprint(self, until: datetime) -> str:
        """What a state at an instant must have seen: decisions that stand, outcomes, and the closes it measures on."""
        step = timedelta(milliseconds=Timeframe(self.policy.returns_timeframe).milliseconds)
        window = step * (self.policy.returns_window + self.policy.correlation_refresh)
        before = f"{_KNOWN} <= {{until:DateTime64(3, 'UTC')}} AND ts <= {{until:DateTime64(3, 'UTC')}}"
        parts = (
            f"SELECT sum(cityHash64(signal_id, entry, stop, size)) FROM ({self._stands(before)})",
            "SELECT sum(cityHash64(signal_id, outcome, ts, price, r_multiple)) FROM market.signal_outcomes FINAL "
            f"WHERE {self.account.condition} AND {before}",
            f"SELECT sum(cityHash64(market, known, close)) FROM ({self._grid_closes()})",
        )
        columns = ", ".join(f"toString(ifNull(({part}), 0)) AS part_{place}" for place, part in enumerate(parts))
        row = self.warehouse.query_rows(f"SELECT {columns}", self._scope(max(_BEGINNING, until - window), until))[0]
        return "|".join(row[f"part_{place}"] for place in range(len(parts)))

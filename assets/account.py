"""Walk an account over the stored signals, outcomes and closes of all its markets, in the order in which they became known.

An account trades every market whose signals are stored: recorded markets on one account, simulated ones on another. A run
decides the undecided signals of its own markets. Every decision made before stands, of its own markets as well as of
others: the walk opens the positions they say, so that limits across markets are those of the account as it was then. A
market that comes late is thus decided with what the account knew at each instant, and gets the room that is left.

A stored state carries a fingerprint of the rows it has seen; the walk goes on from the newest one that still fits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assets.partitions import MarketWindow, month_start, next_month
from engines.timeframe import Timeframe
from engines.versions import RISK_ROWS
from stores.account_log import (
    DECISIONS,
    RECONSIDERED,
    AccountState,
    count_decisions,
    read_state,
    remove_superseded,
    save_state,
    state_marks,
)
from stores.markets import SIMULATED_EXCHANGE
from stores.warehouse import Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.risk import AccountEngine, RiskPolicy

_log = logging.getLogger(__name__)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(milliseconds=max(one.milliseconds for one in Timeframe))
_INSTANT = timedelta(milliseconds=1)


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


@dataclass
class AccountAdvance:
    """What one walk did.

    Attributes
    ----------
    engine : AccountEngine
        As it stands at the end.
    until : datetime or None
        Instant it stands at; None if the account has no signal yet.
    decisions : int
        Signals decided.
    walked : int
        Signals walked over, those whose decision stands among them.
    reconsidered : int
        Standing decisions among those that would be others with all that has come in since.
    removed : int
        Decisions removed: made anew on request, under an older definition, or of signals that are no more.
    """

    engine: AccountEngine
    until: datetime | None = None
    decisions: int = 0
    walked: int = 0
    reconsidered: int = 0
    removed: int = 0


def advance_account(
    warehouse: Warehouse,
    account: Account,
    windows: Sequence[MarketWindow] = (),
    policy: RiskPolicy | None = None,
    *,
    timeframes: Sequence[str] = tuple(Timeframe),
    recompute: bool = False,
) -> AccountAdvance:
    """Decide what is undecided in some windows and bring an account up to everything that is stored.

    Parameters
    ----------
    warehouse : Warehouse
    account : Account
    windows : sequence of MarketWindow
        Markets of the account, each with the months whose signals are decided, and those before them. Without one nothing
        is written: the account is walked over the decisions that stand.
    policy : RiskPolicy, optional
        Rules of the account; `RiskPolicy.for_account` if not given. They hold for what is not decided yet.
    timeframes : sequence of str
        Only signals on these are decided.
    recompute : bool
        Decide the signals of the windows anew, even where a decision stands.
    """
    from engines.risk import RiskPolicy

    walk = _Walk(warehouse, account, policy or RiskPolicy.for_account(), windows, tuple(timeframes), recompute)
    engine, after = walk.take_up()
    done = AccountAdvance(engine, after)
    markets = sorted({window.market for window in windows})
    stood = count_decisions(warehouse, markets)
    for start, end in walk.spans(after):
        walk.fold(done, start, end)
    if windows:
        remove_superseded(warehouse, markets)
        done.removed = stood + done.decisions - count_decisions(warehouse, markets)
    return done


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
class _Walk:
    """One walk: where it reads, whose signals it decides, and by which rules."""

    warehouse: Warehouse
    account: Account
    policy: RiskPolicy
    windows: Sequence[MarketWindow]
    timeframes: tuple[str, ...]
    recompute: bool

    def take_up(self) -> tuple[AccountEngine, datetime | None]:
        """Engine to go on with and the instant it stands at."""
        from engines.errors import StateMismatch
        from engines.risk import AccountEngine

        undecided = self._first_undecided()
        marks = [
            (until, inputs)
            for until, inputs in state_marks(self.warehouse, self.account, RISK_ROWS)
            if undecided is None or until < undecided
        ]
        # What a state has seen is part of what every later one has: those that fit come first. Mostly the newest does.
        low, high, place = 0, len(marks), len(marks) - 1
        while low < high:
            until, inputs = marks[place]
            if self._fingerprint(until) == inputs:
                low = place + 1
            else:
                high = place
            place = (low + high) // 2
        if low:
            until = marks[low - 1][0]
            try:
                state = read_state(self.warehouse, self.account, RISK_ROWS, until)
                return AccountEngine.restore(state.snapshot, policy=self.policy), until
            except StateMismatch as error:
                _log.warning("account %s: the stored state is not used: %s", self.account, error)
        return AccountEngine(policy=self.policy), None

    def spans(self, after: datetime | None) -> Iterator[tuple[datetime, datetime]]:
        """Cut what is known after ``after`` where months begin, and where the newest day does: there states are stored."""
        first, newest = self._extent()
        if first is None or newest is None:
            return
        # The closes from which the first decisions are measured are those of the month before.
        start = month_start(month_start(first - _INSTANT) - _INSTANT) if after is None else after
        day_before = newest.replace(hour=0, minute=0, second=0, microsecond=0) - _INSTANT
        while start < newest:
            end = min(next_month(month_start(start)), newest)
            if start < day_before < end:
                end = day_before
            yield start, end
            start = end

    def fold(self, done: AccountAdvance, start: datetime, end: datetime) -> None:
        """Walk over what became known between two instants; write what was decided, then the state."""
        import polars as pl

        signals = self._signals(start, end)
        stands = signals.filter(pl.col("stands") == 1)
        before = dict(zip(stands["signal_id"].to_list(), stands["size"].to_list(), strict=True))
        rows = done.engine.advance(
            self._closes(start, end),
            signals.drop("stands", "size", "decision"),
            self._outcomes(start, end),
            _milliseconds(end),
            before,
        )
        done.until = end
        done.walked += rows.height
        if not self.windows:
            return
        now = datetime.now(UTC)
        rows = _with_series(rows).with_columns(pl.lit(self.account.value).alias("account"))
        rows = rows.join(
            signals.select("signal_id", "entry", "stop"), on="signal_id", how="left", maintain_order="left"
        )
        new = rows.filter(~pl.col("signal_id").is_in(list(before)))
        done.decisions += self.warehouse.insert(
            DECISIONS,
            new.with_columns(
                pl.lit(RISK_ROWS).alias("version"), pl.lit(now).dt.cast_time_unit("ms").alias("decided_at")
            ),
        )
        done.reconsidered += self.warehouse.insert(RECONSIDERED, _others(rows, stands, now))
        state = AccountState(end, RISK_ROWS, self._fingerprint(end), done.engine.snapshot())
        save_state(self.warehouse, self.account, state)

    # -- what is stored ---------------------------------------------------------------------------------------------

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
            "version": RISK_ROWS,
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

    def _first_undecided(self) -> datetime | None:
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

    def _extent(self) -> tuple[datetime | None, datetime | None]:
        """First instant at which a signal of the walk became known, and the last of a signal or outcome."""
        row = self.warehouse.query_polars(
            f"SELECT minIf(known, is_signal) AS first, max(known) AS newest, countIf(is_signal) AS signals FROM ("
            f"SELECT {_KNOWN} AS known, true AS is_signal FROM market.signals WHERE ({self._own()}) "
            f"UNION ALL SELECT {_KNOWN}, true FROM {DECISIONS} "
            f"WHERE {self.account.condition} AND version = {{version:String}} "
            f"UNION ALL SELECT {_KNOWN}, false FROM market.signal_outcomes WHERE {self.account.condition})",
            self._scope(_BEGINNING, _BEGINNING),
        )
        return (row["first"][0], row["newest"][0]) if row["signals"][0] else (None, None)

    def _considered(self, columns: str) -> str:
        """SQL of the signals of a walk: those whose decision stands, and those that it decides."""
        return (
            f"SELECT {columns}, d.signal_id != '' AS stands, d.size AS size, d.decision AS decision FROM "
            f"(SELECT * FROM market.signals FINAL WHERE {self.account.condition} AND {_BETWEEN}) AS s "
            f"LEFT JOIN ({self._stands(f'NOT ({self._anew()}) AND {_BETWEEN}')}) AS d "
            "ON s.signal_id = d.signal_id AND s.entry = d.entry AND s.stop = d.stop "
            f"WHERE d.signal_id != '' OR ({self._own()})"
        )

    def _signals(self, after: datetime, until: datetime) -> pl.DataFrame:
        from engines.risk import ACCOUNT_SIGNAL_SCHEMA

        names = ACCOUNT_SIGNAL_SCHEMA.names()[1:]
        columns = ", ".join(f"s.{name} AS {name}" for name in names)
        frame = self.warehouse.query_polars(
            self._considered(f"concat(s.exchange, ':', s.symbol) AS market, {columns}"), self._scope(after, until)
        )
        return frame.cast(ACCOUNT_SIGNAL_SCHEMA)

    def _outcomes(self, after: datetime, until: datetime) -> pl.DataFrame:
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

    def _closes(self, after: datetime, until: datetime) -> pl.DataFrame:
        from engines.risk import CLOSE_SCHEMA

        step = Timeframe(self.policy.returns_timeframe).milliseconds
        frame = self.warehouse.query_polars(
            f"SELECT market, subtractMilliseconds(known, {step}) AS ts, close FROM ({self._grid_closes()})",
            self._scope(after, until),
        )
        return frame.cast(CLOSE_SCHEMA)

    def _fingerprint(self, until: datetime) -> str:
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


def _others(rows: pl.DataFrame, stands: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of what would be decided now where it is another decision than the one that stands."""
    import polars as pl

    columns = (
        *("exchange", "symbol", "timeframe", "ts", "signal_id", "account"),
        *("decision", "rule", "rule_value", "rule_limit", "reasons", "size", "equity"),
    )
    stood = stands.select("signal_id", pl.col("size").alias("stood_size"), pl.col("decision").alias("stood"))
    found = rows.join(stood, on="signal_id", how="inner")
    far = (pl.col("size") - pl.col("stood_size")).abs() > 1e-9 * pl.max_horizontal("size", "stood_size")
    differing = found.filter((pl.col("decision") != pl.col("stood")) | far)
    return differing.select(*columns, pl.lit(now).dt.cast_time_unit("ms").alias("considered_at"))


def _with_series(rows: pl.DataFrame) -> pl.DataFrame:
    """Decisions in the columns of the table."""
    import polars as pl

    parts = pl.col("market").str.splitn(":", 2).struct
    series = (parts.field("field_0").alias("exchange"), parts.field("field_1").alias("symbol"))
    return rows.select(*series, pl.all().exclude("known_at", "market"))


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)

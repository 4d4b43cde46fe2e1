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
from typing import TYPE_CHECKING

from assets.account_inputs import Account, AccountInputs
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
from stores.warehouse import Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.risk import AccountEngine, RiskPolicy

_log = logging.getLogger(__name__)

_INSTANT = timedelta(milliseconds=1)
_SIGNALS_A_STATE = 5_000
"""Signals walked over in about a third of a second: the price of not having a state."""


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

    inputs = AccountInputs(
        warehouse, account, policy or RiskPolicy.for_account(), windows, tuple(timeframes), recompute, RISK_ROWS
    )
    engine, after = _take_up(inputs)
    done = AccountAdvance(engine, after)
    markets = sorted({window.market for window in windows})
    stood = count_decisions(warehouse, markets)
    for start, end in _spans(inputs, after):
        _fold(inputs, done, start, end)
    if windows:
        remove_superseded(warehouse, markets)
        done.removed = stood + done.decisions - count_decisions(warehouse, markets)
    return done


def _take_up(inputs: AccountInputs) -> tuple[AccountEngine, datetime | None]:
    """Engine to go on with and the instant it stands at."""
    from engines.errors import StateMismatch
    from engines.risk import AccountEngine

    undecided = inputs.first_undecided()
    marks = [
        (until, seen)
        for until, seen in state_marks(inputs.warehouse, inputs.account, inputs.version)
        if undecided is None or until < undecided
    ]
    # What a state has seen is part of what every later one has: those that fit come first. Mostly the newest does.
    low, high, place = 0, len(marks), len(marks) - 1
    while low < high:
        until, seen = marks[place]
        if inputs.fingerprint(until) == seen:
            low = place + 1
        else:
            high = place
        place = (low + high) // 2
    if low:
        until = marks[low - 1][0]
        try:
            state = read_state(inputs.warehouse, inputs.account, inputs.version, until)
            return AccountEngine.restore(state.snapshot, policy=inputs.policy), until
        except StateMismatch as error:
            _log.warning("account %s: the stored state is not used: %s", inputs.account, error)
    return AccountEngine(policy=inputs.policy), None


def _spans(inputs: AccountInputs, after: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    """Cut what is known after ``after``; a state is stored at each cut.

    The cuts are the ends of months with enough signals between them, the last instant before the newest day, from
    which the next hours' late rows are walked, and the newest instant.
    """
    first, newest, months = inputs.extent()
    if first is None or newest is None:
        return
    # The closes from which the first decisions are measured are those of the month before.
    start = month_start(month_start(first - _INSTANT) - _INSTANT) if after is None else after
    cuts = {newest.replace(hour=0, minute=0, second=0, microsecond=0) - _INSTANT, newest}
    signals = 0
    for month, count in sorted(months.items()):
        end = next_month(month)
        signals += count if end > start else 0
        if signals >= _SIGNALS_A_STATE:
            cuts.add(end)
            signals = 0
    for cut in sorted(cuts):
        if start < cut <= newest:
            yield start, cut
            start = cut


def _fold(inputs: AccountInputs, done: AccountAdvance, start: datetime, end: datetime) -> None:
    """Walk over what became known between two instants; write what was decided, then the state."""
    import polars as pl

    signals = inputs.signals(start, end)
    stands = signals.filter(pl.col("stands") == 1)
    before = dict(zip(stands["signal_id"].to_list(), stands["size"].to_list(), strict=True))
    rows = done.engine.advance(
        inputs.closes(start, end),
        signals.drop("stands", "size", "decision"),
        inputs.outcomes(start, end),
        _milliseconds(end),
        before,
    )
    done.until = end
    done.walked += rows.height
    if not inputs.windows:
        return
    now = datetime.now(UTC)
    rows = _with_series(rows).with_columns(pl.lit(inputs.account.value).alias("account"))
    rows = rows.join(signals.select("signal_id", "entry", "stop"), on="signal_id", how="left", maintain_order="left")
    new = rows.filter(~pl.col("signal_id").is_in(list(before)))
    done.decisions += inputs.warehouse.insert(
        DECISIONS,
        new.with_columns(
            pl.lit(inputs.version).alias("version"), pl.lit(now).dt.cast_time_unit("ms").alias("decided_at")
        ),
    )
    done.reconsidered += inputs.warehouse.insert(RECONSIDERED, _others(rows, stands, now))
    state = AccountState(end, inputs.version, inputs.fingerprint(end), done.engine.snapshot())
    save_state(inputs.warehouse, inputs.account, state)


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

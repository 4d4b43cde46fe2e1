"""One account over many markets and timeframes: every signal decided in the order of time, under limits across markets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from engines import versions
from engines.bars import TS_DTYPE
from engines.errors import EngineError, StateMismatch
from engines.risk.board import Board, BoardArrays
from engines.risk.ledger import Decided, Entry, Ledger, LedgerArrays
from engines.risk.limits import Proposal
from engines.risk.policy import RiskPolicy, Sizing
from engines.risk.portfolio import NEVER, Portfolio
from engines.risk.rows import (
    ACCOUNT_DECISION_SCHEMA,
    FIRST_TARGET_FIRST,
    SERIES_SCHEMA,
    decision_columns,
    events,
    outcome_names,
)
from engines.risk.sizing import Knowledge
from engines.signals.rows import OUTCOME_SCHEMA, SIGNAL_SCHEMA, BadSignals, check_columns, floats, geometry_rules, times
from engines.state import AnyArray, check_parameters, pack, unpack
from engines.timeframe import Timeframe

ACCOUNT_SIGNAL_SCHEMA = pl.Schema({**SERIES_SCHEMA, **SIGNAL_SCHEMA})
ACCOUNT_OUTCOME_SCHEMA = pl.Schema({**SERIES_SCHEMA, **OUTCOME_SCHEMA})
CLOSE_SCHEMA = pl.Schema({"market": pl.String, "ts": TS_DTYPE, "close": pl.Float64})

_STEPS_AT_ONCE = 2_048
"""Steps of the grid whose closes are held side by side; years in one call need no more memory than this."""


class BadCloses(EngineError):
    """Closes that break a rule. Nothing was advanced."""


class AccountEngine:
    """Folds the signals, outcomes and closes of many series into the decisions of one account.

    Everything happens when it becomes known: at the close of its bar. Of what becomes known at the same instant the closes
    come first, then the outcomes (by market, timeframe, the oldest signal's first), then the signals: the highest score
    first; ties go by market, timeframe, strategy, id. So the rows depend neither on the order of rows in the frames nor on
    how time is cut into calls. The day of the daily loss is that of the bar's last millisecond.

    Volatility, correlations and clusters are measured on the closes of one grid (``returns_timeframe``) known at the
    decision; clusters anew every ``correlation_refresh`` steps of that grid, on its whole multiples.

    Parameters
    ----------
    policy : RiskPolicy or mapping, optional
        Rules of the account; a mapping names the rules that differ from `RiskPolicy.for_account`.

    Raises
    ------
    BadParameter
        If a rule does not exist or cannot have its value.
    """

    NAME: ClassVar[str] = "account"
    VERSION: ClassVar[int] = versions.RISK

    def __init__(self, *, policy: RiskPolicy | Mapping[str, Any] | None = None) -> None:
        self._policy = policy if isinstance(policy, RiskPolicy) else RiskPolicy.for_account(**(policy or {}))
        self._ledger = Ledger(self._policy)
        self._board = Board(self._policy)
        self._until = NEVER

    @property
    def policy(self) -> RiskPolicy:
        """Rules of the account."""
        return self._policy

    @property
    def portfolio(self) -> Portfolio:
        """The account as it stands; to be read only."""
        return self._ledger.portfolio

    @property
    def board(self) -> Board:
        """The closes the account knows; to be read only."""
        return self._board

    @property
    def until(self) -> int | None:
        """Instant (ms UTC) up to which everything known has been folded; None before the first call."""
        return None if self._until == NEVER else self._until

    def advance(
        self,
        closes: pl.DataFrame,
        signals: pl.DataFrame,
        outcomes: pl.DataFrame,
        until: int,
        standing: Mapping[str, float] | None = None,
    ) -> pl.DataFrame:
        """Decide every signal that became known since the last call; returns one row a signal, in order of decision.

        Parameters
        ----------
        closes : DataFrame
            ``market``, ``ts`` (open time of a bar of ``returns_timeframe``), ``close``; any order.
        signals, outcomes : DataFrame
            Columns of `SIGNAL_SCHEMA` and `OUTCOME_SCHEMA`, with ``market`` and ``timeframe``; any order.
        until : int
            Instant, ms UTC: all three hold everything that became known after the last call's ``until`` and up to this.
        standing : mapping of str to float, optional
            Sizes (base asset; 0 if rejected) of decisions that were made before and stand, by signal. The account holds
            what they say; their rows say what would be decided now.

        Returns
        -------
        DataFrame
            Columns of `ACCOUNT_DECISION_SCHEMA`.

        Raises
        ------
        BadSignals, BadCloses
            For the first row that breaks a rule. Nothing has moved.
        """
        if until < self._until:
            raise BadSignals(f"the account has come to {self._until} ms already; it cannot go back to {until}")
        closes = self._checked_closes(closes, until)
        signals = self._checked_signals(signals, until)
        outcomes = _with_known(outcomes, ACCOUNT_OUTCOME_SCHEMA, "outcomes")
        outcome_names(outcomes)
        self._require_between(outcomes, "outcomes", until)
        signals = signals.sort(
            [pl.col("known"), pl.col("score").neg(), *map(pl.col, ("market", "timeframe", "strategy", "signal_id"))]
        )
        order = ["known", "market", "timeframe", "signal_ts", "signal_id"]
        outcomes = outcomes.sort([*map(pl.col, order), FIRST_TARGET_FIRST])
        decided: list[Decided] = []
        for end in self._segments(closes, signals, outcomes, until):
            inside = (pl.col("known") > self._until) & (pl.col("known") <= end)
            inputs = (closes.filter(inside), signals.filter(inside), outcomes.filter(inside))
            decided += self._fold(*inputs, end, standing or {})
        head = signals.select(
            pl.col("known").cast(TS_DTYPE).alias("known_at"),
            *("market", "timeframe", "ts", "signal_id", "strategy", "direction"),
        )
        columns = decision_columns(decided, self._policy.sizing)
        return head.hstack(columns).select(ACCOUNT_DECISION_SCHEMA.names())

    def snapshot(self) -> bytes:
        """State, version and policy as bytes, to be given to `restore` in any process."""
        arrays: dict[str, AnyArray] = {"until": np.array([self._until], np.int64)}
        for prefix, state in (("ledger", self._ledger.as_arrays()), ("board", self._board.as_arrays())):
            arrays |= {f"{prefix}.{name}": array for name, array in state._asdict().items()}
        return pack(self.NAME, self.VERSION, {"policy": self._policy.as_dict()}, arrays)

    @classmethod
    def restore(cls, data: bytes, *, policy: RiskPolicy | None = None) -> Self:
        """Build the engine a snapshot was taken of; its next rows are those the original would have made.

        Raises
        ------
        StateMismatch
            If the bytes are damaged, or belong to another engine, version or policy.
        """
        found = unpack(data, cls.NAME, cls.VERSION)
        check_parameters(cls.NAME, found.parameters, {} if policy is None else {"policy": policy.as_dict()})
        try:
            engine = cls(policy=RiskPolicy.from_dict(found.parameters["policy"]))
            engine._until = int(found.arrays["until"][0])
            ledger = LedgerArrays(*(found.arrays[f"ledger.{name}"] for name in LedgerArrays._fields))
            board = BoardArrays(*(found.arrays[f"board.{name}"] for name in BoardArrays._fields))
        except (KeyError, TypeError, ValueError) as error:
            raise StateMismatch(f"snapshot of account is incomplete ({error}); recompute from the rows") from error
        engine._ledger = Ledger.from_arrays(engine._policy, ledger)
        engine._board = Board.from_arrays(engine._policy, board)
        return engine

    def _segments(
        self, closes: pl.DataFrame, signals: pl.DataFrame, outcomes: pl.DataFrame, until: int
    ) -> Iterator[int]:
        """Instants to fold up to, one after the other: the last is ``until``."""
        firsts = [int(frame["known"].to_numpy().min()) for frame in (closes, signals, outcomes) if not frame.is_empty()]
        board = self._board
        if firsts:
            board.begin(board.step(min(firsts)) - 1)
        if firsts or board.markets:
            # Cut on the grid, so that each piece ends with a column's closes.
            for step in range(board.edge + _STEPS_AT_ONCE, board.step(until), _STEPS_AT_ONCE):
                yield board.instant(step)
        yield until

    def _fold(
        self,
        closes: pl.DataFrame,
        signals: pl.DataFrame,
        outcomes: pl.DataFrame,
        until: int,
        standing: Mapping[str, float],
    ) -> list[Decided]:
        board, ledger = self._board, self._ledger
        rows: list[str] = closes["market"].to_list()
        steps = np.array([board.step(known) for known in closes["known"].to_list()], np.int64)
        board.extend(board.step(until), {*rows, *signals["market"]}, rows, steps, closes["close"].to_numpy())
        decided: list[Decided] = []
        settled = list(
            events(outcomes, (outcomes["known"] - 1).to_list(), [_LENGTHS[name] for name in outcomes["timeframe"]])
        )
        done = 0
        for entry in _entries(signals):
            while done < len(settled) and settled[done].ts <= entry.proposal.ts:
                ledger.settle(settled[done])
                done += 1
            decided.append(ledger.decide(entry, self._known(entry.proposal), standing.get(entry.key)))
        for event in settled[done:]:
            ledger.settle(event)
        board.trim()
        self._until = until
        return decided

    def _known(self, proposal: Proposal) -> Knowledge:
        known_at = proposal.ts + 1
        name, members = self._board.cluster(proposal.market, known_at)
        known = Knowledge(cluster=name, members=members)
        if self._policy.sizing is Sizing.VOLATILITY_TARGET:
            volatility, returns = self._board.volatility(proposal.market, known_at)
            known = known._replace(volatility=volatility, returns=returns)
        return known

    def _checked_closes(self, closes: pl.DataFrame, until: int) -> pl.DataFrame:
        for name, dtype in CLOSE_SCHEMA.items():
            if closes.schema.get(name) != dtype:
                raise BadCloses(f"bad closes: column {name!r} must be there and be {dtype}")
        board = self._board
        grid = Timeframe(self._policy.returns_timeframe)
        found = closes.select(*CLOSE_SCHEMA.names(), (pl.col("ts").to_physical() + board.step_ms).alias("known")).sort(
            "known", "market"
        )
        broken = (
            (pl.any_horizontal(pl.col("market", "ts", "close").is_null()), "a value is null"),
            (~(pl.col("close").is_finite() & (pl.col("close") > 0.0)), "close is not a finite number above 0"),
            ((pl.col("known") - grid.offset_ms) % grid.milliseconds != 0, f"ts is off the grid of {grid}"),
            (
                (pl.col("known") <= self._until) | (pl.col("known") > until),
                f"not known after the last call and by {until}",
            ),
            (pl.struct("market", "known").is_duplicated(), "there are two of its kind"),
        )
        for rule, words in broken:
            bad = found.filter(rule)
            if not bad.is_empty():
                raise BadCloses(f"bad closes: {bad['market'][0]} {bad['ts'][0]}: {words}")
        return found

    def _checked_signals(self, signals: pl.DataFrame, until: int) -> pl.DataFrame:
        found = _with_known(signals, ACCOUNT_SIGNAL_SCHEMA, "signals")
        prices = [floats(found[name]) for name in ("entry", "stop", "target_1", "target_2")]
        for bad, rule in geometry_rules(found["direction"].to_numpy(), *prices):
            if bad.any():
                raise BadSignals(rule, int(bad.argmax()))
        self._require_between(found, "signals", until)
        seen = set(self.portfolio.positions)
        for row, key in enumerate(found["signal_id"].to_list()):
            if key in seen:
                raise BadSignals(f"signal_id {key!r} has been given before", row)
            seen.add(key)
        return found

    def _require_between(self, frame: pl.DataFrame, what: str, until: int) -> None:
        known = frame["known"].to_numpy()
        bad = (known <= self._until) | (known > until)
        if bad.any():
            row = int(bad.argmax())
            raise BadSignals(
                f"{what} of this call become known after {self._until} and up to {until} ms; this at {known[row]}", row
            )


_LENGTHS: Mapping[str, int] = {timeframe.value: timeframe.milliseconds for timeframe in Timeframe}


def _with_known(frame: pl.DataFrame, schema: pl.Schema, what: str) -> pl.DataFrame:
    """Rows with ``known``: the instant (ms) their bar closes."""
    check_columns(frame, schema, what)
    names: Sequence[str] = frame["timeframe"].to_list()
    for row, name in enumerate(names):
        if name not in _LENGTHS:
            raise BadSignals(f"timeframe is {name!r}; known are {', '.join(_LENGTHS)}", row)
    known = times(frame["ts"]) + np.array([_LENGTHS[name] for name in names], np.int64)
    return frame.with_columns(pl.Series("known", known, pl.Int64))


def _entries(signals: pl.DataFrame) -> Iterator[Entry]:
    columns = ("signal_id", "market", "strategy", "known", "direction", "entry", "stop", "risk_reward")
    rows = zip(*(signals[name].to_list() for name in columns), signals["target_2"].is_not_null().to_list(), strict=True)
    for key, market, strategy, known, direction, entry, stop, reward, two_targets in rows:
        # Its bar's last millisecond is the instant a decision counts for: its day is the bar's.
        yield Entry(key, Proposal(known - 1, direction, entry, stop, reward, market, strategy), two_targets)

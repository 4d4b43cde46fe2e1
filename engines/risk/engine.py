"""Decides every signal of a market and timeframe on a paper account of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

import numpy as np
import polars as pl

from engines import versions
from engines.bars import TS_DTYPE, BarArrays, FloatArray, TimeArray
from engines.engine import Engine
from engines.errors import StateMismatch
from engines.risk.decision import Decision, Proposal, Rule, Verdict, decide
from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import Portfolio, Position
from engines.signals.rows import (
    OUTCOME_SCHEMA,
    OUTCOMES,
    BadSignals,
    Outcome,
    OutcomeRows,
    SideArray,
    SignalArrays,
    check_columns,
    require_bars,
    signal_arrays,
    times,
)
from engines.state import AnyArray
from engines.timeframe import Timeframe

DECISION_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "signal_id": pl.String,
        "strategy": pl.String,
        "direction": pl.Int8,
        "decision": pl.String,
        "rule": pl.String,
        "rule_value": pl.Float64,
        "rule_limit": pl.Float64,
        "size": pl.Float64,
        "notional": pl.Float64,
        "risk_amount": pl.Float64,
        "risk_fraction": pl.Float64,
        "equity": pl.Float64,
        "open_positions": pl.UInt32,
    }
)

VERDICTS = tuple(Verdict)
"""Verdict by its code in `DecisionRows`."""
RULES = tuple(Rule)
"""Rule by its code in `DecisionRows`."""


class DecisionRows(NamedTuple):
    """Decisions as arrays, one entry a signal: ``verdict`` indexes `VERDICTS`, ``rule`` indexes `RULES` (-1: none)."""

    verdict: SideArray
    rule: SideArray
    rule_value: FloatArray
    rule_limit: FloatArray
    size: FloatArray
    notional: FloatArray
    risk_amount: FloatArray
    risk_fraction: FloatArray
    equity: FloatArray
    open_positions: TimeArray


class AccountArrays(NamedTuple):
    """A `Portfolio` as arrays: (equity, peak, day's start), (halt, day, losses, cooldown, signals seen), positions, ids."""

    money: FloatArray
    marks: TimeArray
    positions: FloatArray
    ids: AnyArray


class _Decided(NamedTuple):
    decision: Decision
    equity: float
    open_positions: int


class _Event(NamedTuple):
    """An outcome, as far as an account cares."""

    ts: int
    key: str
    outcome: Outcome
    price: float


class _Entry(NamedTuple):
    """A signal, as far as an account cares."""

    key: str
    proposal: Proposal
    two_targets: bool


class RiskEngine(Engine[AccountArrays]):
    """Folds signals and their outcomes, in the order in which they become known, into decisions.

    At the close of a bar first the outcomes of that bar are settled, those of the oldest signal first, then the signals of
    that bar are decided, the highest score first; ties go by strategy, then id. The order in which rows of one bar stand in
    the frames does not matter. Outcomes of signals that were rejected are passed over. A position leaves half at ``target_1`` and
    the rest at its final outcome; without a second target it leaves whole. One engine holds one account: a market on a
    timeframe.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        ``exchange:SYMBOL``; part of the state's identity only.
    policy : RiskPolicy or mapping
        Rules of the account; a mapping names the rules that differ from the defaults.

    Raises
    ------
    BadParameter
        If a rule does not exist or cannot have its value.
    """

    NAME = "risk"
    VERSION = versions.RISK
    GROWING = frozenset({"positions", "ids"})

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        market: str = "",
        policy: RiskPolicy | Mapping[str, Any] | None = None,
    ) -> None:
        self._policy = policy if isinstance(policy, RiskPolicy) else RiskPolicy.from_dict(policy or {})
        self._portfolio = Portfolio.start(self._policy)
        self._signals_seen = 0
        super().__init__(timeframe, {"market": market, "policy": self._policy.as_dict()}, self._as_arrays())

    @property
    def policy(self) -> RiskPolicy:
        """Rules of the account."""
        return self._policy

    @property
    def portfolio(self) -> Portfolio:
        """The account as it stands; to be read only."""
        return self._portfolio

    def advance(self, bars: pl.DataFrame, signals: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
        """Decide the signals of these bars; returns one row a signal, in the order they were decided in.

        Parameters
        ----------
        bars : DataFrame
            Closed bars: the clock of the account.
        signals : DataFrame
            Signals decided at the closes of these bars.
        outcomes : DataFrame
            Outcomes of these bars, of signals of this call or of earlier ones.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        arrays = self.accept(bars)
        wanted = signal_arrays(signals)
        require_bars(wanted.ts, arrays.ts, "signals")
        self._require_new(signals["signal_id"].to_list())
        order = [pl.col("ts"), pl.col("score").neg(), pl.col("strategy"), pl.col("signal_id")]
        signals = signals.sort(order)
        wanted = signal_arrays(signals)
        keys: list[str] = signals["signal_id"].to_list()
        events = _events(outcomes, arrays.ts)
        decided = self._fold(
            [
                _Entry(key, proposal, two)
                for key, (proposal, two) in zip(keys, _proposals(wanted, signals["risk_reward"].to_list()), strict=True)
            ],
            events,
        )
        self.mark(arrays.ts)
        return _frame(signals, decided)

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        signals: SignalArrays,
        risk_reward: FloatArray,
        outcomes: OutcomeRows,
        rows: DecisionRows,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (at least as long as ``signals``) and returns how many were written.

        Signals are known by their handles, as in `OutcomeEngine.advance_arrays`: the n-th signal ever given has handle n.
        Both are taken in the order given, which must be that of the class's description for the same rows as `advance`.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        bars: BarArrays = self.accept_arrays(ts, open_, high, low, close, volume)
        require_bars(signals.ts, bars.ts, "signals")
        require_bars(outcomes.ts, bars.ts, "outcomes")
        first = self._signals_seen
        entries = [
            _Entry(str(handle), proposal, two)
            for handle, (proposal, two) in enumerate(_proposals(signals, risk_reward.tolist()), first)
        ]
        events = [
            _Event(time, str(handle), OUTCOMES[code], price)
            for time, handle, code, price in zip(
                outcomes.ts.tolist(),
                outcomes.handle.tolist(),
                outcomes.outcome.tolist(),
                outcomes.price.tolist(),
                strict=True,
            )
        ]
        for i, (decision, equity, open_positions) in enumerate(self._fold(entries, events)):
            rows.verdict[i] = VERDICTS.index(decision.verdict)
            rows.rule[i] = -1 if decision.rule is None else RULES.index(decision.rule)
            rows.rule_value[i] = np.nan if decision.rule_value is None else decision.rule_value
            rows.rule_limit[i] = np.nan if decision.rule_limit is None else decision.rule_limit
            rows.size[i] = decision.size
            rows.notional[i] = decision.notional
            rows.risk_amount[i] = decision.risk_amount
            rows.risk_fraction[i] = decision.risk_fraction
            rows.equity[i] = equity
            rows.open_positions[i] = open_positions
        self.mark(bars.ts)
        return len(entries)

    @classmethod
    def restore(cls, data: bytes, **expected: Any) -> Self:
        """Build the engine a snapshot was taken of; ``policy`` may be given as a `RiskPolicy`."""
        policy = expected.get("policy")
        if isinstance(policy, RiskPolicy):
            expected["policy"] = policy.as_dict()
        return super().restore(data, **expected)

    def state_arrays(self) -> dict[str, AnyArray]:
        """The account as arrays."""
        self._state = self._as_arrays()
        return super().state_arrays()

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the account by what `state_arrays` once returned."""
        super().load_arrays(arrays)
        money, marks, positions, ids = self._state
        keys: list[str] = json.loads(ids.tobytes())
        if len(keys) != positions.shape[0]:
            raise StateMismatch("snapshot of risk is incomplete; recompute from the bars")
        self._portfolio = Portfolio(
            *money[:2].tolist(),
            halted_until=int(marks[0]),
            day=int(marks[1]),
            day_start_equity=float(money[2]),
            consecutive_losses=int(marks[2]),
            cooldown_until=int(marks[3]),
            positions={
                key: Position(int(direction), entry, size, remaining, bool(two_targets), realized)
                for key, (direction, entry, size, remaining, two_targets, realized) in zip(
                    keys, positions.tolist(), strict=True
                )
            },
        )
        self._signals_seen = int(marks[4])

    def _as_arrays(self) -> AccountArrays:
        account = self._portfolio
        positions = [
            (p.direction, p.entry, p.size, p.remaining, p.two_targets, p.realized) for p in account.positions.values()
        ]
        return AccountArrays(
            np.array([account.equity, account.peak, account.day_start_equity]),
            np.array(
                [
                    account.halted_until,
                    account.day,
                    account.consecutive_losses,
                    account.cooldown_until,
                    self._signals_seen,
                ],
                np.int64,
            ),
            np.array(positions, np.float64).reshape(len(positions), 6),
            np.frombuffer(json.dumps(list(account.positions), separators=(",", ":")).encode(), np.uint8),
        )

    def _require_new(self, keys: Sequence[str]) -> None:
        seen = set(self._portfolio.positions)
        for row, key in enumerate(keys):
            if key in seen:
                raise BadSignals(f"signal_id {key!r} has been given before", row)
            seen.add(key)

    def _fold(self, entries: Sequence[_Entry], events: Sequence[_Event]) -> list[_Decided]:
        account, policy = self._portfolio, self._policy
        decided: list[_Decided] = []
        settled = 0
        for key, proposal, two_targets in entries:
            while settled < len(events) and events[settled].ts <= proposal.ts:
                self._settle(events[settled])
                settled += 1
            account.roll(proposal.ts)
            decision = decide(proposal, policy, account)
            decided.append(_Decided(decision, account.equity, len(account.positions)))
            if decision.verdict is not Verdict.REJECTED:
                position = Position(proposal.direction, proposal.entry, decision.size, decision.size, two_targets)
                account.enter(key, position, policy)
        for event in events[settled:]:
            self._settle(event)
        self._signals_seen += len(entries)
        return decided

    def _settle(self, event: _Event) -> None:
        account = self._portfolio
        account.roll(event.ts)
        if event.key in account.positions:
            account.leave(
                event.key,
                event.price,
                event.ts,
                self._policy,
                self.timeframe.milliseconds,
                first_target=event.outcome is Outcome.TARGET_1,
            )


def _proposals(signals: SignalArrays, risk_reward: Sequence[float]) -> Iterator[tuple[Proposal, bool]]:
    columns = zip(
        signals.ts.tolist(),
        signals.direction.tolist(),
        signals.entry.tolist(),
        signals.stop.tolist(),
        risk_reward,
        (~np.isnan(signals.target_2)).tolist(),
        strict=True,
    )
    for ts, direction, entry, stop, reward, two_targets in columns:
        yield Proposal(ts, direction, entry, stop, reward), two_targets


def _events(outcomes: pl.DataFrame, bars_ts: TimeArray) -> list[_Event]:
    check_columns(outcomes, OUTCOME_SCHEMA, "outcomes")
    require_bars(times(outcomes["ts"]), bars_ts, "outcomes")
    known = {str(outcome): outcome for outcome in Outcome}
    for row, name in enumerate(cast("list[str]", outcomes["outcome"].to_list())):
        if name not in known:
            raise BadSignals(f"outcome is {name!r}; it must be one of {', '.join(known)}", row)
    first_target = pl.col("outcome") == Outcome.TARGET_1.value
    ordered = outcomes.sort([pl.col("ts"), pl.col("signal_ts"), pl.col("signal_id"), ~first_target])
    names = cast("list[str]", ordered["outcome"].to_list())
    return [
        _Event(time, key, known[name], price)
        for time, key, name, price in zip(
            times(ordered["ts"]).tolist(),
            ordered["signal_id"].to_list(),
            names,
            ordered["price"].to_list(),
            strict=True,
        )
    ]


def _frame(signals: pl.DataFrame, decided: Sequence[_Decided]) -> pl.DataFrame:
    decisions = [row.decision for row in decided]
    columns = [
        pl.Series("decision", [str(d.verdict) for d in decisions], pl.String),
        pl.Series("rule", [None if d.rule is None else str(d.rule) for d in decisions], pl.String),
        *(
            pl.Series(name, [getattr(d, name) for d in decisions], pl.Float64)
            for name in ("rule_value", "rule_limit", "size", "notional", "risk_amount", "risk_fraction")
        ),
        pl.Series("equity", [row.equity for row in decided], pl.Float64),
        pl.Series("open_positions", [row.open_positions for row in decided], pl.UInt32),
    ]
    return signals.select("ts", "signal_id", "strategy", "direction").hstack(columns).select(DECISION_SCHEMA.names())

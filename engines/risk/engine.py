"""Decides every signal of a market and timeframe on a paper account of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from engines import versions
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.engine import Engine
from engines.risk.correlation import annual_volatility, log_returns
from engines.risk.ledger import Decided, Entry, Event, Ledger, LedgerArrays
from engines.risk.limits import Proposal
from engines.risk.policy import RiskPolicy, Sizing
from engines.risk.portfolio import Portfolio
from engines.risk.rows import DECISION_SCHEMA, FIRST_TARGET_FIRST, DecisionRows, decision_columns, events
from engines.risk.sizing import Knowledge
from engines.signals.rows import (
    OUTCOME_SCHEMA,
    OUTCOMES,
    BadSignals,
    OutcomeRows,
    SignalArrays,
    check_columns,
    require_bars,
    signal_arrays,
    times,
)
from engines.state import AnyArray
from engines.timeframe import Timeframe


class SleeveState(NamedTuple):
    """The account, and the newest closes (with the open times of their bars) that volatility is measured on."""

    ledger: LedgerArrays
    close_ts: TimeArray
    closes: FloatArray


class RiskEngine(Engine[SleeveState]):
    """Folds signals and their outcomes, in the order in which they become known, into decisions.

    At the close of a bar first the outcomes of that bar are settled, those of the oldest signal first, then the signals of
    that bar are decided, the highest score first; ties go by strategy, then id. The order in which rows of one bar stand in
    the frames does not matter. Outcomes of signals that were rejected change no money. A position leaves half at
    ``target_1`` and the rest at its final outcome; without a second target it leaves whole. One engine holds one account: a
    market on a timeframe. With volatility-target sizing the returns are those of these bars, whatever
    ``returns_timeframe`` says.

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
    GROWING = frozenset({"ledger.positions", "ledger.waiting", "ledger.records", "ledger.names", "close_ts", "closes"})

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        market: str = "",
        policy: RiskPolicy | Mapping[str, Any] | None = None,
    ) -> None:
        self._policy = policy if isinstance(policy, RiskPolicy) else RiskPolicy.from_dict(policy or {})
        self._market = market
        self._ledger = Ledger(self._policy)
        self._close_ts = np.empty(0, np.int64)
        self._closes = np.empty(0)
        super().__init__(timeframe, {"market": market, "policy": self._policy.as_dict()}, self._as_arrays())

    @property
    def policy(self) -> RiskPolicy:
        """Rules of the account."""
        return self._policy

    @property
    def portfolio(self) -> Portfolio:
        """The account as it stands; to be read only."""
        return self._ledger.portfolio

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
        settled = self._events(outcomes, arrays.ts)
        entries = self._entries(
            wanted, signals["risk_reward"].to_list(), signals["signal_id"].to_list(), signals["strategy"].to_list()
        )
        decided = self._fold(list(entries), settled, arrays)
        head = signals.select("ts", "signal_id", "strategy", "direction")
        return head.hstack(decision_columns(decided, self._policy.sizing)).select(DECISION_SCHEMA.names())

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
        strategies: Sequence[str] | None = None,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (at least as long as ``signals``) and returns how many were written.

        Signals are known by their handles, as in `OutcomeEngine.advance_arrays`: the n-th signal ever given has handle n.
        Both are taken in the order given, which must be that of the class's description for the same rows as `advance`.
        ``strategies`` names each signal's strategy, for Kelly sizing; without it all are taken for one.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        bars: BarArrays = self.accept_arrays(ts, open_, high, low, close, volume)
        require_bars(signals.ts, bars.ts, "signals")
        require_bars(outcomes.ts, bars.ts, "outcomes")
        count = signals.ts.shape[0]
        first = self._ledger.signals_seen
        keys = [str(handle) for handle in range(first, first + count)]
        entries = list(self._entries(signals, risk_reward.tolist(), keys, strategies or [""] * count))
        settled = [
            Event(time, str(handle), OUTCOMES[code], price, r_multiple, self.timeframe.milliseconds)
            for time, handle, code, price, r_multiple in zip(
                outcomes.ts.tolist(),
                outcomes.handle.tolist(),
                outcomes.outcome.tolist(),
                outcomes.price.tolist(),
                outcomes.r_multiple.tolist(),
                strict=True,
            )
        ]
        for place, decided in enumerate(self._fold(entries, settled, bars)):
            rows.fill(place, decided)
        return count

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
        ledger, self._close_ts, self._closes = self._state
        self._ledger = Ledger.from_arrays(self._policy, ledger)

    def _as_arrays(self) -> SleeveState:
        return SleeveState(self._ledger.as_arrays(), self._close_ts, self._closes)

    def _require_new(self, keys: Sequence[str]) -> None:
        seen = set(self.portfolio.positions)
        for row, key in enumerate(keys):
            if key in seen:
                raise BadSignals(f"signal_id {key!r} has been given before", row)
            seen.add(key)

    def _entries(
        self,
        signals: SignalArrays,
        risk_reward: Sequence[float],
        keys: Sequence[str],
        strategies: Sequence[str],
    ) -> Iterator[Entry]:
        columns = zip(
            keys,
            strategies,
            signals.ts.tolist(),
            signals.direction.tolist(),
            signals.entry.tolist(),
            signals.stop.tolist(),
            risk_reward,
            (~np.isnan(signals.target_2)).tolist(),
            strict=True,
        )
        for key, strategy, ts, direction, entry, stop, reward, two_targets in columns:
            yield Entry(key, Proposal(ts, direction, entry, stop, reward, self._market, strategy), two_targets)

    def _events(self, outcomes: pl.DataFrame, bars_ts: TimeArray) -> list[Event]:
        check_columns(outcomes, OUTCOME_SCHEMA, "outcomes")
        require_bars(times(outcomes["ts"]), bars_ts, "outcomes")
        ordered = outcomes.sort([pl.col("ts"), pl.col("signal_ts"), pl.col("signal_id"), FIRST_TARGET_FIRST])
        lengths = [self.timeframe.milliseconds] * ordered.height
        return list(events(ordered, times(ordered["ts"]).tolist(), lengths))

    def _fold(self, entries: Sequence[Entry], settled: Sequence[Event], bars: BarArrays) -> list[Decided]:
        ledger = self._ledger
        measured = self._policy.sizing is Sizing.VOLATILITY_TARGET
        if measured:
            self._close_ts = np.concatenate((self._close_ts, bars.ts))
            self._closes = np.concatenate((self._closes, bars.close))
        decided: list[Decided] = []
        done = 0
        for entry in entries:
            while done < len(settled) and settled[done].ts <= entry.proposal.ts:
                ledger.settle(settled[done])
                done += 1
            decided.append(ledger.decide(entry, self._known(entry.proposal.ts) if measured else Knowledge()))
        for event in settled[done:]:
            ledger.settle(event)
        if measured:
            keep = self._policy.returns_window + 1
            self._close_ts, self._closes = self._close_ts[-keep:].copy(), self._closes[-keep:].copy()
        self.mark(bars.ts)
        return decided

    def _known(self, ts: int) -> Knowledge:
        """Volatility of the market's returns up to the bar that opens at ``ts``; a gap has no return across it."""
        step = self.timeframe.milliseconds
        steps = self._policy.returns_window
        end = int(np.searchsorted(self._close_ts, ts, side="right"))
        first = int(np.searchsorted(self._close_ts, ts - steps * step))
        grid = np.full((1, steps + 1), np.nan)
        grid[0, (self._close_ts[first:end] - (ts - steps * step)) // step] = self._closes[first:end]
        returns = log_returns(grid)[0]
        volatility = annual_volatility(returns, step, self._policy.min_returns)
        return Knowledge(volatility, int((~np.isnan(returns)).sum()))

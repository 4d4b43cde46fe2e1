"""The book of an account: settles outcomes, decides signals, and turns into arrays and back."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.errors import StateMismatch
from engines.risk.decision import Decision, decide
from engines.risk.limits import Proposal
from engines.risk.policy import RiskPolicy, Sizing
from engines.risk.portfolio import Portfolio, Position
from engines.risk.sizing import Knowledge
from engines.risk.track_record import OpenResult, StrategyRecord, TrackRecord
from engines.signals.rows import Outcome
from engines.state import AnyArray


class Entry(NamedTuple):
    """A signal, as far as an account cares."""

    key: str
    proposal: Proposal
    two_targets: bool


class Event(NamedTuple):
    """An outcome, as far as an account cares. ``ts`` is an instant of its bar, ``bar_ms`` that bar's length."""

    ts: int
    key: str
    outcome: Outcome
    price: float
    r_multiple: float
    bar_ms: int


class Decided(NamedTuple):
    """A decision and the account it was made on, as it stood before it; exposures and risk as fractions of equity."""

    decision: Decision
    equity: float
    open_positions: int
    gross_exposure: float
    net_exposure: float
    open_risk: float
    cluster: str
    cluster_exposure: float


class LedgerArrays(NamedTuple):
    """A `Ledger` as arrays.

    ``money`` is equity, peak and the day's start; ``marks`` the halt, day, losses in a row, pause and signals seen;
    ``positions``, ``waiting`` and ``records`` have one row each; ``names`` is their text, as JSON.
    """

    money: FloatArray
    marks: TimeArray
    positions: FloatArray
    waiting: FloatArray
    records: FloatArray
    names: AnyArray


class Ledger:
    """An account's portfolio and the track record of the strategies it trades, moved one event at a time."""

    def __init__(self, policy: RiskPolicy) -> None:
        self.policy = policy
        self.portfolio = Portfolio.start(policy)
        self.record = TrackRecord()
        self.signals_seen = 0

    def settle(self, event: Event) -> None:
        """Take profit or loss of an outcome; of a signal that was rejected, only its record."""
        account = self.portfolio
        account.roll(event.ts)
        first_target = event.outcome is Outcome.TARGET_1
        if event.key in account.positions:
            account.leave(event.key, event.price, event.ts, self.policy, event.bar_ms, first_target=first_target)
        self.record.settle(event.key, event.r_multiple, event.price, self.policy.fee_rate, first_target=first_target)

    def decide(self, entry: Entry, known: Knowledge, standing: float | None = None) -> Decided:
        """Decide a signal and, unless it is rejected, open its position.

        Parameters
        ----------
        entry : Entry
        known : Knowledge
        standing : float, optional
            Size (base asset, 0 if rejected) of a decision that was made before and stands: that position is opened,
            whatever would be decided now, which is what is returned.
        """
        account, policy = self.portfolio, self.policy
        key, proposal, two_targets = entry
        account.roll(proposal.ts)
        if policy.sizing is Sizing.KELLY:
            known = known._replace(record=self.record.of(proposal.strategy))
        decision = decide(proposal, policy, account, known)
        whole = account.equity if account.equity > 0.0 else math.inf
        decided = Decided(
            decision,
            account.equity,
            len(account.positions),
            account.gross_notional / whole,
            account.net_notional / whole,
            account.open_risk / whole,
            known.cluster or proposal.market,
            account.exposure(known.members or (proposal.market,)) / whole,
        )
        size = decision.size if standing is None else standing
        if size > 0.0:
            position = Position(
                proposal.direction,
                proposal.entry,
                proposal.stop,
                size,
                size,
                two_targets,
                proposal.market,
            )
            account.enter(key, position, policy)
        if policy.sizing is Sizing.KELLY:
            waiting = OpenResult(proposal.strategy, proposal.entry, proposal.distance, two_targets)
            self.record.begin(key, waiting)
        self.signals_seen += 1
        return decided

    def as_arrays(self) -> LedgerArrays:
        """State as arrays; copies."""
        account, record = self.portfolio, self.record
        positions = [
            (p.direction, p.entry, p.stop, p.size, p.remaining, p.two_targets, p.realized)
            for p in account.positions.values()
        ]
        waiting = [(w.entry, w.distance, w.two_targets, w.halved, w.result) for w in record.waiting.values()]
        records = [(r.wins, r.losses, r.won, r.lost) for r in record.strategies.values()]
        names = {
            "positions": [[key, p.market] for key, p in account.positions.items()],
            "waiting": [[key, w.strategy] for key, w in record.waiting.items()],
            "records": list(record.strategies),
        }
        return LedgerArrays(
            np.array([account.equity, account.peak, account.day_start_equity]),
            np.array(
                [
                    account.halted_until,
                    account.day,
                    account.consecutive_losses,
                    account.cooldown_until,
                    self.signals_seen,
                ],
                np.int64,
            ),
            np.array(positions, np.float64).reshape(len(positions), 7),
            np.array(waiting, np.float64).reshape(len(waiting), 5),
            np.array(records, np.float64).reshape(len(records), 4),
            np.frombuffer(json.dumps(names, separators=(",", ":")).encode(), np.uint8),
        )

    @classmethod
    def from_arrays(cls, policy: RiskPolicy, arrays: LedgerArrays) -> Ledger:
        """Build the ledger `as_arrays` was taken of.

        Raises
        ------
        StateMismatch
            If the arrays do not fit each other.
        """
        money, marks = arrays.money, arrays.marks
        names: dict[str, list[Any]] = json.loads(arrays.names.tobytes())
        rows = (arrays.positions, arrays.waiting, arrays.records)
        if [len(names[name]) for name in ("positions", "waiting", "records")] != [len(row) for row in rows]:
            raise StateMismatch("snapshot of risk is incomplete; recompute from the bars")
        ledger = cls(policy)
        ledger.portfolio = Portfolio(
            *money[:2].tolist(),
            halted_until=int(marks[0]),
            day=int(marks[1]),
            day_start_equity=float(money[2]),
            consecutive_losses=int(marks[2]),
            cooldown_until=int(marks[3]),
            positions={
                key: Position(int(direction), entry, stop, size, remaining, bool(two), market, realized)
                for (key, market), (direction, entry, stop, size, remaining, two, realized) in zip(
                    names["positions"], arrays.positions.tolist(), strict=True
                )
            },
        )
        ledger.record = TrackRecord(
            {
                strategy: StrategyRecord(int(wins), int(losses), won, lost)
                for strategy, (wins, losses, won, lost) in zip(names["records"], arrays.records.tolist(), strict=True)
            },
            {
                key: OpenResult(strategy, entry, distance, bool(two), bool(halved), result)
                for (key, strategy), (entry, distance, two, halved, result) in zip(
                    names["waiting"], arrays.waiting.tolist(), strict=True
                )
            },
        )
        ledger.signals_seen = int(marks[4])
        return ledger

"""What a strategy's own signals came to, as far as it is known: what Kelly sizing bets on."""

from __future__ import annotations

from dataclasses import dataclass, field

from engines.risk.portfolio import FIRST_TARGET_FRACTION


@dataclass(slots=True)
class StrategyRecord:
    """Results of a strategy's ended signals, in units of the initial risk (R), after fees.

    ``won`` and ``lost`` are sums of the results above and at or below 0; ``lost`` is not negative.
    """

    wins: int = 0
    losses: int = 0
    won: float = 0.0
    lost: float = 0.0

    @property
    def trades(self) -> int:
        """Number of results."""
        return self.wins + self.losses

    def add(self, result: float) -> None:
        """Count one result."""
        if result > 0.0:
            self.wins += 1
            self.won += result
        else:
            self.losses += 1
            self.lost -= result


@dataclass(slots=True)
class OpenResult:
    """A signal whose end is not known: what of it counts, whether it was taken or not."""

    strategy: str
    entry: float
    distance: float
    two_targets: bool
    halved: bool = False
    result: float = 0.0


@dataclass(slots=True)
class TrackRecord:
    """Records by strategy, and the signals they wait for. Signals that were rejected count as well as those taken.

    A signal's result is that of the position the paper account would have held: half leaves at ``target_1`` where there is
    a second target.
    """

    strategies: dict[str, StrategyRecord] = field(default_factory=dict[str, StrategyRecord])
    waiting: dict[str, OpenResult] = field(default_factory=dict[str, OpenResult])

    def of(self, strategy: str) -> StrategyRecord:
        """Record of a strategy; an empty one if nothing of it has ended."""
        return self.strategies.get(strategy) or StrategyRecord()

    def begin(self, signal_id: str, signal: OpenResult) -> None:
        """Wait for a signal's outcomes."""
        self.waiting[signal_id] = signal

    def settle(self, signal_id: str, r_multiple: float, price: float, fee_rate: float, *, first_target: bool) -> None:
        """Count an outcome; of a signal that is not waited for, nothing."""
        signal = self.waiting.get(signal_id)
        if signal is None:
            return
        partial = first_target and signal.two_targets
        part = FIRST_TARGET_FRACTION if partial else 1.0 - FIRST_TARGET_FRACTION if signal.halved else 1.0
        signal.result += part * (r_multiple - fee_rate * (signal.entry + price) / signal.distance)
        if partial:
            signal.halved = True
            return
        del self.waiting[signal_id]
        self.strategies.setdefault(signal.strategy, StrategyRecord()).add(signal.result)

"""A paper account: its equity, its open positions, and the counters its limits are held against."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engines.risk.policy import RiskPolicy

DAY_MS = 86_400_000
NEVER = -(2**63)
"""Time before every bar, ms."""
FOREVER = 2**63 - 1
"""Time after every bar, ms."""
FIRST_TARGET_FRACTION = 0.5
"""Part of a position that leaves at the first target when there is a second."""


@dataclass(slots=True)
class Position:
    """An accepted signal that has not ended.

    ``size`` is what was entered, ``remaining`` what is still open, both in the base asset; ``realized`` is its profit so
    far after fees, quote currency.
    """

    direction: int
    entry: float
    stop: float
    size: float
    remaining: float
    two_targets: bool
    market: str = ""
    realized: float = 0.0

    @property
    def notional(self) -> float:
        """Value at entry of what is open, quote currency."""
        return self.remaining * self.entry

    @property
    def risk(self) -> float:
        """Loss of what is open if the stop is hit, quote currency."""
        return self.remaining * abs(self.entry - self.stop)


@dataclass(slots=True)
class Portfolio:
    """State of an account. Its clock is that of its bars: any instant within the bar at whose close something is known.

    Equity is realized: open positions count when they leave. What they can still lose is bounded by their stops (and gaps
    beyond them).

    Attributes
    ----------
    equity, peak : float
        Equity now, and its highest since the start or since the last drawdown halt ended.
    halted_until : int
        Time (ms) a drawdown halt ends at; `NEVER` when there is none, `FOREVER` when it does not end.
    day : int
        UTC day the daily loss counts for, days since the epoch.
    day_start_equity : float
        Equity before that day's first event.
    consecutive_losses : int
        Losing positions in a row, since the last winner or the last pause.
    cooldown_until : int
        Last instant (ms) of the pause after losses; `NEVER` when there has been none.
    positions : dict of str to Position
        By signal id, oldest first.
    """

    equity: float
    peak: float
    halted_until: int = NEVER
    day: int = NEVER
    day_start_equity: float = 0.0
    consecutive_losses: int = 0
    cooldown_until: int = NEVER
    positions: dict[str, Position] = field(default_factory=dict[str, Position])

    @classmethod
    def start(cls, policy: RiskPolicy) -> Portfolio:
        """Account before its first signal."""
        return cls(equity=policy.starting_equity, peak=policy.starting_equity, day_start_equity=policy.starting_equity)

    @property
    def halted(self) -> bool:
        """Whether a drawdown halt is on."""
        return self.halted_until != NEVER

    @property
    def drawdown(self) -> float:
        """Fall of equity from its peak, as a fraction of the peak."""
        return (self.peak - self.equity) / self.peak

    @property
    def daily_loss(self) -> float:
        """Loss since the day's start as a fraction of the equity then; negative for a gain.

        0 for a day that began with nothing: there is no fraction of it.
        """
        start = self.day_start_equity
        return (start - self.equity) / start if start > 0.0 else 0.0

    @property
    def gross_notional(self) -> float:
        """Value at entry of what is open, long and short added up."""
        return sum((p.notional for p in self.positions.values()), 0.0)

    @property
    def net_notional(self) -> float:
        """Value at entry of what is open, long less short."""
        return sum((p.direction * p.notional for p in self.positions.values()), 0.0)

    @property
    def open_risk(self) -> float:
        """Loss if every open position's stop is hit, quote currency."""
        return sum((p.risk for p in self.positions.values()), 0.0)

    def exposure(self, markets: Collection[str]) -> float:
        """Value at entry of what is open in some markets, long and short added up."""
        return sum((p.notional for p in self.positions.values() if p.market in markets), 0.0)

    def roll(self, ts: int) -> None:
        """Bring the account to the instant ``ts``: a new day begins, a drawdown halt ends."""
        day = ts // DAY_MS
        if day != self.day:
            self.day = day
            self.day_start_equity = self.equity
        if self.halted and ts >= self.halted_until:
            self.halted_until = NEVER
            # An account that lost everything keeps its peak: a fall cannot be measured from nothing.
            self.peak = self.equity if self.equity > 0.0 else self.peak

    def enter(self, signal_id: str, position: Position, policy: RiskPolicy) -> None:
        """Open a position and pay its fee."""
        fee = position.size * position.entry * policy.fee_rate
        position.realized -= fee
        self.equity -= fee
        self.positions[signal_id] = position

    def leave(
        self, signal_id: str, price: float, ts: int, policy: RiskPolicy, bar_ms: int, *, first_target: bool
    ) -> None:
        """Take profit or loss of an outcome.

        Parameters
        ----------
        signal_id : str
            An open position's.
        price : float
            Price of the outcome.
        ts : int
            Instant of the bar that brought it, ms.
        policy : RiskPolicy
        bar_ms : int
            Length of that bar, for the pause after losses.
        first_target : bool
            Whether the outcome is ``target_1``: it takes `FIRST_TARGET_FRACTION` of a position with two targets.
            Every other outcome takes what remains.
        """
        position = self.positions[signal_id]
        partial = first_target and position.two_targets
        part = position.size * FIRST_TARGET_FRACTION if partial else position.remaining
        profit = part * position.direction * (price - position.entry) - part * price * policy.fee_rate
        position.remaining -= part
        position.realized += profit
        self.equity += profit
        self._watch_drawdown(ts, policy)
        if partial:
            return
        del self.positions[signal_id]
        if position.realized >= 0.0:
            self.consecutive_losses = 0
            return
        self.consecutive_losses += 1
        if self.consecutive_losses >= policy.max_consecutive_losses:
            self.consecutive_losses = 0
            if policy.loss_cooldown_bars:
                pause_ends = ts + policy.loss_cooldown_bars * bar_ms
                self.cooldown_until = max(self.cooldown_until, pause_ends)

    def _watch_drawdown(self, ts: int, policy: RiskPolicy) -> None:
        self.peak = max(self.peak, self.equity)
        if not self.halted and self.drawdown >= policy.max_drawdown:
            days = policy.drawdown_halt_days
            self.halted_until = FOREVER if days is None else ts + round(days * DAY_MS)

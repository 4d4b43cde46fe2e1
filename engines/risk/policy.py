"""The rules a paper account trades by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from engines.errors import BadParameter


@dataclass(frozen=True, kw_only=True)
class RiskPolicy:
    """Sizing and limits of one account. Fractions are of the account's equity at the decision.

    Attributes
    ----------
    starting_equity : float
        Equity before the first signal, quote currency.
    risk_per_trade : float
        Loss at the stop that a position is sized for.
    max_position_fraction : float
        Largest value of one position at entry; above 1 it is leveraged.
    max_gross_exposure : float
        Largest sum of the values of all open positions.
    max_net_exposure : float
        Largest absolute difference between long and short value.
    max_concurrent_positions : int
        Positions open at once.
    max_daily_loss : float
        Loss since the start of the UTC day, as a fraction of the equity then, at which the day's trading ends.
    max_drawdown : float
        Fall of equity from its peak at which trading halts.
    drawdown_halt_days : float or None
        Length of that halt. When it ends, the equity then counts as the new peak. None: the halt never ends.
    max_consecutive_losses : int
        Losing positions in a row after which trading pauses.
    loss_cooldown_bars : int
        Length of that pause in bars; 0 turns it off.
    min_risk_reward : float
        Least ratio of the distance to the last target over the distance to the stop.
    min_notional : float
        Least value of a position, quote currency; exchanges refuse smaller orders.
    fee_rate : float
        Fee on the value of each entry and exit. 0 leaves results before costs, as ``r_multiple`` is.
    """

    starting_equity: float = 10_000.0
    risk_per_trade: float = 0.01
    max_position_fraction: float = 1.0
    max_gross_exposure: float = 3.0
    max_net_exposure: float = 2.0
    max_concurrent_positions: int = 5
    max_daily_loss: float = 0.03
    max_drawdown: float = 0.20
    drawdown_halt_days: float | None = 30.0
    max_consecutive_losses: int = 5
    loss_cooldown_bars: int = 24
    min_risk_reward: float = 1.0
    min_notional: float = 10.0
    fee_rate: float = 0.0

    def __post_init__(self) -> None:
        whole = {"max_concurrent_positions": 1, "max_consecutive_losses": 1, "loss_cooldown_bars": 0}
        for name, least in whole.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadParameter(f"{name} must be a whole number of at least {least}, not {value!r}")
        above_zero = (
            "starting_equity",
            "risk_per_trade",
            "max_position_fraction",
            "max_gross_exposure",
            "max_net_exposure",
            "max_daily_loss",
            "max_drawdown",
        )
        for name in above_zero:
            self._require(name, 0.0, inclusive=False)
        for name in ("min_risk_reward", "min_notional", "fee_rate"):
            self._require(name, 0.0, inclusive=True)
        if self.drawdown_halt_days is not None:
            self._require("drawdown_halt_days", 0.0, inclusive=False)
        for name in ("risk_per_trade", "max_daily_loss", "max_drawdown", "fee_rate"):
            if getattr(self, name) >= 1.0:
                raise BadParameter(f"{name} is a fraction and must be below 1, not {getattr(self, name)!r}")

    def _require(self, name: str, least: float, *, inclusive: bool) -> None:
        value = getattr(self, name)
        numeric = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not numeric or value < least or (value == least and not inclusive):
            bound = "at least" if inclusive else "above"
            raise BadParameter(f"{name} must be a finite number {bound} {least:g}, not {value!r}")

    def as_dict(self) -> dict[str, Any]:
        """Rules by name, as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, rules: Mapping[str, Any]) -> Self:
        """Policy from plain values; rules not named keep their defaults.

        Raises
        ------
        BadParameter
            For a name that is no rule, or a value a rule cannot have.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(rules) - set(known))
        if unknown:
            raise BadParameter(f"no such risk rule: {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**rules)

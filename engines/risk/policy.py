"""The rules a paper account trades by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from engines.errors import BadParameter
from engines.timeframe import Timeframe


class Sizing(StrEnum):
    """How large a position is before limits; `engines.risk.sizing` has the formulas."""

    FIXED_FRACTION = "fixed_fraction"
    VOLATILITY_TARGET = "volatility_target"
    KELLY = "kelly"


_WHOLE = {
    "max_concurrent_positions": 1,
    "max_consecutive_losses": 1,
    "loss_cooldown_bars": 0,
    "returns_window": 2,
    "min_returns": 2,
    "correlation_refresh": 1,
    "kelly_min_trades": 1,
}
_ABOVE_ZERO = (
    "starting_equity",
    "risk_per_trade",
    "target_volatility",
    "kelly_fraction",
    "kelly_cap",
    "max_risk_per_trade",
    "max_position_fraction",
    "max_market_exposure",
    "max_cluster_exposure",
    "max_gross_exposure",
    "max_net_exposure",
    "max_open_risk",
    "cluster_correlation",
    "max_daily_loss",
    "max_drawdown",
    "drawdown_halt_days",
)
_AT_LEAST_ZERO = ("kelly_prior_trades", "maintenance_margin_rate", "min_risk_reward", "min_notional", "fee_rate")
_BELOW_ONE = (
    "risk_per_trade",
    "kelly_cap",
    "max_risk_per_trade",
    "cluster_correlation",
    "maintenance_margin_rate",
    "max_daily_loss",
    "max_drawdown",
    "fee_rate",
)
_OPTIONAL = frozenset({"max_market_exposure", "max_cluster_exposure", "max_open_risk", "drawdown_halt_days"})


@dataclass(frozen=True, kw_only=True)
class RiskPolicy:
    """Sizing and limits of one account. Fractions are of the account's equity at the decision.

    The defaults are those of a single series' account; `for_account` has those of an account over many markets.

    Attributes
    ----------
    starting_equity : float
        Equity before the first signal, quote currency.
    sizing : Sizing
        How large a position is before limits.
    risk_per_trade : float
        Loss at the stop that a position is sized for, with fixed-fraction sizing and with Kelly sizing while a strategy
        has too few results.
    target_volatility : float
        Annual standard deviation that one position is to add to the account, as a fraction of equity.
    kelly_fraction : float
        Part of the full Kelly bet that is taken.
    kelly_cap : float
        Largest loss at the stop that Kelly sizing asks for.
    kelly_min_trades : int
        Results of a strategy below which its Kelly bet is not used.
    kelly_prior_trades : float
        Break-even trades added to a strategy's results, which draws its bet towards nothing while they are few.
    returns_timeframe : str
        Grid of the returns that correlations and, in an account over many markets, volatility are measured on.
    returns_window : int
        Steps of that grid a measurement looks back.
    min_returns : int
        Returns a measurement needs.
    cluster_correlation : float
        Absolute correlation from which on two markets count as one bet.
    correlation_refresh : int
        Steps of the grid between two measurements of the clusters.
    leverage : float
        Leverage positions are opened with, margin isolated: each ties up its value divided by this.
    maintenance_margin_rate : float
        Part of a position's value at which the exchange closes it.
    max_risk_per_trade : float
        Largest loss at the stop of one position, whatever the sizing asks for.
    max_position_fraction : float
        Largest value of one position at entry; above 1 it is leveraged.
    max_market_exposure, max_cluster_exposure : float or None
        Largest sum of the values of open positions in one market and in one cluster of correlated markets, long and
        short added up: correlations part when they are needed. None: no limit.
    max_gross_exposure : float
        Largest sum of the values of all open positions.
    max_net_exposure : float
        Largest absolute difference between long and short value.
    max_open_risk : float or None
        Largest sum of the losses at the stops of all open positions. None: no limit.
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
        Length of that pause in bars of the last losing position's timeframe; 0 turns it off.
    min_risk_reward : float
        Least ratio of the distance to the last target over the distance to the stop.
    min_notional : float
        Least value of a position, quote currency; exchanges refuse smaller orders.
    fee_rate : float
        Fee on the value of each entry and exit. 0 leaves results before costs, as ``r_multiple`` is.
    """

    starting_equity: float = 10_000.0
    sizing: Sizing = Sizing.FIXED_FRACTION
    risk_per_trade: float = 0.01
    target_volatility: float = 0.10
    kelly_fraction: float = 0.25
    kelly_cap: float = 0.02
    kelly_min_trades: int = 30
    kelly_prior_trades: float = 50.0
    returns_timeframe: str = Timeframe.H1.value
    returns_window: int = 240
    min_returns: int = 120
    cluster_correlation: float = 0.7
    correlation_refresh: int = 24
    leverage: float = 3.0
    maintenance_margin_rate: float = 0.005
    max_risk_per_trade: float = 0.02
    max_position_fraction: float = 1.0
    max_market_exposure: float | None = None
    max_cluster_exposure: float | None = None
    max_gross_exposure: float = 3.0
    max_net_exposure: float = 2.0
    max_open_risk: float | None = None
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
        try:
            # A policy read from a file names its sizing in words.
            object.__setattr__(self, "sizing", Sizing(self.sizing))
        except ValueError:
            raise BadParameter(f"sizing must be one of {', '.join(Sizing)}, not {self.sizing!r}") from None
        Timeframe(self.returns_timeframe)
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadParameter(f"{name} must be a whole number of at least {least}, not {value!r}")
        for name in _ABOVE_ZERO:
            if not (name in _OPTIONAL and getattr(self, name) is None):
                self._require(name, 0.0, inclusive=False)
        for name in _AT_LEAST_ZERO:
            self._require(name, 0.0, inclusive=True)
        self._require("leverage", 1.0, inclusive=True)
        for name in _BELOW_ONE:
            if getattr(self, name) >= 1.0:
                raise BadParameter(f"{name} is a fraction and must be below 1, not {getattr(self, name)!r}")
        if self.min_returns > self.returns_window:
            raise BadParameter(
                f"min_returns {self.min_returns} is more than the {self.returns_window} steps of returns_window"
            )
        if self.maintenance_margin_rate >= 1.0 / self.leverage:
            raise BadParameter(
                f"with leverage {self.leverage:g} a position has a margin of {1.0 / self.leverage:.4g} of its value; "
                f"maintenance_margin_rate must be below that, not {self.maintenance_margin_rate!r}"
            )

    def _require(self, name: str, least: float, *, inclusive: bool) -> None:
        value = getattr(self, name)
        numeric = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not numeric or value < least or (value == least and not inclusive):
            bound = "at least" if inclusive else "above"
            raise BadParameter(f"{name} must be a finite number {bound} {least:g}, not {value!r}")

    @classmethod
    def for_account(cls, **rules: Any) -> Self:
        """Policy of an account over many markets and timeframes: as the defaults, with limits across markets.

        Parameters
        ----------
        **rules
            Rules that differ.
        """
        across: dict[str, Any] = {
            "starting_equity": 100_000.0,
            "risk_per_trade": 0.005,
            "max_position_fraction": 0.5,
            "max_market_exposure": 0.75,
            "max_cluster_exposure": 1.5,
            "max_open_risk": 0.06,
            "max_concurrent_positions": 20,
            "max_consecutive_losses": 10,
        }
        return cls.from_dict(across | rules)

    def as_dict(self) -> dict[str, Any]:
        """Rules by name, as plain values."""
        return asdict(self) | {"sizing": self.sizing.value}

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

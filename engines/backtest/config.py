"""What a backtest assumes: account, sizing, orders, exits, costs. `docs/backtest.md` states what each means for a fill."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, Self, TypeVar, cast

from engines.backtest.errors import BadBacktest

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class Sizing(StrEnum):
    """What an entry's quantity is reckoned from; `BacktestConfig.size` is the number."""

    RISK_FRACTION = "risk_fraction"
    """Part of equity lost at the stop: ``size * equity / |entry - stop|``."""
    EQUITY_FRACTION = "equity_fraction"
    """Part of equity as the position's value: ``size * equity / fill price``."""
    FIXED_NOTIONAL = "fixed_notional"
    """The position's value in quote currency: ``size / fill price``."""
    FIXED_QUANTITY = "fixed_quantity"
    """The quantity itself, base asset."""
    FROM_SIGNAL = "from_signal"
    """The signals' own column ``quantity``, base asset, times ``size``."""


class EntryOrder(StrEnum):
    """Kind of the order that opens a position."""

    MARKET = "market"
    """Fills at the next bar's open."""
    LIMIT = "limit"
    """Waits at the signal's entry for the price to come back to it."""
    STOP = "stop"
    """Waits at the signal's entry for the price to go through it."""


class TrailingKind(StrEnum):
    """What a trailing stop's distance is measured in."""

    ATR = "atr"
    PERCENT = "percent"


class Opposite(StrEnum):
    """What a signal against the open position does."""

    IGNORE = "ignore"
    CLOSE = "close"
    REVERSE = "reverse"


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Fees in basis points of a fill's value.

    Attributes
    ----------
    maker_bp, taker_bp : float
        Limit orders that waited pay the maker's, all others the taker's. A negative maker fee is a rebate.
    liquidation_bp : float
        Charged on top of the taker's when the exchange closes a position, from what is left of its margin.
    """

    maker_bp: float = 2.0
    taker_bp: float = 5.0
    liquidation_bp: float = 50.0


@dataclass(frozen=True, kw_only=True)
class Slippage:
    """How much worse than the order's reference price a market or stop order fills.

    The part of the price is ``(bp + impact_bp * sqrt(quantity / volume of the bar)) / 10,000``. The square root is the law
    that large orders were measured to follow (Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity Market Impact",
    2005; Tóth et al., "Anomalous Price Impact and the Critical Nature of Liquidity", 2011). The share of the volume is taken
    as 1 where it would be more, or where there was no volume. Limit orders do not slip.

    Attributes
    ----------
    bp : float
        Of every fill.
    impact_bp : float
        Of a fill as large as the bar's volume.
    """

    bp: float = 1.0
    impact_bp: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trailing:
    """A stop that follows the best price since entry.

    Attributes
    ----------
    kind : TrailingKind
    distance : float
        From the best price: in average true ranges, or in percent of that price.
    activation_r : float
        Profit at the best price, in units of ``|entry - stop|``, from which on it follows; 0 from entry on.
    atr_period : int
        Period of Wilder's average.
    """

    kind: TrailingKind = TrailingKind.ATR
    distance: float = 3.0
    activation_r: float = 0.0
    atr_period: int = 14


@dataclass(frozen=True, kw_only=True)
class BacktestConfig:
    """Account, sizing, orders, exits and costs of a backtest. Checked when it is made.

    Attributes
    ----------
    cash : float
        Equity before the first bar, quote currency.
    sizing : Sizing
    size : float
        The number of ``sizing``.
    entry : EntryOrder
    valid_bars : int
        Bars a limit or stop entry waits before it is withdrawn; with ``max_participation`` also the bars that what is left of
        a market entry goes on filling.
    target_fractions : (float, float)
        Parts of the entered quantity closed at ``target_1`` and ``target_2``. What they leave is closed by stop, trailing stop,
        time, signal or the end. A signal without a second target closes everything at the first.
    break_even : bool
        Move the stop to the average entry once ``target_1`` has filled, from the next bar on.
    trailing : Trailing, optional
    time_stop_bars : int
        Bars after which a position is closed at the next open; 0 for never.
    opposite : Opposite
    fees : Fees
    slippage : Slippage
    limit_beyond_bp : float
        How far the price must go through a limit, entry or target, before it fills; 0 fills at a touch.
    max_participation : float
        Largest part of a bar's volume that all fills of a market in that bar may take; 0 for no bound.
    quantity_step : float
        Quantities are rounded down to a multiple of it; 0 for none.
    min_notional : float
        Entries worth less are not sent, quote currency.
    leverage : float
        Value of a position over its margin, at least 1. Margin is isolated.
    maintenance_margin : float
        Part of a position's value that its margin must cover, else it is liquidated.
    max_positions : int
        Positions and waiting entries the account may have at once; 0 for no bound. A market has one at most.
    max_funding_gap_hours : float
        Longest time between two rows of a funding table that is not a gap.
    """

    cash: float = 10_000.0
    sizing: Sizing = Sizing.RISK_FRACTION
    size: float = 0.01
    entry: EntryOrder = EntryOrder.MARKET
    valid_bars: int = 10
    target_fractions: tuple[float, float] = (0.5, 0.5)
    break_even: bool = False
    trailing: Trailing | None = None
    time_stop_bars: int = 0
    opposite: Opposite = Opposite.IGNORE
    fees: Fees = field(default_factory=Fees)
    slippage: Slippage = field(default_factory=Slippage)
    limit_beyond_bp: float = 0.0
    max_participation: float = 0.0
    quantity_step: float = 0.0
    min_notional: float = 0.0
    leverage: float = 1.0
    maintenance_margin: float = 0.005
    max_positions: int = 0
    max_funding_gap_hours: float = 8.0

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise problem

    def with_values(self, changes: Mapping[str, Any]) -> Self:
        """The same configuration with some fields changed, nested ones as in ``fees.taker_bp``.

        ``trailing.distance`` and its like begin from the defaults of `Trailing` where there is no trailing stop.

        Raises
        ------
        BadBacktest
            For a field that does not exist, or a value that cannot be.
        """
        inner: dict[str, dict[str, Any]] = {}
        outer: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in config_fields():
                raise BadBacktest(name, f"a backtest has no such field; it has {', '.join(config_fields())}")
            group, dot, leaf = name.partition(".")
            if dot:
                inner.setdefault(group, {})[leaf] = value
            else:
                outer[name] = value
        for group in set(inner) & set(outer):
            raise BadBacktest(group, f"is given as a whole and by {group}.{next(iter(inner[group]))}; give one of them")
        for group, values in inner.items():
            part = getattr(self, group)
            outer[group] = replace(Trailing() if part is None else part, **values)
        return replace(self, **outer)

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that `as_json` wrote, or some of its fields.

        Raises
        ------
        BadBacktest
        """
        flat: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Mapping):
                flat.update({f"{name}.{leaf}": inner for leaf, inner in value.items()})  # pyright: ignore[reportUnknownVariableType]
            elif name == "target_fractions" and isinstance(value, list):
                flat[name] = tuple(value)  # pyright: ignore[reportUnknownArgumentType]
            elif not (name == "trailing" and value is None):
                flat[name] = value
        return cls().with_values(flat)


def config_fields() -> tuple[str, ...]:
    """Names that `BacktestConfig.with_values` knows."""
    names: list[str] = []
    nested = {"fees": Fees, "slippage": Slippage, "trailing": Trailing}
    for one in fields(BacktestConfig):
        names.append(one.name)
        if one.name in nested:
            names += [f"{one.name}.{leaf.name}" for leaf in fields(nested[one.name])]
    return tuple(names)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return list(cast("tuple[Any, ...]", value))
    return value.value if isinstance(value, StrEnum) else value


_BOUNDS: dict[str, tuple[float, float, str]] = {
    "cash": (0.0, math.inf, "above 0"),
    "size": (0.0, math.inf, "above 0"),
    "fees.maker_bp": (-100.0, 1_000.0, "between -100 and 1,000 basis points"),
    "fees.taker_bp": (0.0, 1_000.0, "between 0 and 1,000 basis points"),
    "fees.liquidation_bp": (0.0, 1_000.0, "between 0 and 1,000 basis points"),
    "slippage.bp": (0.0, 1_000.0, "between 0 and 1,000 basis points"),
    "slippage.impact_bp": (0.0, 5_000.0, "between 0 and 5,000 basis points"),
    "limit_beyond_bp": (0.0, 1_000.0, "between 0 and 1,000 basis points"),
    "max_participation": (0.0, 1.0, "between 0 and 1"),
    "quantity_step": (0.0, math.inf, "at least 0"),
    "min_notional": (0.0, math.inf, "at least 0"),
    "leverage": (1.0, 200.0, "between 1 and 200"),
    "maintenance_margin": (0.0, 0.5, "between 0 and 0.5"),
    "max_funding_gap_hours": (0.0, math.inf, "above 0"),
    "trailing.distance": (0.0, math.inf, "above 0"),
    "trailing.activation_r": (0.0, math.inf, "at least 0"),
}
_ABOVE = frozenset({"cash", "size", "max_funding_gap_hours", "trailing.distance"})
_WHOLE = {"valid_bars": 1, "time_stop_bars": 0, "max_positions": 0, "trailing.atr_period": 1}


def _problems(config: BacktestConfig) -> Iterator[BadBacktest]:
    for name, kind in (("sizing", Sizing), ("entry", EntryOrder), ("opposite", Opposite)):
        yield from _choice(config, name, kind)
    parts: tuple[tuple[str, Any, type], ...] = (
        ("fees", config.fees, Fees),
        ("slippage", config.slippage, Slippage),
        ("trailing", config.trailing, Trailing),
    )
    for name, part, kind in parts:
        if not isinstance(part, kind) and not (name == "trailing" and part is None):
            yield BadBacktest(name, f"must be a {kind.__name__}, not {part!r}")
            return
    if config.trailing is not None:
        yield from _choice(config.trailing, "kind", TrailingKind, "trailing.")
    for name, (least, most, words) in _BOUNDS.items():
        value = _value(config, name)
        if value is not None and (
            not _number(value) or not least <= value <= most or (name in _ABOVE and value <= least)
        ):
            yield BadBacktest(name, f"must be a number {words}, not {value!r}")
        elif value is not None and not math.isfinite(value):
            yield BadBacktest(name, f"must be finite, not {value!r}")
    for name, least in _WHOLE.items():
        value = _value(config, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            yield BadBacktest(name, f"must be a whole number of at least {least}, not {value!r}")
    if not isinstance(config.break_even, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - values come from files too
        yield BadBacktest("break_even", f"must be true or false, not {config.break_even!r}")
    yield from _fraction_problems(config.target_fractions)
    if config.sizing is Sizing.RISK_FRACTION and config.size >= 1.0:
        yield BadBacktest("size", f"a stop must not cost all equity: {config.size!r} is not below 1")
    if config.maintenance_margin * config.leverage >= 1.0:
        yield BadBacktest(
            "maintenance_margin", f"{config.maintenance_margin!r} at leverage {config.leverage!r} liquidates at once"
        )


def _fraction_problems(fractions: Any) -> Iterator[BadBacktest]:
    parts: tuple[Any, ...] = cast("tuple[Any, ...]", fractions) if isinstance(fractions, tuple) else ()
    if len(parts) != 2:
        yield BadBacktest("target_fractions", f"must be two numbers, not {fractions!r}")
    elif not all(_number(one) and 0.0 <= one <= 1.0 for one in parts):
        yield BadBacktest("target_fractions", f"must lie between 0 and 1, not {fractions!r}")
    elif sum(parts) > 1.0 + 1e-12:
        yield BadBacktest("target_fractions", f"close more than there is: {fractions!r}")


def _choice(owner: Any, name: str, kind: type[ChoiceT], prefix: str = "") -> Iterator[BadBacktest]:
    value = getattr(owner, name)
    if isinstance(value, kind):
        return
    if value in tuple(kind):
        object.__setattr__(owner, name, kind(value))
    else:
        yield BadBacktest(f"{prefix}{name}", f"must be one of {', '.join(kind)}, not {value!r}")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _value(config: BacktestConfig, name: str) -> Any:
    group, dot, leaf = name.partition(".")
    part = getattr(config, group)
    return getattr(part, leaf) if dot and part is not None else None if dot else part

"""What a backtest assumed, in words: its configuration and the rules of its fills."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.reports.markup import number
from engines.backtest.config import BacktestConfig, EntryOrder, Opposite, Sizing, TrailingKind

RULES = (
    "A signal is decided at the close of its bar and fills from the next bar on, never in its own.",
    "Market orders, stops and closings fill as taker, worse than their price by the slippage. A bar that opens beyond a stop fills it at the open.",
    "Limit entries and targets fill as maker at their price, never better.",
    "Within a bar the adverse side comes first: if stop and target both lie in it, the stop was hit. Finer bars, where they were given, decide.",
    "In the bar of a limit entry a target counts only if the bar closes at or beyond it.",
    "Stops that trail or move to break-even hold from the next bar on.",
    "Margin is isolated; a position that no longer covers its maintenance margin is liquidated, with the taker's and the liquidation fee.",
    "Funding, where it was given, is paid or received at its instants on the position there is then.",
    "What is open after the last bar is closed at its close, as taker.",
)
"""In short; docs/backtest.md states them all."""

_SIZES = {
    Sizing.RISK_FRACTION: "{percent} of equity lost at the stop",
    Sizing.EQUITY_FRACTION: "{percent} of equity as the position's value",
    Sizing.FIXED_NOTIONAL: "worth {plain}",
    Sizing.FIXED_QUANTITY: "{plain} units",
    Sizing.FROM_SIGNAL: "the signal's quantity times {plain}",
}
_ENTRIES = {
    EntryOrder.MARKET: "market, at the next open",
    EntryOrder.LIMIT: "limit, withdrawn after {bars} bars",
    EntryOrder.STOP: "stop, withdrawn after {bars} bars",
}
_OPPOSITES = {
    Opposite.IGNORE: "is passed over",
    Opposite.CLOSE: "closes the position",
    Opposite.REVERSE: "reverses the position",
}


def assumptions(config: BacktestConfig) -> list[tuple[str, str]]:
    """Every field of a configuration, by a name for people."""
    first, second = config.target_fractions
    entry = _ENTRIES[config.entry].format(bars=config.valid_bars)
    if config.entry is EntryOrder.MARKET and config.max_participation:
        entry += f", the rest for {config.valid_bars} bars"
    return [
        ("Cash at the start", number(config.cash)),
        ("Size of a position", _SIZES[config.sizing].format(percent=_percent(config.size), plain=_plain(config.size))),
        ("Entry order", entry),
        ("Closed at the targets", f"{_percent(first)} and {_percent(second)}"),
        ("Break-even", "after the first target" if config.break_even else "never"),
        ("Trailing stop", _trailing(config)),
        ("Time stop", f"after {config.time_stop_bars} bars" if config.time_stop_bars else "none"),
        ("A signal against the position", _OPPOSITES[config.opposite]),
        ("Maker fee", _points(config.fees.maker_bp)),
        ("Taker fee", _points(config.fees.taker_bp)),
        ("Liquidation fee", _points(config.fees.liquidation_bp)),
        ("Slippage", _points(config.slippage.bp)),
        ("Impact of a fill as large as the bar's volume", _points(config.slippage.impact_bp)),
        ("Price must go through a limit by", _points(config.limit_beyond_bp)),
        (
            "Part of a bar's volume",
            f"at most {_percent(config.max_participation)}" if config.max_participation else "no bound",
        ),
        ("Step of quantities", _plain(config.quantity_step) if config.quantity_step else "none"),
        ("Smallest entry", f"worth {_plain(config.min_notional)}" if config.min_notional else "no bound"),
        ("Leverage", f"{_plain(config.leverage)}×"),
        ("Maintenance margin", _percent(config.maintenance_margin)),
        ("Positions at once", str(config.max_positions) if config.max_positions else "no bound but one a market"),
        ("Longest gap in the funding table", f"{_plain(config.max_funding_gap_hours)} hours"),
    ]


def values(given: Mapping[str, object]) -> list[tuple[str, str]]:
    """Parameters as they were given."""
    return [(name, _plain(value) if isinstance(value, float) else str(value)) for name, value in given.items()]


def _trailing(config: BacktestConfig) -> str:
    trailing = config.trailing
    if trailing is None:
        return "none"
    unit = f"× ATR({trailing.atr_period})" if trailing.kind is TrailingKind.ATR else "% of the best price"
    from_then = f", from {_plain(trailing.activation_r)} R on" if trailing.activation_r else ""
    return f"{_plain(trailing.distance)} {unit}{from_then}"


def _points(value: float) -> str:
    return f"{_plain(value)} bp"


def _percent(value: float) -> str:
    return f"{_plain(value * 100.0)} %"


def _plain(value: float) -> str:
    return f"{value:,.10g}".replace("-", "−")

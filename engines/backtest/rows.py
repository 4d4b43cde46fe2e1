"""What a backtest takes and gives: schemas of the frames, and the names behind the kernel's codes."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from engines.bars import TS_DTYPE


class Reason(StrEnum):
    """Why a fill happened."""

    ENTRY = "entry"
    TARGET_1 = "target_1"
    TARGET_2 = "target_2"
    STOP = "stop"
    BREAK_EVEN = "break_even"
    TRAILING = "trailing"
    TIME_STOP = "time_stop"
    OPPOSITE = "opposite"
    SIGNAL = "signal"
    """A signal of direction 0, which closes what is open."""
    LIQUIDATION = "liquidation"
    END = "end"
    """What was open at the last bar, closed there at its close so that the trades tell the whole result."""


class Fate(StrEnum):
    """What became of a signal."""

    FILLED = "filled"
    IN_POSITION = "in_position"
    """Its market had a position or a waiting entry already, or (direction 0, an opposite that closes) had none."""
    NOT_REACHED = "not_reached"
    """The price never came to the waiting entry."""
    CANCELLED = "cancelled"
    """A later signal withdrew the waiting entry."""
    NO_MARGIN = "no_margin"
    TOO_SMALL = "too_small"
    """Nothing is left of the quantity after rounding, or it is worth less than ``min_notional``."""
    MAX_POSITIONS = "max_positions"
    STOP_BEYOND = "stop_beyond"
    """The bar that would have filled it opened beyond its stop."""
    CLOSING = "closing"
    """It was there to close a position, and did."""
    PENDING = "pending"
    """It still waited at the end."""


REASONS = tuple(Reason)
FATES = tuple(Fate)

SIGNAL_COLUMNS = pl.Schema(
    {
        "ts": TS_DTYPE,
        "direction": pl.Int8,
        "entry": pl.Float64,
        "stop": pl.Float64,
        "target_1": pl.Float64,
        "target_2": pl.Float64,
        "quantity": pl.Float64,
    }
)
"""Columns of signals that a backtest reads. ``ts`` and ``direction`` must be there; the others may be missing or null."""

FUNDING_SCHEMA = pl.Schema({"ts": TS_DTYPE, "funding_rate": pl.Float64})

TRADE_SCHEMA = pl.Schema(
    {
        "market": pl.String,
        "signal_id": pl.String,
        "strategy": pl.String,
        "direction": pl.Int8,
        "signal_ts": TS_DTYPE,
        "entry_ts": TS_DTYPE,
        "exit_ts": TS_DTYPE,
        "entry_price": pl.Float64,
        "exit_price": pl.Float64,
        "stop": pl.Float64,
        "quantity": pl.Float64,
        "entry_notional": pl.Float64,
        "fees": pl.Float64,
        "slippage_cost": pl.Float64,
        "funding": pl.Float64,
        "pnl_gross": pl.Float64,
        "pnl": pl.Float64,
        "equity_at_entry": pl.Float64,
        "return_on_equity": pl.Float64,
        "r_multiple": pl.Float64,
        "mae": pl.Float64,
        "mfe": pl.Float64,
        "bars_held": pl.Int64,
        "exit_reason": pl.String,
    }
)
"""One row a position, in order of ``exit_ts``.

Prices are averages over the fills; ``entry_ts`` and ``exit_ts`` open times of the bars of the first entry and the last exit.
``fees``, ``slippage_cost`` and ``funding`` are costs in quote currency (funding received is negative). ``pnl_gross`` is
the result of the fills' own prices, slippage included; ``pnl = pnl_gross - fees - funding``. ``r_multiple`` is ``pnl`` over the
loss that the entry's distance to its stop meant, null without a stop. ``mae`` and ``mfe`` are the worst and best price
while open, in price units from the average entry, at most and at least 0. ``bars_held`` counts bars from entry's to exit's.
"""

FILL_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "market": pl.String,
        "signal_id": pl.String,
        "trade": pl.Int64,
        "side": pl.Int8,
        "price": pl.Float64,
        "quantity": pl.Float64,
        "fee": pl.Float64,
        "slippage_cost": pl.Float64,
        "maker": pl.Boolean,
        "reason": pl.String,
        "cash": pl.Float64,
    }
)
"""Every fill in order. ``side`` is +1 bought, -1 sold; ``trade`` the position's running number; ``cash`` the account's after it."""

EQUITY_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "cash": pl.Float64,
        "position_value": pl.Float64,
        "equity": pl.Float64,
        "exposure": pl.Float64,
        "drawdown": pl.Float64,
    }
)
"""The account at the close of every bar; ``ts`` is the bar's open time.

``cash`` is what was paid in, plus realised results, less fees and funding. ``position_value`` is the unrealised result at the
closes; ``equity`` is the sum of both; ``exposure`` the value of all positions (long and short, added) over equity;
``drawdown`` the part of the highest equity so far that is lost, at least 0.
"""

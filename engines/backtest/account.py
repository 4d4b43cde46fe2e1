"""The account a backtest trades: what it remembers between bars, as arrays with one row a market.

Two tables, one of floats and one of integers, hold a market's position and its waiting entry; a column's number is its name's
constant. Two tables are enough for any number of markets, and a call hands over few arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.backtest.config import BacktestConfig, EntryOrder, Opposite, Sizing, TrailingKind
from engines.backtest.rows import FATES, REASONS, Fate, Reason
from engines.bars import FloatArray, TimeArray

NONE = float("nan")

# Columns of `Account.book`. Of the position:
(
    QUANTITY,
    ENTRY,
    STOP,
    FIRST_STOP,
    TARGET_1,
    TARGET_2,
    MARGIN,
    LIQUIDATION,
    BEST,
    WORST,
    FILLED,
    EXIT_VALUE,
    GROSS,
    FEES,
    SLIPPED,
    FUNDING,
    EQUITY_BEFORE,
    LEFT_1,
    LEFT_2,
    # of the waiting entry:
    WANTED,
    PRICE,
    WAITING_STOP,
    WAITING_TARGET_1,
    WAITING_TARGET_2,
    WAITING_EQUITY,
    # of the market:
    CLOSE,
    VOLUME_LEFT,
    ATR_CARRIED,
    ATR,
    BOOK_WIDTH,
) = range(30)

# Columns of `Account.slots`. Of the position:
(
    DIRECTION,
    CLOSING,
    STOP_KIND,
    TARGETS_TOUCHED,
    TARGET_1_FILLED,
    EVEN,
    BEST_FROM_CLOSE,
    ENTRY_BAR,
    ENTRY_TS,
    SIGNAL,
    TRADE,
    PASSED,
    # of the waiting entry:
    WAITING,
    WAITING_DIRECTION,
    WAITING_SIGNAL,
    WAITING_KIND,
    TRIED,
    # of the market:
    SEEN,
    LAST_TS,
    NEXT_FUNDING,
    SLOTS_WIDTH,
) = range(21)

NOTHING, FIRST, REST, AFTER_CLOSING = range(4)
"""Values of `WAITING`: no entry; one that has not begun to fill; what is left of one; one that follows a closing."""
AT_MARKET, AT_LIMIT, AT_STOP = range(3)
"""Values of `WAITING_KIND`."""

# Columns of the log of fills and fundings.
(
    LOG_PRICE,
    LOG_QUANTITY,
    LOG_FEE,
    LOG_SLIPPED,
    LOG_CASH,
    LOG_HELD,
    LOG_AVERAGE,
    LOG_FLOATS,
) = range(8)
LOG_TS, LOG_BAR_TS, LOG_MARKET, LOG_SIGNAL, LOG_TRADE, LOG_SIDE, LOG_MAKER, LOG_REASON, LOG_INTEGERS = range(9)

# Columns of the log of trades.
(
    TRADE_ENTRY,
    TRADE_EXIT,
    TRADE_STOP,
    TRADE_QUANTITY,
    TRADE_FEES,
    TRADE_SLIPPED,
    TRADE_FUNDING,
    TRADE_GROSS,
    TRADE_EQUITY,
    TRADE_BEST,
    TRADE_WORST,
    TRADE_FLOATS,
) = range(12)
(
    TRADE_MARKET,
    TRADE_SIGNAL,
    TRADE_NUMBER,
    TRADE_DIRECTION,
    TRADE_ENTRY_TS,
    TRADE_EXIT_TS,
    TRADE_ENTRY_BAR,
    TRADE_BARS,
    TRADE_REASON,
    TRADE_PASSED,
    TRADE_INTEGERS,
) = range(11)

LOGGED, TRADES, OPENED, NEXT_SIGNAL, COUNTERS = range(5)
"""Columns of `Account.counters`: rows of both logs, positions ever opened, next signal of the call."""

FUNDING_PAID = len(REASONS)
"""Reason of a row of the log that is a funding, not a fill."""

FATE_CODES = {fate: np.int8(code) for code, fate in enumerate(FATES)}
(
    FATE_FILLED,
    FATE_IN_POSITION,
    FATE_NOT_REACHED,
    FATE_CANCELLED,
    FATE_NO_MARGIN,
    FATE_TOO_SMALL,
    FATE_MAX_POSITIONS,
    FATE_STOP_BEYOND,
    FATE_CLOSING,
    FATE_PENDING,
) = range(len(Fate))
(
    BY_ENTRY,
    BY_TARGET_1,
    BY_TARGET_2,
    BY_STOP,
    BY_BREAK_EVEN,
    BY_TRAILING,
    BY_TIME_STOP,
    BY_OPPOSITE,
    BY_SIGNAL,
    BY_LIQUIDATION,
    BY_END,
) = range(len(Reason))
BY_RISK, BY_EQUITY, BY_NOTIONAL, BY_QUANTITY, BY_SIGNAL_QUANTITY = range(len(Sizing))
IGNORE, CLOSE_OUT, REVERSE = range(len(Opposite))


class Terms(NamedTuple):
    """A configuration as numbers for the kernels. Costs are fractions, not basis points."""

    sizing: int
    size: float
    entry: int
    valid_bars: int
    fraction_1: float
    fraction_2: float
    break_even: bool
    trailing: int
    trailing_distance: float
    activation_r: float
    atr_period: int
    time_stop_bars: int
    opposite: int
    maker: float
    taker: float
    liquidation: float
    slippage: float
    impact: float
    beyond: float
    participation: float
    step: float
    min_notional: float
    leverage: float
    maintenance: float
    max_positions: int


class Account(NamedTuple):
    """State of an account and the logs of what happened.

    Attributes
    ----------
    cash : ndarray of float64, shape (1,)
    counters : ndarray of int64, shape (COUNTERS,)
    book : ndarray of float64, shape (markets, BOOK_WIDTH)
    slots : ndarray of int64, shape (markets, SLOTS_WIDTH)
    log, log_numbers : ndarray of float64 and int64, shape (room, LOG_FLOATS) and (room, LOG_INTEGERS)
        Fills and fundings.
    trades, trade_numbers : ndarray of float64 and int64, shape (room, TRADE_FLOATS) and (room, TRADE_INTEGERS)
    fates : ndarray of int8, shape (signals,)
        Index into `engines.backtest.rows.FATES` of each signal.
    """

    cash: FloatArray
    counters: TimeArray
    book: FloatArray
    slots: TimeArray
    log: FloatArray
    log_numbers: TimeArray
    trades: FloatArray
    trade_numbers: TimeArray
    fates: npt.NDArray[np.int8]


def new_account(config: BacktestConfig, markets: int) -> Account:
    """Account before the first bar, with no room in its logs."""
    slots = np.zeros((markets, SLOTS_WIDTH), np.int64)
    return Account(
        np.array([config.cash]),
        np.zeros(COUNTERS, np.int64),
        np.full((markets, BOOK_WIDTH), NONE),
        slots,
        np.zeros((0, LOG_FLOATS)),
        np.zeros((0, LOG_INTEGERS), np.int64),
        np.zeros((0, TRADE_FLOATS)),
        np.zeros((0, TRADE_INTEGERS), np.int64),
        np.zeros(0, np.int8),
    )


def terms_of(config: BacktestConfig) -> Terms:
    """Numbers of a configuration."""
    trailing = config.trailing
    kind = 0 if trailing is None else 1 + tuple(TrailingKind).index(trailing.kind)
    first, second = config.target_fractions
    return Terms(
        sizing=tuple(Sizing).index(config.sizing),
        size=float(config.size),
        entry=tuple(EntryOrder).index(config.entry),
        valid_bars=config.valid_bars,
        fraction_1=float(first),
        fraction_2=float(second),
        break_even=config.break_even,
        trailing=kind,
        trailing_distance=0.0 if trailing is None else float(trailing.distance),
        activation_r=0.0 if trailing is None else float(trailing.activation_r),
        atr_period=trailing.atr_period if trailing is not None and trailing.kind is TrailingKind.ATR else 0,
        time_stop_bars=config.time_stop_bars,
        opposite=tuple(Opposite).index(config.opposite),
        maker=config.fees.maker_bp / 10_000.0,
        taker=config.fees.taker_bp / 10_000.0,
        liquidation=config.fees.liquidation_bp / 10_000.0,
        slippage=config.slippage.bp / 10_000.0,
        impact=config.slippage.impact_bp / 10_000.0,
        beyond=config.limit_beyond_bp / 10_000.0,
        participation=float(config.max_participation),
        step=float(config.quantity_step),
        min_notional=float(config.min_notional),
        leverage=float(config.leverage),
        maintenance=float(config.maintenance_margin),
        max_positions=config.max_positions,
    )

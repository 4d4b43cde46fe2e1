"""The loop over bars: one compiled state machine for one market or many on one account."""

from __future__ import annotations

import numpy as np

from engines.average_true_range import true_range_average
from engines.backtest.account import (
    ATR,
    ATR_CARRIED,
    BY_END,
    CLOSE,
    CLOSING,
    DIRECTION,
    ENTRY_BAR,
    LAST_TS,
    LIQUIDATION,
    LOGGED,
    NEXT_SIGNAL,
    NOTHING,
    PASSED,
    QUANTITY,
    SEEN,
    STOP,
    TARGET_1,
    TRADE_BARS,
    TRADE_BEST,
    TRADE_DIRECTION,
    TRADE_ENTRY_BAR,
    TRADE_PASSED,
    TRADE_WORST,
    TRADES,
    VOLUME_LEFT,
    WAITING,
    Account,
    Terms,
)
from engines.backtest.bar_walk import Tape, has_work, trade_bar
from engines.backtest.decisions import Orders, decide, follow
from engines.backtest.fills import leave, reach
from engines.backtest.prefetch import prefetch
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.kernel import inlined_kernel, kernel, lean_kernel

DONE, NEEDS_ROOM = range(2)
_NEVER = np.iinfo(np.int64).max
_AHEAD = 12
"""Signals ahead for whose bars the memory is asked."""


@kernel
def run(
    tape: Tape, orders: Orders, terms: Terms, account: Account, cursor: TimeArray, first: int, most_rows: int
) -> int:
    """Take the account through the bars from ``cursor`` on.

    Parameters
    ----------
    tape : Tape
    orders : Orders
        Signals of these bars.
    terms : Terms
    account : Account
    cursor : ndarray of int64, shape (markets,)
        Next bar of each market, as an index into the tape; changed in place.
    first : int
        Number of the call's first signal since the account's first.
    most_rows : int
        Rows of the log that one time of the tape can need at most.

    Returns
    -------
    int
        `NEEDS_ROOM` if the log must be made larger before the call is repeated; else `DONE`.
    """
    bars = tape.bars
    slots, book, counters = account.slots, account.book, account.counters
    markets = slots.shape[0]
    signals = orders.ts.shape[0]
    s = counters[NEXT_SIGNAL]
    result = DONE
    while True:
        if counters[LOGGED] + most_rows > account.log.shape[0]:
            result = NEEDS_ROOM
            break
        now = _NEVER
        for m in range(markets):
            if cursor[m] < tape.begin[m + 1]:
                now = min(now, bars.ts[cursor[m]])
        if now == _NEVER:
            break
        for m in range(markets):
            i = cursor[m]
            if i == tape.begin[m + 1] or bars.ts[i] != now:
                continue
            if has_work(account, m) and not _is_idle(tape, terms, account, m):
                trade_bar(tape, terms, account, m, i, slots[m, SEEN] + i - tape.begin[m])
            if terms.atr_period:
                bar = slots[m, SEEN] + i - tape.begin[m]
                carried = book[m, ATR_CARRIED] if bar else 0.0
                weight = 1.0 / terms.atr_period
                book[m, ATR_CARRIED], book[m, ATR] = true_range_average(
                    bar, bars.high[i], bars.low[i], book[m, CLOSE], terms.atr_period, weight, carried
                )
            book[m, CLOSE] = bars.close[i]
            slots[m, LAST_TS] = now
            cursor[m] = i + 1
            if slots[m, DIRECTION] != 0:
                follow(terms, account, m, slots[m, SEEN] + i - tape.begin[m], bars.high[i], bars.low[i], bars.close[i])
        while s < signals and orders.ts[s] == now:
            decide(orders, s, first + s, terms, account)
            s += 1
            if s + _AHEAD < signals:
                _ask_for(bars, orders.bar[s + _AHEAD])
        if markets == 1 and terms.atr_period == 0 and _is_idle(tape, terms, account, 0):
            _pass_over(tape, account, cursor, orders.bar[s] if s < signals else tape.begin[1])
    counters[NEXT_SIGNAL] = s
    return result


@inlined_kernel
def _is_idle(tape: Tape, terms: Terms, account: Account, m: int) -> bool:
    """Whether nothing can happen to a market until its next signal."""
    book, slots = account.book, account.slots
    if slots[m, WAITING] != NOTHING:
        return False
    if slots[m, DIRECTION] == 0:
        return True
    return (
        slots[m, CLOSING] == 0
        and np.isnan(book[m, STOP])
        and np.isnan(book[m, TARGET_1])
        and np.isnan(book[m, LIQUIDATION])
        and terms.trailing == 0
        and terms.time_stop_bars == 0
        and tape.funding_ts.shape[0] == 0
    )


@inlined_kernel
def _ask_for(bars: BarArrays, i: int) -> None:
    """Have a bar, and the next, brought near."""
    prefetch(bars.ts, i)
    prefetch(bars.open, i)
    prefetch(bars.high, i)
    prefetch(bars.low, i)
    prefetch(bars.close, i)
    prefetch(bars.volume, i)


@inlined_kernel
def _pass_over(tape: Tape, account: Account, cursor: TimeArray, target: int) -> None:
    """Go to bar ``target`` of the only market."""
    if cursor[0] >= target:
        return
    if account.slots[0, DIRECTION] != 0:
        # Looked up by `find_excursions`: here each look into the bars would wait for memory.
        account.slots[0, PASSED] = 1
    account.book[0, CLOSE] = tape.bars.close[target - 1]
    account.slots[0, LAST_TS] = tape.bars.ts[target - 1]
    cursor[0] = target


@kernel
def find_excursions(high: FloatArray, low: FloatArray, account: Account, begin: int, offset: int) -> None:
    """Best and worst prices of the positions that `run` passed over bars with.

    Parameters
    ----------
    high, low : ndarray of float64
        Bars of the only market.
    account : Account
    begin : int
        First row of the trades that has not been looked at.
    offset : int
        Number of the first bar since the market's first.
    """
    trades, numbers = account.trades, account.trade_numbers
    for row in range(begin, account.counters[TRADES]):
        if numbers[row, TRADE_PASSED]:
            first = numbers[row, TRADE_ENTRY_BAR] - offset
            top, bottom = _extremes(high, low, max(first, 0), first + numbers[row, TRADE_BARS])
            d = numbers[row, TRADE_DIRECTION]
            best, worst = (top, bottom) if d > 0 else (bottom, top)
            if (best - trades[row, TRADE_BEST]) * d > 0.0:
                trades[row, TRADE_BEST] = best
            if (worst - trades[row, TRADE_WORST]) * d < 0.0:
                trades[row, TRADE_WORST] = worst
    if account.slots[0, PASSED] and account.slots[0, DIRECTION] != 0:
        first = account.slots[0, ENTRY_BAR] - offset
        top, bottom = _extremes(high, low, max(first, 0), high.shape[0])
        reach(account, 0, top, bottom)


@lean_kernel
def _extremes(high: FloatArray, low: FloatArray, begin: int, end: int) -> tuple[float, float]:
    """Highest high and lowest low."""
    top, bottom = high[begin], low[begin]
    for i in range(begin + 1, end):
        top = max(top, high[i])
        bottom = min(bottom, low[i])
    return top, bottom


@kernel
def close_all(terms: Terms, account: Account, now: int, counts: TimeArray) -> None:
    """Close what is open at the last closes, without slippage; the log needs a row a market.

    ``counts`` are the bars of the markets since their first.
    """
    for m in range(account.slots.shape[0]):
        if account.slots[m, DIRECTION] == 0:
            continue
        account.book[m, VOLUME_LEFT] = np.inf
        price, quantity = account.book[m, CLOSE], account.book[m, QUANTITY]
        fee = price * quantity * terms.taker
        leave(account, m, counts[m] - 1, account.slots[m, LAST_TS], now, price, quantity, fee, 0.0, 0, BY_END)

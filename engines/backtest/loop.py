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
    LAST_TS,
    LIQUIDATION,
    LOGGED,
    NEXT_SIGNAL,
    NOTHING,
    QUANTITY,
    SEEN,
    STOP,
    TARGET_1,
    VOLUME_LEFT,
    WAITING,
    Account,
    Terms,
)
from engines.backtest.bar_walk import Tape, has_work, trade_bar
from engines.backtest.decisions import Orders, decide, follow
from engines.backtest.fills import leave, reach
from engines.bars import FloatArray, TimeArray
from engines.kernel import inlined_kernel, kernel, lean_kernel

DONE, NEEDS_ROOM = range(2)
_NEVER = np.iinfo(np.int64).max


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
        if markets == 1 and terms.atr_period == 0 and _is_idle(tape, terms, account, 0):
            _pass_over(tape, account, cursor, orders.ts[s] if s < signals else _NEVER)
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
def _pass_over(tape: Tape, account: Account, cursor: TimeArray, until: int) -> None:
    """Go to the bar at ``until``, else to the end; a position notes its best and worst price on the way."""
    ts = tape.bars.ts
    begin, end = cursor[0], tape.begin[1]
    if begin >= end or ts[begin] >= until:
        return
    # Bars mostly follow each other without a gap: the place is known at once.
    target = end
    if until != _NEVER:
        target = begin + (until - ts[begin]) // tape.step
        if target >= end or ts[target] != until:
            target = begin + np.searchsorted(ts[begin:end], until)
    if account.slots[0, DIRECTION] != 0:
        high, low = _extremes(tape.bars.high, tape.bars.low, begin, target)
        reach(account, 0, high, low)
    account.book[0, CLOSE] = tape.bars.close[target - 1]
    account.slots[0, LAST_TS] = ts[target - 1]
    cursor[0] = target


@lean_kernel
def _extremes(high: FloatArray, low: FloatArray, begin: int, end: int) -> tuple[float, float]:
    """Highest high and lowest low, each by two chains of comparisons that do not wait for each other."""
    top = other_top = high[begin]
    bottom = other_bottom = low[begin]
    # A choice between two numbers is one instruction; max() also looks whether one is NaN.
    for i in range(begin + 1, end - 1, 2):
        h, l = high[i], low[i]
        top = h if h > top else top
        bottom = l if l < bottom else bottom
        h, l = high[i + 1], low[i + 1]
        other_top = h if h > other_top else other_top
        other_bottom = l if l < other_bottom else other_bottom
    h, l = high[end - 1], low[end - 1]
    top = h if h > top else top
    bottom = l if l < bottom else bottom
    return max(top, other_top), min(bottom, other_bottom)


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

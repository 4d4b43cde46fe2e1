"""What is decided at the close of a bar: stops that move, the time stop, and what signals ask for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.backtest.account import (
    AFTER_CLOSING,
    ATR,
    BEST,
    BEST_FROM_CLOSE,
    BY_BREAK_EVEN,
    BY_EQUITY,
    BY_NOTIONAL,
    BY_OPPOSITE,
    BY_RISK,
    BY_SIGNAL,
    BY_SIGNAL_QUANTITY,
    BY_TIME_STOP,
    BY_TRAILING,
    CLOSE,
    CLOSING,
    DIRECTION,
    ENTRY,
    ENTRY_BAR,
    EVEN,
    FATE_CANCELLED,
    FATE_CLOSING,
    FATE_IN_POSITION,
    FATE_MAX_POSITIONS,
    FATE_PENDING,
    FIRST,
    FIRST_STOP,
    IGNORE,
    NOTHING,
    PRICE,
    REST,
    REVERSE,
    STOP,
    STOP_KIND,
    TARGET_1_FILLED,
    TRIED,
    WAITING,
    WAITING_DIRECTION,
    WAITING_EQUITY,
    WAITING_KIND,
    WAITING_SIGNAL,
    WAITING_STOP,
    WAITING_TARGET_1,
    WAITING_TARGET_2,
    WANTED,
    Account,
    Terms,
)
from engines.backtest.fills import equity_at_closes, reach
from engines.bars import FloatArray, TimeArray
from engines.kernel import inlined_kernel
from engines.signals.rows import SideArray


class Orders(NamedTuple):
    """Signals in order of time. Prices that are not there are NaN; ``market`` indexes the account's.

    ``bar`` is the place of the signal's bar among the tape's.
    """

    ts: TimeArray
    bar: TimeArray
    market: TimeArray
    direction: SideArray
    entry: FloatArray
    stop: FloatArray
    target_1: FloatArray
    target_2: FloatArray
    quantity: FloatArray


@inlined_kernel
def follow(terms: Terms, account: Account, m: int, bar: int, high: float, low: float, close: float) -> None:
    """Move a position's stop, and close it when its time is over; all of it from the next bar on."""
    book, slots = account.book, account.slots
    d = slots[m, DIRECTION]
    if slots[m, ENTRY_BAR] == bar and slots[m, BEST_FROM_CLOSE]:
        high, low = (close, low) if d > 0 else (high, close)
    reach(account, m, high, low)
    entry = book[m, ENTRY]
    if terms.break_even and slots[m, TARGET_1_FILLED] and not slots[m, EVEN]:
        slots[m, EVEN] = 1
        if not (book[m, STOP] - entry) * d >= 0.0:
            book[m, STOP] = entry
            slots[m, STOP_KIND] = BY_BREAK_EVEN
    if terms.trailing:
        best = book[m, BEST]
        risk = abs(entry - book[m, FIRST_STOP])
        if np.isnan(risk) or (best - entry) * d >= terms.activation_r * risk:
            if terms.trailing == 1:
                level = best - d * terms.trailing_distance * book[m, ATR]
            else:
                level = best * (1.0 - d * terms.trailing_distance / 100.0)
            if level == level and not (book[m, STOP] - level) * d >= 0.0:
                book[m, STOP] = level
                slots[m, STOP_KIND] = BY_TRAILING
    if terms.time_stop_bars and slots[m, CLOSING] == 0 and bar - slots[m, ENTRY_BAR] + 1 >= terms.time_stop_bars:
        _begin_closing(account, m, BY_TIME_STOP)


@inlined_kernel
def _begin_closing(account: Account, m: int, reason: int) -> None:
    account.slots[m, CLOSING] = reason
    if account.slots[m, WAITING] == REST:
        account.slots[m, WAITING] = NOTHING


@inlined_kernel
def decide(orders: Orders, s: int, number: int, terms: Terms, account: Account) -> None:
    """What becomes of signal ``s`` of the call, the ``number``-th ever, at the close it was decided at."""
    slots, fates = account.slots, account.fates
    m = orders.market[s]
    d = orders.direction[s]
    held, waiting = slots[m, DIRECTION], slots[m, WAITING]
    fates[number] = FATE_IN_POSITION
    if held != 0 and slots[m, CLOSING] != 0:
        # A position that is being closed takes one reversal.
        if waiting == NOTHING and d == -held and terms.opposite == REVERSE:
            _wait(orders, s, number, terms, account, AFTER_CLOSING)
        return
    if held == 0 and waiting == NOTHING:
        if d != 0:
            _wait(orders, s, number, terms, account, FIRST)
        return
    against = held if held != 0 else slots[m, WAITING_DIRECTION]
    if d == against or (d != 0 and terms.opposite == IGNORE):
        return
    fates[number] = FATE_CLOSING
    if held == 0:
        fates[slots[m, WAITING_SIGNAL]] = FATE_CANCELLED
        slots[m, WAITING] = NOTHING
    else:
        _begin_closing(account, m, BY_SIGNAL if d == 0 else BY_OPPOSITE)
    if d != 0 and terms.opposite == REVERSE:
        _wait(orders, s, number, terms, account, FIRST if held == 0 else AFTER_CLOSING)


@inlined_kernel
def _wait(orders: Orders, s: int, number: int, terms: Terms, account: Account, waiting: int) -> None:
    """Make a signal the waiting entry of its market."""
    book, slots = account.book, account.slots
    m = orders.market[s]
    if terms.max_positions:
        busy = 0
        for other in range(slots.shape[0]):
            if other != m and (slots[other, DIRECTION] != 0 or slots[other, WAITING] != NOTHING):
                busy += 1
        if busy >= terms.max_positions:
            account.fates[number] = FATE_MAX_POSITIONS
            return
    account.fates[number] = FATE_PENDING
    equity = equity_at_closes(account, CLOSE)
    reference = book[m, CLOSE] if np.isnan(orders.entry[s]) else orders.entry[s]
    if terms.sizing == BY_RISK:
        distance = abs(reference - orders.stop[s])
        wanted = terms.size * max(equity, 0.0) / distance if distance > 0.0 else 0.0
    elif terms.sizing == BY_EQUITY:
        wanted = -terms.size * max(equity, 0.0)
    elif terms.sizing == BY_NOTIONAL:
        wanted = -terms.size
    elif terms.sizing == BY_SIGNAL_QUANTITY:
        wanted = terms.size * orders.quantity[s]
    else:
        wanted = terms.size
    book[m, WANTED] = wanted
    book[m, PRICE] = reference
    book[m, WAITING_STOP] = orders.stop[s]
    book[m, WAITING_TARGET_1] = orders.target_1[s]
    book[m, WAITING_TARGET_2] = orders.target_2[s]
    book[m, WAITING_EQUITY] = equity
    slots[m, WAITING] = waiting
    slots[m, WAITING_DIRECTION] = orders.direction[s]
    slots[m, WAITING_SIGNAL] = number
    slots[m, WAITING_KIND] = terms.entry
    slots[m, TRIED] = 0

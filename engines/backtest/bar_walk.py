"""One bar of one market: fundings, entries and exits in the order that `docs/backtest.md` states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.backtest.account import (
    AT_LIMIT,
    AT_MARKET,
    BEST_FROM_CLOSE,
    BY_LIQUIDATION,
    BY_TARGET_1,
    BY_TARGET_2,
    CLOSING,
    DIRECTION,
    ENTRY,
    FATE_NOT_REACHED,
    FILLED,
    FIRST,
    LEFT_1,
    LEFT_2,
    LIQUIDATION,
    MARGIN,
    NEXT_FUNDING,
    NOTHING,
    PRICE,
    QUANTITY,
    REST,
    STOP,
    STOP_KIND,
    TARGET_1,
    TARGET_1_FILLED,
    TARGET_2,
    TARGETS_TOUCHED,
    TRIED,
    VOLUME_LEFT,
    WAITING,
    WAITING_DIRECTION,
    WAITING_KIND,
    WAITING_SIGNAL,
    Account,
    Terms,
)
from engines.backtest.fills import enter, leave, pay_funding, rounded_down, slip
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.kernel import inlined_kernel, lean_kernel

_CARRIED, _AT_OPEN, _BY_LIMIT, _BY_STOP = range(4)


class Tape(NamedTuple):
    """All that a call of the loop reads, markets behind each other.

    Attributes
    ----------
    bars : BarArrays
    begin : ndarray of int64, shape (markets + 1,)
        First bar of each market.
    finer : BarArrays
        Bars of a shorter timeframe; empty if there are none.
    finer_begin, finer_end : ndarray of int64
        For each bar its finer ones; equal where they do not fill it.
    mark_open, mark_high, mark_low : ndarray of float64
        Mark prices of the finer bars, of the bars where there are no finer ones; empty if there are none.
    funding_ts, funding_rate, funding_begin
        As ``bars`` and ``begin``; with ``NEXT_FUNDING`` of the account's slots counting from ``funding_begin``.
    step, finer_step : int
        Length of a bar in milliseconds.
    """

    bars: BarArrays
    begin: TimeArray
    finer: BarArrays
    finer_begin: TimeArray
    finer_end: TimeArray
    mark_open: FloatArray
    mark_high: FloatArray
    mark_low: FloatArray
    funding_ts: TimeArray
    funding_rate: FloatArray
    funding_begin: TimeArray
    step: int
    finer_step: int


class Candle(NamedTuple):
    """A bar that is walked, and its mark prices."""

    ts: int
    bar_ts: int
    step: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    mark_open: float
    mark_high: float
    mark_low: float


@inlined_kernel
def trade_bar(tape: Tape, terms: Terms, account: Account, m: int, i: int, bar: int) -> None:
    """Take a market through bar ``i`` of the tape, its number ``bar`` since the market's first, by finer bars if there are."""
    slots = account.slots
    bars = tape.bars
    begin = end = 0
    if tape.finer_begin.shape[0]:
        begin, end = tape.finer_begin[i], tape.finer_end[i]
    whole = begin == end
    for k in range(begin, begin + 1 if whole else end):
        if whole:
            candle = _candle(bars, tape, i, bars.ts[i], tape.step, tape.finer_begin.shape[0] == 0)
        else:
            candle = _candle(tape.finer, tape, k, bars.ts[i], tape.finer_step, True)
        _walk(tape, terms, account, m, bar, candle, k > begin)
    if slots[m, WAITING] == FIRST or slots[m, WAITING] == REST:
        slots[m, TRIED] += 1
        if slots[m, TRIED] >= terms.valid_bars:
            if slots[m, WAITING] == FIRST:
                account.fates[slots[m, WAITING_SIGNAL]] = FATE_NOT_REACHED
            slots[m, WAITING] = NOTHING


@inlined_kernel
def _candle(bars: BarArrays, tape: Tape, i: int, bar_ts: int, step: int, marked: bool) -> Candle:
    o, h, l = bars.open[i], bars.high[i], bars.low[i]
    mark_open, mark_high, mark_low = o, h, l
    if marked and tape.mark_open.shape[0]:
        mark_open, mark_high, mark_low = tape.mark_open[i], tape.mark_high[i], tape.mark_low[i]
    return Candle(bars.ts[i], bar_ts, step, o, h, l, bars.close[i], bars.volume[i], mark_open, mark_high, mark_low)


@inlined_kernel
def _walk(tape: Tape, terms: Terms, account: Account, m: int, bar: int, candle: Candle, later: bool) -> None:
    """Steps 1 to 5 of a bar; ``later`` says that it is a finer bar after the first of its bar."""
    book, slots = account.book, account.slots
    bounded = terms.participation > 0.0
    book[m, VOLUME_LEFT] = terms.participation * candle.volume if bounded else np.inf
    if tape.funding_ts.shape[0]:
        _fund(tape, terms, account, m, candle, candle.ts + 1)
    if slots[m, DIRECTION] != 0 and slots[m, CLOSING] != 0:
        _leave_at_market(terms, account, m, bar, candle, candle.open, slots[m, CLOSING])
    began = _CARRIED
    held = slots[m, DIRECTION] != 0
    if _waits(account, m) and slots[m, WAITING_KIND] == AT_MARKET:
        done = enter(account, terms, m, bar, candle.ts, candle.bar_ts, candle.open, candle.volume, 0)
        if done and not held:
            began = _AT_OPEN
    if tape.funding_ts.shape[0]:
        _fund(tape, terms, account, m, candle, candle.ts + candle.step)
    if _waits(account, m) and slots[m, WAITING_KIND] != AT_MARKET:
        how = _try_waiting(terms, account, m, bar, candle)
        # The way to a target may have come before the rest of a limit entry too.
        if how != _CARRIED and (how == _BY_LIMIT or not held):
            began = how
    if began != _CARRIED:
        slots[m, BEST_FROM_CLOSE] = began == _BY_LIMIT or later
    if slots[m, DIRECTION] != 0:
        _exits(terms, account, m, bar, candle, began)


@inlined_kernel
def _waits(account: Account, m: int) -> bool:
    """Whether a market has an entry that can fill now."""
    waiting = account.slots[m, WAITING]
    return (waiting == FIRST and account.slots[m, DIRECTION] == 0) or (
        waiting == REST and account.slots[m, CLOSING] == 0 and account.slots[m, DIRECTION] != 0
    )


@inlined_kernel
def _fund(tape: Tape, terms: Terms, account: Account, m: int, candle: Candle, before: int) -> None:
    """Pay the fundings due before an instant; those of a time without a position are passed over."""
    slots = account.slots
    k = tape.funding_begin[m] + slots[m, NEXT_FUNDING]
    end = tape.funding_begin[m + 1]
    while k < end and tape.funding_ts[k] < before:
        if slots[m, DIRECTION] != 0:
            price, rate = candle.mark_open, tape.funding_rate[k]
            pay_funding(account, terms, m, tape.funding_ts[k], candle.bar_ts, price, rate)
        k += 1
    slots[m, NEXT_FUNDING] = k - tape.funding_begin[m]


@inlined_kernel
def _leave_at_market(
    terms: Terms, account: Account, m: int, bar: int, candle: Candle, reference: float, reason: int
) -> None:
    """Close as much as the volume allows, slipped; the rest goes on at the next open."""
    book, slots = account.book, account.slots
    quantity = min(book[m, QUANTITY], rounded_down(book[m, VOLUME_LEFT], terms.step))
    slots[m, CLOSING] = reason
    if slots[m, WAITING] == REST:
        slots[m, WAITING] = NOTHING
    if quantity <= 0.0:
        return
    price = reference * (1.0 - slots[m, DIRECTION] * slip(quantity, candle.volume, terms))
    fee = price * quantity * terms.taker
    slipped = abs(price - reference) * quantity
    leave(account, m, bar, candle.ts, candle.bar_ts, price, quantity, fee, slipped, 0, reason)


@inlined_kernel
def _try_waiting(terms: Terms, account: Account, m: int, bar: int, candle: Candle) -> int:
    """Fill a limit or stop entry if the bar reaches it; how it filled."""
    book, slots = account.book, account.slots
    d = slots[m, WAITING_DIRECTION]
    price = book[m, PRICE]
    if slots[m, WAITING_KIND] == AT_LIMIT:
        reached = candle.low if d > 0 else candle.high
        if (price * (1.0 - d * terms.beyond) - reached) * d < 0.0:
            return _CARRIED
        done = enter(account, terms, m, bar, candle.ts, candle.bar_ts, price, candle.volume, 1)
        return _BY_LIMIT if done else _CARRIED
    reached = candle.high if d > 0 else candle.low
    if (reached - price) * d < 0.0:
        return _CARRIED
    gapped = (candle.open - price) * d >= 0.0
    reference = candle.open if gapped else price
    # Once triggered it is a market order: what the volume leaves of it goes on at the next opens.
    slots[m, WAITING_KIND] = AT_MARKET
    if not enter(account, terms, m, bar, candle.ts, candle.bar_ts, reference, candle.volume, 0):
        return _CARRIED
    return _AT_OPEN if gapped else _BY_STOP


@inlined_kernel
def _exits(terms: Terms, account: Account, m: int, bar: int, candle: Candle, began: int) -> None:
    book, slots = account.book, account.slots
    d = slots[m, DIRECTION]
    adverse, mark = (candle.low, candle.mark_low) if d > 0 else (candle.high, candle.mark_high)
    stop, liquidation = book[m, STOP], book[m, LIQUIDATION]
    # The open came before a stop entry that filled within the bar.
    opened = began != _BY_STOP
    liquidated = (mark - liquidation) * d <= 0.0
    stopped = slots[m, CLOSING] == 0 and (adverse - stop) * d <= 0.0
    gapped = liquidated and opened and (candle.mark_open - liquidation) * d <= 0.0
    if stopped and not gapped and not (liquidated and (liquidation - stop) * d >= 0.0):
        reference = candle.open if opened and (candle.open - stop) * d < 0.0 else stop
        _leave_at_market(terms, account, m, bar, candle, reference, slots[m, STOP_KIND])
        # What the volume did not let out at the stop can still be liquidated.
        liquidated = liquidated and slots[m, DIRECTION] != 0
    if liquidated:
        _liquidate(terms, account, m, bar, candle, candle.mark_open if gapped else liquidation)
    elif slots[m, DIRECTION] != 0 and slots[m, CLOSING] == 0:
        _targets(terms, account, m, bar, candle, began)


@inlined_kernel
def _liquidate(terms: Terms, account: Account, m: int, bar: int, candle: Candle, price: float) -> None:
    book = account.book
    d = account.slots[m, DIRECTION]
    quantity = book[m, QUANTITY]
    bankrupt = book[m, ENTRY] - d * book[m, MARGIN] / quantity
    if (price - bankrupt) * d < 0.0:
        price = bankrupt
    left = max(book[m, MARGIN] + d * quantity * (price - book[m, ENTRY]), 0.0)
    fee = min(price * quantity * (terms.taker + terms.liquidation), left)
    leave(account, m, bar, candle.ts, candle.bar_ts, price, quantity, fee, 0.0, 0, BY_LIQUIDATION)


@inlined_kernel
def _targets(terms: Terms, account: Account, m: int, bar: int, candle: Candle, began: int) -> None:
    book, slots = account.book, account.slots
    d = slots[m, DIRECTION]
    favourable = candle.high if d > 0 else candle.low
    if began == _BY_LIMIT:
        # What lies beyond the close may have come before the fill.
        favourable = candle.close
    last = np.isnan(book[m, TARGET_2])
    if not (favourable - book[m, TARGET_1] * (1.0 + d * terms.beyond)) * d >= 0.0:
        return
    if slots[m, TARGETS_TOUCHED] == 0:
        slots[m, TARGETS_TOUCHED] = 1
        part = book[m, QUANTITY] if last else rounded_down(terms.fraction_1 * book[m, FILLED], terms.step)
        book[m, LEFT_1] = part
        if part <= 0.0:
            slots[m, TARGET_1_FILLED] = 1
    if book[m, LEFT_1] > 0.0:
        quantity = _take(terms, account, m, bar, candle, book[m, TARGET_1], book[m, LEFT_1], BY_TARGET_1)
        if quantity > 0.0:
            book[m, LEFT_1] -= quantity
            slots[m, TARGET_1_FILLED] = 1
            if slots[m, DIRECTION] == 0:
                return
    if last or not (favourable - book[m, TARGET_2] * (1.0 + d * terms.beyond)) * d >= 0.0:
        return
    if slots[m, TARGETS_TOUCHED] == 1:
        slots[m, TARGETS_TOUCHED] = 2
        whole = terms.fraction_1 + terms.fraction_2 >= 1.0 - 1e-12
        part = rounded_down(terms.fraction_2 * book[m, FILLED], terms.step)
        book[m, LEFT_2] = book[m, QUANTITY] if whole else min(part, book[m, QUANTITY])
    if book[m, LEFT_2] > 0.0:
        book[m, LEFT_2] -= _take(terms, account, m, bar, candle, book[m, TARGET_2], book[m, LEFT_2], BY_TARGET_2)


@lean_kernel
def _take(
    terms: Terms, account: Account, m: int, bar: int, candle: Candle, price: float, wanted: float, reason: int
) -> float:
    """Fill a target as far as the volume goes; the quantity filled."""
    book = account.book
    quantity = min(min(wanted, book[m, QUANTITY]), rounded_down(book[m, VOLUME_LEFT], terms.step))
    if quantity > 0.0:
        fee = price * quantity * terms.maker
        leave(account, m, bar, candle.ts, candle.bar_ts, price, quantity, fee, 0.0, 1, reason)
    return quantity


@inlined_kernel
def has_work(account: Account, m: int) -> bool:
    """Whether a market has a position or a waiting entry."""
    return account.slots[m, DIRECTION] != 0 or account.slots[m, WAITING] != NOTHING

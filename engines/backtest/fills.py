"""Fills: what an entry, an exit or a funding does to the account."""

from __future__ import annotations

import numpy as np

from engines.backtest.account import (
    AFTER_CLOSING,
    BEST,
    BEST_FROM_CLOSE,
    BY_ENTRY,
    BY_STOP,
    CLOSING,
    DIRECTION,
    ENTRY,
    ENTRY_BAR,
    ENTRY_TS,
    EQUITY_BEFORE,
    EVEN,
    EXIT_VALUE,
    FATE_FILLED,
    FATE_NO_MARGIN,
    FATE_STOP_BEYOND,
    FATE_TOO_SMALL,
    FEES,
    FILLED,
    FIRST,
    FIRST_STOP,
    FUNDING,
    FUNDING_PAID,
    GROSS,
    LEFT_1,
    LEFT_2,
    LIQUIDATION,
    LOG_AVERAGE,
    LOG_BAR_TS,
    LOG_CASH,
    LOG_FEE,
    LOG_HELD,
    LOG_MAKER,
    LOG_MARKET,
    LOG_PRICE,
    LOG_QUANTITY,
    LOG_REASON,
    LOG_SIDE,
    LOG_SIGNAL,
    LOG_SLIPPED,
    LOG_TRADE,
    LOG_TS,
    LOGGED,
    MARGIN,
    NOTHING,
    OPENED,
    PASSED,
    QUANTITY,
    REST,
    SIGNAL,
    SLIPPED,
    STOP,
    STOP_KIND,
    TARGET_1,
    TARGET_1_FILLED,
    TARGET_2,
    TARGETS_TOUCHED,
    TRADE,
    TRADE_BARS,
    TRADE_BEST,
    TRADE_DIRECTION,
    TRADE_ENTRY,
    TRADE_ENTRY_BAR,
    TRADE_ENTRY_TS,
    TRADE_EQUITY,
    TRADE_EXIT,
    TRADE_EXIT_TS,
    TRADE_FEES,
    TRADE_FUNDING,
    TRADE_GROSS,
    TRADE_MARKET,
    TRADE_NUMBER,
    TRADE_PASSED,
    TRADE_QUANTITY,
    TRADE_REASON,
    TRADE_SIGNAL,
    TRADE_SLIPPED,
    TRADE_STOP,
    TRADE_WORST,
    TRADES,
    VOLUME_LEFT,
    WAITING,
    WAITING_DIRECTION,
    WAITING_EQUITY,
    WAITING_SIGNAL,
    WAITING_STOP,
    WAITING_TARGET_1,
    WAITING_TARGET_2,
    WANTED,
    WORST,
    Account,
    Terms,
)
from engines.kernel import lean_kernel

_NEARLY = 1e-9
_NO_LIQUIDATION = 1e-9
"""Part of the entry below which a liquidation price is a rounding error of 0."""


@lean_kernel
def rounded_down(quantity: float, step: float) -> float:
    """Largest multiple of ``step`` in ``quantity``; the quantity itself without a step.

    What lacks less than a billionth of a step to a multiple is that multiple: 0.3 / 0.1 is less than 3 in floats.
    """
    return np.floor(quantity / step + _NEARLY) * step if step > 0.0 else quantity


@lean_kernel
def slip(quantity: float, volume: float, terms: Terms) -> float:
    """Part of the price that a fill of ``quantity`` is worse than its reference price."""
    if terms.impact == 0.0:
        return terms.slippage
    share = min(quantity / volume, 1.0) if volume > 0.0 else 1.0
    return terms.slippage + terms.impact * np.sqrt(share)


@lean_kernel
def free_cash(account: Account) -> float:
    """Cash that no position's margin ties up."""
    tied = 0.0
    for m in range(account.slots.shape[0]):
        if account.slots[m, DIRECTION] != 0:
            tied += account.book[m, MARGIN]
    return account.cash[0] - tied


@lean_kernel
def equity_at_closes(account: Account, closes: int) -> float:
    """Cash and the unrealised results at the last closes; ``closes`` is their column in the book."""
    equity = account.cash[0]
    for m in range(account.slots.shape[0]):
        d = account.slots[m, DIRECTION]
        if d != 0:
            equity += d * account.book[m, QUANTITY] * (account.book[m, closes] - account.book[m, ENTRY])
    return equity


@lean_kernel
def _log(
    account: Account,
    m: int,
    ts: int,
    bar_ts: int,
    side: int,
    price: float,
    quantity: float,
    fee: float,
    slipped: float,
    maker: int,
    reason: int,
) -> None:
    row = account.counters[LOGGED]
    log, numbers = account.log, account.log_numbers
    log[row, LOG_PRICE] = price
    log[row, LOG_QUANTITY] = quantity
    log[row, LOG_FEE] = fee
    log[row, LOG_SLIPPED] = slipped
    log[row, LOG_CASH] = account.cash[0]
    log[row, LOG_HELD] = account.slots[m, DIRECTION] * account.book[m, QUANTITY]
    log[row, LOG_AVERAGE] = account.book[m, ENTRY]
    numbers[row, LOG_TS] = ts
    numbers[row, LOG_BAR_TS] = bar_ts
    numbers[row, LOG_MARKET] = m
    numbers[row, LOG_SIGNAL] = account.slots[m, SIGNAL]
    numbers[row, LOG_TRADE] = account.slots[m, TRADE]
    numbers[row, LOG_SIDE] = side
    numbers[row, LOG_MAKER] = maker
    numbers[row, LOG_REASON] = reason
    account.counters[LOGGED] = row + 1


@lean_kernel
def set_liquidation(account: Account, m: int, maintenance: float) -> None:
    """Price at which a position's margin and result no longer cover its maintenance margin."""
    book = account.book
    d = float(account.slots[m, DIRECTION])
    price = (book[m, MARGIN] / book[m, QUANTITY] - d * book[m, ENTRY]) / (maintenance - d)
    book[m, LIQUIDATION] = price if price > _NO_LIQUIDATION * book[m, ENTRY] else np.nan


@lean_kernel
def enter(
    account: Account,
    terms: Terms,
    m: int,
    bar: int,
    ts: int,
    bar_ts: int,
    reference: float,
    volume: float,
    maker: int,
) -> bool:
    """Fill the waiting entry at ``reference``, slipped unless ``maker``, as far as it goes; whether anything was filled."""
    book, slots = account.book, account.slots
    d = slots[m, WAITING_DIRECTION]
    first = slots[m, WAITING] == FIRST
    price = reference if maker else reference * (1.0 + d * terms.slippage)
    # The rest of an entry meets the stop as it stands by now.
    if (price - (book[m, WAITING_STOP] if first else book[m, STOP])) * d <= 0.0:
        if first:
            account.fates[slots[m, WAITING_SIGNAL]] = FATE_STOP_BEYOND
        slots[m, WAITING] = NOTHING
        return False
    rate = terms.maker if maker else terms.taker
    per_unit = 1.0 / terms.leverage + max(rate, 0.0)
    free = free_cash(account)
    # What rounding leaves of cash that is all tied up buys nothing.
    if free < _NEARLY * account.cash[0]:
        free = 0.0
    # A wanted value stands negative, a wanted quantity positive.
    wanted = book[m, WANTED] if book[m, WANTED] >= 0.0 else -book[m, WANTED] / price
    quantity = rounded_down(min(wanted, free / (price * per_unit)), terms.step)
    if quantity <= 0.0 or (first and quantity * price < terms.min_notional):
        if first:
            alone = rounded_down(wanted, terms.step)
            account.fates[slots[m, WAITING_SIGNAL]] = (
                FATE_TOO_SMALL if alone <= 0.0 or alone * price < terms.min_notional else FATE_NO_MARGIN
            )
        slots[m, WAITING] = NOTHING
        return False
    filled = min(quantity, rounded_down(book[m, VOLUME_LEFT], terms.step))
    if filled <= 0.0:
        return False
    if terms.impact > 0.0 and not maker:
        price = reference * (1.0 + d * slip(filled, volume, terms))
        quantity = min(quantity, rounded_down(free / (price * per_unit), terms.step))
        if quantity <= 0.0:
            if first:
                account.fates[slots[m, WAITING_SIGNAL]] = FATE_NO_MARGIN
            slots[m, WAITING] = NOTHING
            return False
        filled = min(filled, quantity)
    if first:
        account.fates[slots[m, WAITING_SIGNAL]] = FATE_FILLED
        _open_position(account, m, bar, ts, d)
    held = book[m, QUANTITY]
    book[m, ENTRY] = price if held == 0.0 else (held * book[m, ENTRY] + filled * price) / (held + filled)
    book[m, QUANTITY] = held + filled
    book[m, FILLED] += filled
    book[m, MARGIN] += filled * price / terms.leverage
    fee = price * filled * rate
    slipped = abs(price - reference) * filled
    account.cash[0] -= fee
    book[m, FEES] += fee
    book[m, SLIPPED] += slipped
    book[m, VOLUME_LEFT] -= filled
    set_liquidation(account, m, terms.maintenance)
    _log(account, m, ts, bar_ts, d, price, filled, fee, slipped, maker, BY_ENTRY)
    left = quantity - filled
    if left > 0.0:
        book[m, WANTED] = left if book[m, WANTED] >= 0.0 else -left * price
        slots[m, WAITING] = REST
    else:
        slots[m, WAITING] = NOTHING
    return True


@lean_kernel
def _open_position(account: Account, m: int, bar: int, ts: int, d: int) -> None:
    book, slots = account.book, account.slots
    for column in (QUANTITY, MARGIN, FILLED, EXIT_VALUE, GROSS, FEES, SLIPPED, FUNDING, LEFT_1, LEFT_2):
        book[m, column] = 0.0
    book[m, STOP] = book[m, FIRST_STOP] = book[m, WAITING_STOP]
    book[m, TARGET_1] = book[m, WAITING_TARGET_1]
    book[m, TARGET_2] = book[m, WAITING_TARGET_2]
    book[m, EQUITY_BEFORE] = book[m, WAITING_EQUITY]
    book[m, BEST] = book[m, WORST] = np.nan
    slots[m, DIRECTION] = d
    slots[m, CLOSING] = 0
    slots[m, STOP_KIND] = BY_STOP
    slots[m, TARGETS_TOUCHED] = 0
    slots[m, TARGET_1_FILLED] = 0
    slots[m, EVEN] = 0
    slots[m, BEST_FROM_CLOSE] = 0
    slots[m, PASSED] = 0
    slots[m, ENTRY_BAR] = bar
    slots[m, ENTRY_TS] = ts
    slots[m, SIGNAL] = slots[m, WAITING_SIGNAL]
    slots[m, TRADE] = account.counters[OPENED]
    account.counters[OPENED] += 1


@lean_kernel
def leave(
    account: Account,
    m: int,
    bar: int,
    ts: int,
    bar_ts: int,
    price: float,
    quantity: float,
    fee: float,
    slipped: float,
    maker: int,
    reason: int,
) -> None:
    """Fill an exit of ``quantity`` at ``price``; the trade is written when nothing is left."""
    book, slots = account.book, account.slots
    d = slots[m, DIRECTION]
    held = book[m, QUANTITY]
    gain = d * quantity * (price - book[m, ENTRY])
    account.cash[0] += gain - fee
    book[m, GROSS] += gain
    book[m, FEES] += fee
    book[m, SLIPPED] += slipped
    book[m, EXIT_VALUE] += price * quantity
    book[m, VOLUME_LEFT] -= quantity
    reach(account, m, price, price)
    if quantity >= held:
        book[m, QUANTITY] = book[m, MARGIN] = 0.0
    else:
        book[m, QUANTITY] = held - quantity
        book[m, MARGIN] -= book[m, MARGIN] * (quantity / held)
    _log(account, m, ts, bar_ts, -d, price, quantity, fee, slipped, maker, reason)
    if slots[m, WAITING] == REST:
        slots[m, WAITING] = NOTHING
    if book[m, QUANTITY] == 0.0:
        _write_trade(account, m, bar, ts, reason)
        slots[m, DIRECTION] = 0
        slots[m, CLOSING] = 0
        if slots[m, WAITING] == AFTER_CLOSING:
            slots[m, WAITING] = FIRST


@lean_kernel
def reach(account: Account, m: int, up_to: float, down_to: float) -> None:
    """Note the highest and lowest price a position has seen as its best and worst."""
    book = account.book
    best, worst = (up_to, down_to) if account.slots[m, DIRECTION] > 0 else (down_to, up_to)
    d = account.slots[m, DIRECTION]
    if not (book[m, BEST] - best) * d >= 0.0:
        book[m, BEST] = best
    if not (worst - book[m, WORST]) * d >= 0.0:
        book[m, WORST] = worst


@lean_kernel
def _write_trade(account: Account, m: int, bar: int, ts: int, reason: int) -> None:
    row = account.counters[TRADES]
    book, slots, trades, numbers = account.book, account.slots, account.trades, account.trade_numbers
    trades[row, TRADE_ENTRY] = book[m, ENTRY]
    trades[row, TRADE_EXIT] = book[m, EXIT_VALUE] / book[m, FILLED]
    trades[row, TRADE_STOP] = book[m, FIRST_STOP]
    trades[row, TRADE_QUANTITY] = book[m, FILLED]
    trades[row, TRADE_FEES] = book[m, FEES]
    trades[row, TRADE_SLIPPED] = book[m, SLIPPED]
    trades[row, TRADE_FUNDING] = book[m, FUNDING]
    trades[row, TRADE_GROSS] = book[m, GROSS]
    trades[row, TRADE_EQUITY] = book[m, EQUITY_BEFORE]
    trades[row, TRADE_BEST] = book[m, BEST]
    trades[row, TRADE_WORST] = book[m, WORST]
    numbers[row, TRADE_MARKET] = m
    numbers[row, TRADE_SIGNAL] = slots[m, SIGNAL]
    numbers[row, TRADE_NUMBER] = slots[m, TRADE]
    numbers[row, TRADE_DIRECTION] = slots[m, DIRECTION]
    numbers[row, TRADE_ENTRY_TS] = slots[m, ENTRY_TS]
    numbers[row, TRADE_EXIT_TS] = ts
    numbers[row, TRADE_ENTRY_BAR] = slots[m, ENTRY_BAR]
    numbers[row, TRADE_BARS] = bar - slots[m, ENTRY_BAR]
    numbers[row, TRADE_PASSED] = slots[m, PASSED]
    numbers[row, TRADE_REASON] = reason
    account.counters[TRADES] = row + 1


@lean_kernel
def pay_funding(account: Account, terms: Terms, m: int, ts: int, bar_ts: int, price: float, rate: float) -> None:
    """Pay (or receive) one funding; what cash cannot pay comes out of the position's margin."""
    book = account.book
    d = account.slots[m, DIRECTION]
    paid = d * book[m, QUANTITY] * price * rate
    account.cash[0] -= paid
    book[m, FUNDING] += paid
    if paid > 0.0:
        lacking = -free_cash(account)
        if lacking > 0.0:
            book[m, MARGIN] -= min(lacking, paid)
            set_liquidation(account, m, terms.maintenance)
    _log(account, m, ts, bar_ts, 0, price, book[m, QUANTITY], paid, 0.0, 0, FUNDING_PAID)

"""The backtest in plain Python, word for word from `docs/backtest.md`: one bar at a time, the account in decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from engines.backtest.config import BacktestConfig, EntryOrder, Opposite
from engines.backtest.rows import Fate, Reason
from tests.engines.reference.backtest_book import (
    ONE,
    SMALLEST,
    ZERO,
    Bar,
    Book,
    Entry,
    Fill,
    Funding,
    Position,
    Signal,
    Slice,
    Trade,
    read_bars,
    read_funding,
    read_signals,
)
from tests.engines.reference.backtest_stops import follow


@dataclass(frozen=True)
class Outcome:
    fills: list[Fill]
    trades: list[Trade]
    fates: list[Fate]
    equity: list[tuple[int, Decimal, Decimal]]
    """Open time of the bars, cash, and equity at their closes."""


@dataclass
class Market:
    name: str
    bars: list[Bar]
    finer: dict[int, Bar]
    finer_step: int
    marks: dict[int, Bar]
    funding: list[Funding]
    position: Position | None = None
    entry: Entry | None = None
    """Waits, or is the rest of the position's own entry, or waits for the position to be closed (a reversal)."""
    seen: int = 0
    close: Decimal = ZERO

    @property
    def entry_is_free(self) -> bool:
        """Whether the entry may fill: nothing is open, or its own first part."""
        return self.position is None or (self.entry is not None and self.position.signal is self.entry.signal)


def simulate(
    bars: pl.DataFrame,
    signals: pl.DataFrame,
    config: BacktestConfig,
    *,
    step: int,
    funding: pl.DataFrame | None = None,
    mark: pl.DataFrame | None = None,
    finer: pl.DataFrame | None = None,
    finer_step: int = 0,
) -> Outcome:
    """Everything at once; ``step`` and ``finer_step`` are the bars' lengths in milliseconds."""
    names = sorted(bars["market"].unique().to_list()) if "market" in bars.columns else [""]
    markets = {
        name: Market(
            name,
            read_bars(bars, name),
            {bar.ts: bar for bar in read_bars(finer, name)},
            finer_step or step,
            {bar.ts: bar for bar in read_bars(mark, name)},
            read_funding(funding, name),
        )
        for name in names
    }
    orders = read_signals(signals)
    run = Simulation(config, markets, len(orders), step)
    times = sorted({bar.ts for market in markets.values() for bar in market.bars})
    for ts in times:
        run.close_of(ts, [order for order in orders if order.ts == ts])
    run.end(times[-1])
    return Outcome(run.book.fills, run.book.trades, run.fates, run.equity)


class Simulation:
    def __init__(self, config: BacktestConfig, markets: dict[str, Market], signals: int, step: int) -> None:
        self.config = config
        self.markets = markets
        self.step = step
        self.book = Book(config, lambda: [m.position for m in markets.values() if m.position is not None])
        self.fates = [Fate.PENDING] * signals
        self.equity: list[tuple[int, Decimal, Decimal]] = []

    def close_of(self, ts: int, decided: list[Signal]) -> None:
        """One time: all markets' bars, the mark, and what is decided at the closes."""
        had: list[tuple[Market, Bar]] = []
        for market in self.markets.values():
            bar = market.bars[market.seen] if market.seen < len(market.bars) else None
            if bar is not None and bar.ts == ts:
                self.walk(market, bar)
                had.append((market, bar))
        equity = self.marked()
        self.equity.append((ts, self.book.cash, equity))
        for market, bar in had:
            if market.position is not None:
                market.position.lived += 1
                follow(market.position, bar, self.config, market.bars[: market.seen])
                if self.config.time_stop_bars and market.position.lived >= self.config.time_stop_bars:
                    self.decide_closing(market, Reason.TIME_STOP)
        for signal in decided:
            self.take(signal, self.markets[signal.market], equity)

    def marked(self) -> Decimal:
        return self.book.cash + sum(
            (m.position.unrealised(m.close) for m in self.markets.values() if m.position is not None), ZERO
        )

    def walk(self, market: Market, bar: Bar) -> None:
        """Steps 1 to 5, on the finer bars if they fill the bar."""
        opens = range(bar.ts, bar.ts + self.step, market.finer_step)
        pieces, length = [market.finer[ts] for ts in opens if ts in market.finer], market.finer_step
        if len(pieces) < len(opens):
            pieces, length = [bar], self.step
        for k, piece in enumerate(pieces):
            # A mark bar holds for a bar of its own length.
            mark = market.marks.get(piece.ts, piece) if length == market.finer_step else piece
            self.piece(market, Slice(piece, mark, piece.ts + length, is_later=k > 0))
        if market.entry is not None and market.entry_is_free:
            market.entry.tried += 1
            if market.entry.tried >= self.config.valid_bars:
                self.withdraw(market, Fate.NOT_REACHED)
        market.seen += 1
        market.close = bar.close

    def piece(self, market: Market, part: Slice) -> None:
        """Steps 1 to 5."""
        self.pay_funding(market, part, part.bar.ts + 1)
        if market.position is not None and market.position.closing is not None:
            self.close_at(market, part, part.bar.open, market.position.closing)
        if market.entry is not None and market.entry_is_free and market.entry.as_market:
            self.enter(market, part, part.bar.open, maker=False)
        self.pay_funding(market, part, part.end)
        if market.entry is not None and market.entry_is_free and not market.entry.as_market:
            self.wait(market, part)
        if market.position is not None:
            self.exits(market, part)

    def pay_funding(self, market: Market, part: Slice, before: int) -> None:
        while market.funding and market.funding[0].ts < before:
            row = market.funding.pop(0)
            if market.position is not None:
                self.book.fund(market.position, part.mark.open * row.rate)

    def wait(self, market: Market, part: Slice) -> None:
        """Step 4."""
        entry, bar = market.entry, part.bar
        assert entry is not None
        assert entry.signal.entry is not None
        level, side = entry.signal.entry, entry.signal.direction
        if entry.kind is EntryOrder.LIMIT:
            reach = level * (1 - side * self.book.beyond)
            if (bar.low <= reach) if side > 0 else (bar.high >= reach):
                self.enter(market, part, level, maker=True)
        elif (bar.high >= level) if side > 0 else (bar.low <= level):
            entry.triggered = True
            part.opened_before = (bar.open - level) * side < 0
            self.enter(market, part, max(level, bar.open) if side > 0 else min(level, bar.open), maker=False)

    def enter(self, market: Market, part: Slice, price: Decimal, *, maker: bool) -> None:
        """One attempt to fill the entry at a reference price."""
        entry, book, position = market.entry, self.book, market.position
        assert entry is not None
        side = entry.signal.direction
        stop = entry.signal.stop if position is None else position.stop
        about = price if maker else book.slipped(price, side, ZERO, part)
        if stop is not None and (about - stop) * side <= 0:
            self.withdraw(market, Fate.STOP_BEYOND)
            return
        wanted = entry.left / about if entry.is_value else entry.left
        asked = book.rounded(min(wanted, book.affordable(about, maker)))
        least = max(book.min_notional, SMALLEST) if position is None else SMALLEST
        if asked * about < least:
            short = book.rounded(wanted) * about >= least
            self.withdraw(market, Fate.NO_MARGIN if short else Fate.TOO_SMALL)
            return
        quantity = book.bounded(asked, part)
        if not maker:
            # The price has the impact of what the margin would allow without it, and the margin must then allow that price.
            price = book.slipped(price, side, quantity, part)
            asked = book.rounded(min(asked, book.affordable(price, maker)))
            quantity = min(quantity, asked)
        if quantity <= 0:
            return
        if position is None:
            late = entry.kind is EntryOrder.LIMIT or part.is_later
            position = Position(entry.signal, part.bar.ts, late)
            market.position = position
            self.fates[entry.signal.number] = Fate.FILLED
        book.buy_in(position, part, price, quantity, maker, market.name)
        part.limit_filled = part.limit_filled or entry.kind is EntryOrder.LIMIT
        entry.left = (asked - quantity) * (price if entry.is_value else ONE)
        if quantity >= asked:
            market.entry = None

    def exits(self, market: Market, part: Slice) -> None:
        """Step 5."""
        position, bar, mark = market.position, part.bar, part.mark
        assert position is not None
        side = position.direction
        bust = self.book.liquidation_price(position)
        stop = position.stop if position.closing is None else None
        if bust is not None and (mark.open - bust) * side <= 0 and not part.opened_before:
            self.liquidate(market, part, mark.open)
            return
        busts = bust is not None and ((mark.low if side > 0 else mark.high) - bust) * side <= 0
        stops = stop is not None and ((bar.low if side > 0 else bar.high) - stop) * side <= 0
        if busts and bust is not None and not (stops and stop is not None and (stop - bust) * side > 0):
            self.liquidate(market, part, bust)
            return
        if stops and stop is not None:
            self.decide_closing(market, position.stop_reason)
            gap = (bar.open - stop) * side < 0 and not part.opened_before
            self.close_at(market, part, bar.open if gap else stop, position.stop_reason)
            if market.position is not None and busts and bust is not None:
                self.liquidate(market, part, bust)
            return
        if position.closing is None:
            self.targets(market, part)

    def targets(self, market: Market, part: Slice) -> None:
        """Step 5.2 and 5.3."""
        bar = part.bar
        for number in (0, 1):
            position = market.position
            if position is None:
                return
            level, side = position.signal.targets[number], position.direction
            if level is None or position.target_left[number] == 0:
                continue
            farthest = bar.close if part.limit_filled else bar.high if side > 0 else bar.low
            if (farthest - level * (1 + side * self.book.beyond)) * side < 0:
                continue
            left = position.target_left[number]
            if left is None:
                left = self.target_quantity(position, number)
                position.target_1_filled = position.target_1_filled or (number == 0 and left == 0)
            quantity = self.book.bounded(min(left, position.quantity), part)
            position.target_left[number] = left - quantity
            if quantity > 0:
                position.target_1_filled = position.target_1_filled or number == 0
                reason = (Reason.TARGET_1, Reason.TARGET_2)[number]
                position.reached(level)
                self.sell(market, part, level, quantity, reason, maker=True)

    def target_quantity(self, position: Position, number: int) -> Decimal:
        fractions = [Decimal(one) for one in self.config.target_fractions]
        if number == 0 and position.signal.targets[1] is None:
            return position.quantity
        if number == 1 and sum(fractions) >= ONE - Decimal("1e-12"):
            return position.quantity
        return min(position.quantity, self.book.rounded(fractions[number] * position.filled))

    def close_at(self, market: Market, part: Slice, price: Decimal, reason: Reason) -> None:
        """As much of the position as the volume allows, as taker."""
        position = market.position
        assert position is not None
        quantity = self.book.bounded(position.quantity, part)
        if quantity > 0:
            price = self.book.slipped(price, -position.direction, quantity, part)
            self.sell(market, part, price, quantity, reason, maker=False)

    def liquidate(self, market: Market, part: Slice, price: Decimal) -> None:
        position = market.position
        assert position is not None
        worst = position.average - position.direction * position.margin / position.quantity
        price = max(price, worst) if position.direction > 0 else min(price, worst)
        self.sell(market, part, price, position.quantity, Reason.LIQUIDATION, maker=False)

    def sell(
        self, market: Market, part: Slice, price: Decimal, quantity: Decimal, reason: Reason, *, maker: bool
    ) -> None:
        """One exit fill. What is left of the position's own entry goes with the first."""
        position = market.position
        assert position is not None
        if market.entry is not None and market.entry.signal is position.signal:
            market.entry = None
        self.book.take_out(position, part, price, quantity, reason, maker, market.name)
        if position.quantity <= 0:
            market.position = None

    def decide_closing(self, market: Market, reason: Reason) -> bool:
        position = market.position
        assert position is not None
        if position.closing is not None:
            return False
        position.closing = reason
        if market.entry is not None and market.entry.signal is position.signal:
            market.entry = None
        return True

    def withdraw(self, market: Market, fate: Fate) -> None:
        assert market.entry is not None
        number = market.entry.signal.number
        if self.fates[number] is Fate.PENDING:
            self.fates[number] = fate
        market.entry = None

    def take(self, signal: Signal, market: Market, equity: Decimal) -> None:
        """What a signal does, decided at a close."""
        position, entry, opposite = market.position, market.entry, self.config.opposite
        fate = Fate.IN_POSITION
        if position is not None:
            against = signal.direction == -position.direction
            if signal.direction == 0:
                fate = Fate.CLOSING if self.decide_closing(market, Reason.SIGNAL) else fate
            elif against and opposite is Opposite.CLOSE:
                fate = Fate.CLOSING if self.decide_closing(market, Reason.OPPOSITE) else fate
            elif against and opposite is Opposite.REVERSE:
                self.decide_closing(market, Reason.OPPOSITE)
                if market.entry is None:
                    fate = self.wait_for(signal, market, equity)
        elif entry is not None:
            against = signal.direction == -entry.signal.direction
            if signal.direction == 0 or (against and opposite is not Opposite.IGNORE):
                self.withdraw(market, Fate.CANCELLED)
                reverse = signal.direction != 0 and opposite is Opposite.REVERSE
                fate = self.wait_for(signal, market, equity) if reverse else Fate.CLOSING
        elif signal.direction != 0:
            busy = sum(m.position is not None or m.entry is not None for m in self.markets.values())
            most = self.config.max_positions
            fate = Fate.MAX_POSITIONS if most and busy >= most else self.wait_for(signal, market, equity)
        self.fates[signal.number] = fate

    def wait_for(self, signal: Signal, market: Market, equity: Decimal) -> Fate:
        market.entry = self.book.entry_of(signal, market.close, equity)
        return Fate.PENDING

    def end(self, ts: int) -> None:
        """Closes what is open at its market's last close."""
        for market in self.markets.values():
            if market.position is not None:
                bar = market.bars[-1]
                self.sell(market, Slice(bar, bar, bar.ts), bar.close, market.position.quantity, Reason.END, maker=False)
        self.equity[-1] = (ts, self.book.cash, self.book.cash)

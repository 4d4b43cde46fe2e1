"""Orders, positions and the account of the plain backtest: prices, quantities, fees and margin in decimals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

import polars as pl

from engines.backtest.config import BacktestConfig, EntryOrder, Sizing
from engines.backtest.rows import Reason

ZERO, ONE = Decimal(0), Decimal(1)
BP = Decimal(10_000)
# Two quantities that differ by less are the same: a step's multiple divided by the step is whole only in decimals.
ALMOST = Decimal("1e-9")
SMALLEST = Decimal("1e-30")


@dataclass(frozen=True)
class Bar:
    ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True)
class Funding:
    ts: int
    rate: Decimal


@dataclass(frozen=True)
class Signal:
    number: int
    ts: int
    market: str
    direction: int
    entry: Decimal | None
    stop: Decimal | None
    targets: tuple[Decimal | None, Decimal | None]
    quantity: Decimal | None


@dataclass
class Slice:
    """A bar that is walked, its mark, when it ends, and what its fills have taken of the volume."""

    bar: Bar
    mark: Bar
    end: int
    taken: Decimal = ZERO
    is_later: bool = False
    """A finer bar after the first of its bar."""
    limit_filled: bool = False
    opened_before: bool = False
    """A stop entry was triggered after the open, which therefore is no price for its own stop."""


@dataclass
class Entry:
    signal: Signal
    kind: EntryOrder
    left: Decimal
    """Of the amount: a value or a quantity."""
    is_value: bool
    tried: int = 0
    triggered: bool = False

    @property
    def as_market(self) -> bool:
        return self.kind is EntryOrder.MARKET or self.triggered


@dataclass
class Position:
    signal: Signal
    entry_ts: int
    best_is_close: bool
    """Of the entry's bar it is not known whether the high (low) came after the entry."""
    quantity: Decimal = ZERO
    filled: Decimal = ZERO
    average: Decimal = ZERO
    margin: Decimal = ZERO
    stop_reason: Reason = Reason.STOP
    closing: Reason | None = None
    target_left: list[Decimal | None] = field(default_factory=lambda: [None, None])
    target_1_filled: bool = False
    best: Decimal | None = None
    lived: int = 0
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    gross: Decimal = ZERO
    sold_for: Decimal = ZERO

    def __post_init__(self) -> None:
        self.stop = self.signal.stop

    @property
    def direction(self) -> int:
        return self.signal.direction

    def reached(self, price: Decimal) -> None:
        """A price that is known to have come since the entry."""
        self.best = (
            price if self.best is None else max(price * self.direction, self.best * self.direction) * self.direction
        )

    def unrealised(self, price: Decimal) -> Decimal:
        return self.direction * self.quantity * (price - self.average)


@dataclass(frozen=True)
class Fill:
    ts: int
    market: str
    signal: int
    side: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    maker: bool
    reason: Reason
    cash: Decimal


@dataclass(frozen=True)
class Trade:
    market: str
    signal: int
    direction: int
    entry_ts: int
    exit_ts: int
    entry_price: Decimal
    exit_price: Decimal
    quantity: Decimal
    fees: Decimal
    funding: Decimal
    pnl: Decimal
    reason: Reason


class Book:
    """Cash, and all that changes it."""

    def __init__(self, config: BacktestConfig, positions: Callable[[], list[Position]]) -> None:
        self.config = config
        self.positions = positions
        self.cash = Decimal(config.cash)
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.leverage = Decimal(config.leverage)
        self.beyond = Decimal(config.limit_beyond_bp) / BP
        self.participation = Decimal(config.max_participation)
        self.min_notional = Decimal(config.min_notional)

    def fee_rate(self, maker: bool) -> Decimal:
        return Decimal(self.config.fees.maker_bp if maker else self.config.fees.taker_bp) / BP

    @property
    def available(self) -> Decimal:
        return self.cash - sum((position.margin for position in self.positions()), ZERO)

    def affordable(self, price: Decimal, maker: bool) -> Decimal:
        free = self.available
        return (ZERO if free < ALMOST * self.cash else max(ZERO, free)) / (
            price * (ONE / self.leverage + max(ZERO, self.fee_rate(maker)))
        )

    def rounded(self, quantity: Decimal) -> Decimal:
        step = Decimal(self.config.quantity_step)
        if not step or quantity <= 0:
            return max(quantity, ZERO)
        return (quantity / step + ALMOST).to_integral_value(ROUND_FLOOR) * step

    def bounded(self, quantity: Decimal, part: Slice) -> Decimal:
        """What the bar's volume leaves of a quantity that is to fill."""
        if not self.participation:
            return quantity
        room = self.participation * part.bar.volume - part.taken
        return quantity if quantity <= room else self.rounded(room)

    def slipped(self, price: Decimal, side: int, quantity: Decimal, part: Slice) -> Decimal:
        slippage, volume = self.config.slippage, part.bar.volume
        share = min(ONE, quantity / volume) if volume > 0 else ONE if quantity else ZERO
        return price * (1 + side * (Decimal(slippage.bp) + Decimal(slippage.impact_bp) * share.sqrt()) / BP)

    def entry_of(self, signal: Signal, close: Decimal, equity: Decimal) -> Entry:
        """The order a signal sends, with its amount."""
        sizing, size = self.config.sizing, Decimal(self.config.size)
        amount = size
        if sizing is Sizing.RISK_FRACTION:
            assert signal.stop is not None
            price = close if signal.entry is None else signal.entry
            amount = size * equity / abs(price - signal.stop)
        elif sizing is Sizing.EQUITY_FRACTION:
            amount = size * equity
        elif sizing is Sizing.FROM_SIGNAL:
            assert signal.quantity is not None
            amount = size * signal.quantity
        return Entry(signal, self.config.entry, amount, sizing in (Sizing.EQUITY_FRACTION, Sizing.FIXED_NOTIONAL))

    def liquidation_price(self, position: Position) -> Decimal | None:
        side = position.direction
        part = Decimal(self.config.maintenance_margin)
        price = (position.margin / position.quantity - side * position.average) / (part - side)
        return price if price > 0 else None

    def fund(self, position: Position, value: Decimal) -> None:
        paid = position.direction * position.quantity * value
        short = paid - max(ZERO, self.available)
        self.cash -= paid
        position.funding += paid
        if short > 0:
            position.margin -= short

    def buy_in(
        self, position: Position, part: Slice, price: Decimal, quantity: Decimal, maker: bool, market: str
    ) -> None:
        fee = price * quantity * self.fee_rate(maker)
        total = position.quantity + quantity
        # A mean of equal prices is that price, to the last digit: stops at the average are touched by a price equal to it.
        if price != position.average:
            position.average = (
                (position.average * position.quantity + price * quantity) / total if position.quantity else price
            )
        position.quantity = total
        position.filled += quantity
        position.margin += price * quantity / self.leverage
        self._log(position, part, position.direction, price, quantity, fee, maker, Reason.ENTRY, market)

    def take_out(
        self,
        position: Position,
        part: Slice,
        price: Decimal,
        quantity: Decimal,
        reason: Reason,
        maker: bool,
        market: str,
    ) -> None:
        fee = price * quantity * self.fee_rate(maker)
        result = position.direction * quantity * (price - position.average)
        if reason is Reason.LIQUIDATION:
            fee += price * quantity * Decimal(self.config.fees.liquidation_bp) / BP
            fee = max(ZERO, min(fee, position.margin + result))
        self.cash += result
        position.gross += result
        position.sold_for += price * quantity
        position.margin *= (position.quantity - quantity) / position.quantity
        position.quantity -= quantity
        if position.quantity < position.filled * Decimal("1e-12"):
            position.quantity = ZERO
        self._log(position, part, -position.direction, price, quantity, fee, maker, reason, market)
        if position.quantity == 0:
            pnl = position.gross - position.fees - position.funding
            self.trades.append(
                Trade(
                    market,
                    position.signal.number,
                    position.direction,
                    position.entry_ts,
                    part.bar.ts,
                    position.average,
                    position.sold_for / position.filled,
                    position.filled,
                    position.fees,
                    position.funding,
                    pnl,
                    reason,
                )
            )

    def _log(
        self,
        position: Position,
        part: Slice,
        side: int,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
        maker: bool,
        reason: Reason,
        market: str,
    ) -> None:
        self.cash -= fee
        position.fees += fee
        part.taken += quantity
        self.fills.append(
            Fill(
                part.bar.ts,
                market,
                position.signal.number,
                side,
                price,
                quantity,
                fee,
                maker,
                reason,
                self.cash,
            )
        )


def read_bars(frame: pl.DataFrame | None, market: str) -> list[Bar]:
    if frame is None:
        return []
    if "market" in frame.columns:
        frame = frame.filter(pl.col("market") == market)
    volume = frame["volume"].to_list() if "volume" in frame.columns else [0.0] * frame.height
    prices = [frame[name].to_list() for name in ("open", "high", "low", "close")]
    rows = zip(frame["ts"].to_physical().to_list(), *prices, volume, strict=True)
    return [Bar(ts, *map(Decimal, numbers)) for ts, *numbers in rows]


def read_funding(frame: pl.DataFrame | None, market: str) -> list[Funding]:
    if frame is None:
        return []
    if "market" in frame.columns:
        frame = frame.filter(pl.col("market") == market)
    rows = zip(frame["ts"].to_physical().to_list(), frame["funding_rate"].to_list(), strict=True)
    return [Funding(ts // 1_000 * 1_000, Decimal(rate)) for ts, rate in rows]


def read_signals(frame: pl.DataFrame) -> list[Signal]:
    def number(row: dict[str, float | None], name: str) -> Decimal | None:
        value = row.get(name)
        return None if value is None else Decimal(value)

    rows = frame.with_columns(pl.col("ts").to_physical()).to_dicts()
    return [
        Signal(
            k,
            row["ts"],
            row.get("market", ""),
            row["direction"],
            number(row, "entry"),
            number(row, "stop"),
            (number(row, "target_1"), number(row, "target_2")),
            number(row, "quantity"),
        )
        for k, row in enumerate(rows)
    ]

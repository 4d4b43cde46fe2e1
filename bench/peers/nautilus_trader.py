"""Times nautilus_trader, in an environment of its own: ``python nautilus_trader.py REQUEST ANSWER``.

Its bars are made beforehand. A run counts from a new engine to the statistics that it makes at its end.
"""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

# The peer's own module has the name of this file.
sys.path.pop(0)
import nautilus_trader
import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

_VENUE = Venue("SIM")
_MARKET = InstrumentId(Symbol("BTCUSDT"), _VENUE)
_BARS = BarType.from_str("BTCUSDT.SIM-1-MINUTE-LAST-EXTERNAL")
_DECIMALS = 8
_MINUTE_NS = 60_000_000_000


def instrument(fee: float) -> CurrencyPair:
    """The market, with steps as fine as it allows."""
    step = 10.0**-_DECIMALS
    return CurrencyPair(
        instrument_id=_MARKET,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=_DECIMALS,
        size_precision=_DECIMALS,
        price_increment=Price(step, precision=_DECIMALS),
        size_increment=Quantity(step, precision=_DECIMALS),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal(repr(fee)),
        taker_fee=Decimal(repr(fee)),
        ts_event=0,
        ts_init=0,
    )


class Listening(Strategy):
    """Counts bars and keeps fills."""

    def __init__(self, request: dict[str, Any], given: dict[str, Any]) -> None:
        super().__init__(StrategyConfig())
        self.request, self.given = request, given
        self.bar = -1
        self.fills: list[tuple[int, int, float, float]] = []

    def on_start(self) -> None:
        """Ask for the bars."""
        self.market = self.cache.instrument(_MARKET)
        self.subscribe_bars(_BARS)

    def on_order_filled(self, event: Any) -> None:
        """Note a fill."""
        side = 1 if event.order_side == OrderSide.BUY else -1
        self.fills.append((self.bar, side, float(event.last_px), float(event.last_qty)))


class Cross(Listening):
    """All in, long only."""

    def on_bar(self, bar: Any) -> None:
        """Orders of a bar's close."""
        self.bar += 1
        if self.given["leave"][self.bar]:
            if self.portfolio.is_net_long(_MARKET):
                self.close_all_positions(_MARKET)
        elif self.given["enter"][self.bar]:
            cash = self.cache.account_for_venue(_VENUE).balance_total(USDT).as_double()
            quantity = cash / (float(bar.close) * (1 + self.request["fee"]))
            order = self.order_factory.market(_MARKET, OrderSide.BUY, self.market.make_qty(quantity, round_down=True))
            self.submit_order(order)


class Bracket(Listening):
    """A fixed quantity with a stop and a target, which cancel each other."""

    def on_bar(self, bar: Any) -> None:
        """An order, if there is no position."""
        self.bar += 1
        signal = self.given["signals"].get(self.bar)
        if signal is None or not self.portfolio.is_flat(_MARKET):
            return
        direction, stop, target = signal
        orders = self.order_factory.bracket(
            instrument_id=_MARKET,
            order_side=OrderSide.BUY if direction > 0 else OrderSide.SELL,
            quantity=self.market.make_qty(self.request["quantity"]),
            entry_order_type=OrderType.MARKET,
            sl_trigger_price=self.market.make_price(stop),
            tp_price=self.market.make_price(target),
        )
        self.submit_order_list(orders)


def run(request: dict[str, Any], market: CurrencyPair, bars: list[Any], given: dict[str, Any]) -> tuple[Any, Listening]:
    """One run with its statistics."""
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=True
        )
    )
    engine.add_venue(
        venue=_VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(request["cash"], USDT)],
        default_leverage=Decimal(10),
    )
    engine.add_instrument(market)
    engine.add_data(bars, validate=False)
    strategy = (Cross if request["task"] == "cross" else Bracket)(request, given)
    engine.add_strategy(strategy)
    engine.run()
    return engine, strategy


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    values = np.load(request["bars"])
    index = pd.to_datetime(np.load(request["ts"]) * 1_000_000 + _MINUTE_NS, unit="ns", utc=True)
    frame = pd.DataFrame({name: values[k] for k, name in enumerate(("open", "high", "low", "close"))}, index=index)
    # Its fills are bounded by volume; nothing else's is.
    frame["volume"] = 1_000_000.0
    market = instrument(request["fee"])
    bars = BarDataWrangler(_BARS, market).process(frame)
    if request["task"] == "cross":
        given = {name: np.load(request[name])[0].tolist() for name in ("enter", "leave")}
    else:
        with np.load(request["signals"]) as found:
            columns = [found[name].tolist() for name in ("bar", "direction", "stop", "target")]
        given = {"signals": {bar: rest for bar, *rest in zip(*columns, strict=True)}}
    seconds, began_all = [], time.perf_counter()
    while True:
        began = time.perf_counter()
        engine, strategy = run(request, market, bars, given)
        result = engine.get_result()
        seconds.append(time.perf_counter() - began)
        done = len(seconds) == request["runs"] or time.perf_counter() - began_all + seconds[-1] > request["limit_s"]
        if done:
            break
        engine.dispose()
    rows = zip(*strategy.fills, strict=True)
    np.savez(request["orders"], **dict(zip(("bar", "side", "price", "quantity"), map(np.array, rows), strict=True)))
    cash = engine.cache.account_for_venue(_VENUE).balance_total(USDT).as_double()
    held = sum(float(position.signed_qty) for position in engine.cache.positions_open())
    paid = sum(float(position.signed_qty) * position.avg_px_open for position in engine.cache.positions_open())
    final = cash + held * values[3, -1] - paid
    pnls = result.stats_pnls.get("USDT", {})
    answer = {
        "seconds": seconds,
        "sets": 1,
        "version": nautilus_trader.__version__,
        "final_equity": [final],
        "total_return": [final / request["cash"] - 1],
        "sharpe": [next((v for name, v in result.stats_returns.items() if name.startswith("Sharpe")), float("nan"))],
        "max_drawdown": [float("nan")],
        "win_rate": [pnls.get("Win Rate", float("nan"))],
        "left": [held],
    }
    engine.dispose()
    answer_path.write_text(json.dumps(answer))


main()

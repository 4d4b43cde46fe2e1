"""Times backtrader, in an environment of its own: ``python backtrader.py REQUEST ANSWER``. A run counts to its analyzers' results."""

import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

# The peer's own module has the name of this file.
sys.path.pop(0)
import backtrader as bt
import numpy as np


class Feed(bt.feed.DataBase):
    """Bars from arrays, without files or frames on the way."""

    lines = ()
    params = (("arrays", None), ("numbers", None))

    def start(self) -> None:
        """Begin with the first bar."""
        super().start()
        self._at = 0

    def _load(self) -> bool:
        at = self._at
        arrays = self.p.arrays
        if at >= len(arrays[0]):
            return False
        self.lines.datetime[0] = self.p.numbers[at]
        self.lines.open[0] = arrays[0][at]
        self.lines.high[0] = arrays[1][at]
        self.lines.low[0] = arrays[2][at]
        self.lines.close[0] = arrays[3][at]
        self.lines.volume[0] = arrays[4][at]
        self.lines.openinterest[0] = 0.0
        self._at = at + 1
        return True


class Recorded(bt.Strategy):
    """Keeps the orders that were filled."""

    params = (("request", None),)

    def __init__(self) -> None:
        self.orders: list[tuple[int, int, float, float]] = []

    def notify_order(self, order: Any) -> None:
        """Note a fill."""
        if order.status == order.Completed:
            done = order.executed
            side = 1 if order.isbuy() else -1
            self.orders.append((len(self.data) - 1, side, done.price, abs(done.size)))


class Cross(Recorded):
    """All in, long only; told the next open before it sends the order, else it could not spend all (cheat on open)."""

    params = (("enter", None), ("leave", None))

    def next_open(self) -> None:
        """Orders of the last close, at this open."""
        at = len(self.data) - 2
        if at < 0:
            return
        if self.p.leave[at]:
            if self.position:
                self.close()
        elif self.p.enter[at]:
            asked = self.p.request
            price = self.data.open[0] * (1 + asked["slippage"])
            # A hair less than all: its check for cash rounds, and would refuse some of the orders.
            self.buy(size=self.broker.getcash() / (price * (1 + asked["fee"])) * (1 - 1e-12))


class Bracket(Recorded):
    """A fixed quantity with a stop and a target, which cancel each other."""

    params = (("signals", None),)

    def next(self) -> None:
        """An order for the next open, if there is no position."""
        signal = self.p.signals.get(len(self) - 1)
        if signal is None or self.position:
            return
        direction, stop, target = signal
        order = self.buy_bracket if direction > 0 else self.sell_bracket
        order(size=self.p.request["quantity"], exectype=bt.Order.Market, stopprice=stop, limitprice=target)


class Commission(bt.CommInfoBase):
    """A part of the value, both ways, with the whole value paid for what is bought."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_PERC), ("percabs", True))


def run(request: dict[str, Any], values: np.ndarray, numbers: list[float], given: dict[str, Any]) -> Any:
    """One run with its analyzers."""
    # In memory and vectorized where that can be, as it is by default.
    cross = request["task"] == "cross"
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=cross)
    cerebro.adddata(Feed(arrays=values.tolist(), numbers=numbers, timeframe=bt.TimeFrame.Minutes))
    cerebro.addstrategy(Cross if cross else Bracket, request=request, **given)
    cerebro.broker.setcash(request["cash"])
    cerebro.broker.addcommissioninfo(Commission(commission=request["fee"]))
    if cross:
        cerebro.broker.set_coo(True)
        cerebro.broker.set_slippage_perc(request["slippage"], slip_open=True, slip_match=True, slip_out=True)
    cerebro.addanalyzer(
        bt.analyzers.SharpeRatio, timeframe=bt.TimeFrame.Days, annualize=True, factor=365, _name="sharpe"
    )
    cerebro.addanalyzer(bt.analyzers.DrawDown, _name="drawdown")
    cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
    return cerebro.run()[0]


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    values = np.load(request["bars"])
    epoch = bt.date2num(datetime.datetime(1970, 1, 1))
    numbers = (epoch + np.load(request["ts"]) / 86_400_000).tolist()
    if request["task"] == "cross":
        given = {name: np.load(request[name])[0].tolist() for name in ("enter", "leave")}
    else:
        with np.load(request["signals"]) as found:
            columns = [found[name].tolist() for name in ("bar", "direction", "stop", "target")]
        given = {"signals": {bar: rest for bar, *rest in zip(*columns, strict=True)}}
    seconds, began_all = [], time.perf_counter()
    while True:
        began = time.perf_counter()
        strategy = run(request, values, numbers, given)
        seconds.append(time.perf_counter() - began)
        if len(seconds) == request["runs"] or time.perf_counter() - began_all + seconds[-1] > request["limit_s"]:
            break
    bars, sides, prices, quantities = (np.array(column) for column in zip(*strategy.orders, strict=True))
    np.savez(request["orders"], bar=bars, side=sides, price=prices, quantity=quantities)
    trades = strategy.analyzers.trades.get_analysis()
    final = strategy.broker.getvalue()
    closed = trades.total.closed
    answer = {
        "seconds": seconds,
        "sets": 1,
        "version": bt.__version__,
        "final_equity": [final],
        "total_return": [final / request["cash"] - 1],
        "sharpe": [strategy.analyzers.sharpe.get_analysis()["sharperatio"] or 0.0],
        "max_drawdown": [-strategy.analyzers.drawdown.get_analysis().max.drawdown / 100],
        "win_rate": [trades.won.total / closed if closed else 0.0],
        "left": [strategy.position.size],
    }
    answer_path.write_text(json.dumps(answer))


main()

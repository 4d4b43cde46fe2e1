"""Times backtesting.py, in an environment of its own: ``python backtesting.py REQUEST ANSWER``. A run counts to its statistics."""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

# The peer's own module has the name of this file.
sys.path.pop(0)
import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest

UNIT = 1e-8
"""Smallest quantity: it trades whole numbers of these."""


class Cross(Strategy):
    """All in, long only."""

    enter: np.ndarray
    leave: np.ndarray

    def init(self) -> None:
        """Nothing: signals are there."""

    def next(self) -> None:
        """Orders of a bar's close, for the next open."""
        at = len(self.data) - 1
        if self.leave[at]:
            self.position.close()
        elif self.enter[at]:
            # The largest part of equity that is read as a part of it, and not as a number of units.
            self.buy(size=1 - 1e-12)


class Bracket(Strategy):
    """A fixed quantity with a stop and a target."""

    signals: dict[int, tuple[int, float, float]]
    quantity: int

    def init(self) -> None:
        """Nothing: signals are there."""

    def next(self) -> None:
        """An order for the next open, if there is no position."""
        signal = self.signals.get(len(self.data) - 1)
        if signal is None or self.position:
            return
        direction, stop, target = signal
        order = self.buy if direction > 0 else self.sell
        order(size=self.quantity, sl=stop * UNIT, tp=target * UNIT)


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    warnings.simplefilter("ignore")
    values = np.load(request["bars"])
    bars = pd.DataFrame(
        {name: values[k] for k, name in enumerate(("Open", "High", "Low", "Close", "Volume"))},
        index=pd.to_datetime(np.load(request["ts"]), unit="ms"),
    )
    strategy: Any = Bracket
    if request["task"] == "cross":
        strategy = Cross
        Cross.enter, Cross.leave = (np.load(request[name])[0] for name in ("enter", "leave"))
    else:
        with np.load(request["signals"]) as found:
            columns = [found[name].tolist() for name in ("bar", "direction", "stop", "target")]
        Bracket.signals = {
            bar: (direction, stop, target) for bar, direction, stop, target in zip(*columns, strict=True)
        }
        Bracket.quantity = round(request["quantity"] / UNIT)

    def run() -> pd.Series:
        # Its spread is on the entries' side only; half on each side costs as much.
        spread = 2 * request["slippage"] if request["task"] == "cross" else 0.0
        test = FractionalBacktest(
            bars,
            strategy,
            fractional_unit=UNIT,
            cash=request["cash"],
            commission=request["fee"],
            spread=spread,
            finalize_trades=True,
        )
        return test.run()

    seconds, began_all = [], time.perf_counter()
    while True:
        began = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - began)
        if len(seconds) == request["runs"] or time.perf_counter() - began_all + seconds[-1] > request["limit_s"]:
            break
    trades = found["_trades"]
    sign = np.sign(trades["Size"].to_numpy())
    made = pd.DataFrame(
        {
            "bar": np.concatenate([trades["EntryBar"], trades["ExitBar"]]),
            "side": np.concatenate([sign, -sign]),
            "price": np.concatenate([trades["EntryPrice"], trades["ExitPrice"]]),
            "quantity": np.concatenate([trades["Size"].abs(), trades["Size"].abs()]),
            "exit": np.repeat([0, 1], len(trades)),
        }
    ).sort_values(["bar", "exit"], kind="stable")
    np.savez(request["orders"], **{name: made[name].to_numpy() for name in ("bar", "side", "price", "quantity")})
    answer = {
        "seconds": seconds,
        "sets": 1,
        "version": __import__("backtesting").__version__,
        "final_equity": [float(found["Equity Final [$]"])],
        "total_return": [float(found["Return [%]"]) / 100],
        "sharpe": [float(found["Sharpe Ratio"])],
        "max_drawdown": [float(found["Max. Drawdown [%]"]) / 100],
        "win_rate": [float(found["Win Rate [%]"]) / 100],
    }
    answer_path.write_text(json.dumps(answer))


main()

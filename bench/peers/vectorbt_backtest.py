"""Times vectorbt's portfolios, in its own environment: ``python vectorbt_backtest.py REQUEST ANSWER``.

Signals come in as they are decided, at the close of their bar; an order fills at the next open, so they are moved by a bar. A run
counts from signals to metrics; signals are made beforehand, and its compiled engine is warm.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

# The peer's own module may have the name of a file here.
sys.path.pop(0)
import numpy as np
import pandas as pd
import vectorbt as vbt

Bars = dict[str, pd.Series]


def next_bar(values: np.ndarray, first: Any) -> np.ndarray:
    """Rows of (sets, bars) moved by one bar, as columns."""
    moved = np.empty_like(values)
    moved[:, 0], moved[:, 1:] = first, values[:, :-1]
    return np.ascontiguousarray(moved.T)


def cross(request: dict[str, Any], bars: Bars, enter: np.ndarray, leave: np.ndarray) -> vbt.Portfolio:
    """All in, long only, at the open."""
    return vbt.Portfolio.from_signals(
        bars["close"],
        entries=enter,
        exits=leave,
        price=bars["open"].to_numpy()[:, None],
        size=np.inf,
        fees=request["fee"],
        slippage=request["slippage"],
        init_cash=request["cash"],
        direction="longonly",
        freq="1min",
    )


def bracket(request: dict[str, Any], bars: Bars, signals: dict[str, np.ndarray]) -> vbt.Portfolio:
    """A fixed quantity at the open, with a stop and a target, which it takes as parts of the price of entry."""
    n = len(bars["open"])
    at = signals["bar"] + 1
    direction = np.zeros(n)
    stop, target = np.full(n, np.nan), np.full(n, np.nan)
    direction[at], stop[at], target[at] = signals["direction"], signals["stop"], signals["target"]
    opens = bars["open"].to_numpy()
    sl = np.abs(stop / opens - 1.0)
    tp = np.abs(target / opens - 1.0)
    return vbt.Portfolio.from_signals(
        bars["close"],
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        entries=direction > 0,
        short_entries=direction < 0,
        exits=np.zeros(n, np.bool_),
        short_exits=np.zeros(n, np.bool_),
        price=opens,
        size=request["quantity"],
        fees=request["fee"],
        slippage=0.0,
        sl_stop=sl,
        tp_stop=tp,
        stop_entry_price="price",
        stop_exit_price="stoplimit",
        upon_opposite_entry="ignore",
        init_cash=request["cash"],
        freq="1min",
    )


def metrics(portfolio: vbt.Portfolio) -> dict[str, list[float]]:
    """What is asked for of each set."""
    found = {
        "final_equity": portfolio.final_value(),
        "total_return": portfolio.total_return(),
        "sharpe": portfolio.sharpe_ratio(),
        "max_drawdown": portfolio.max_drawdown(),
        "win_rate": portfolio.trades.win_rate(),
    }
    return {name: np.atleast_1d(np.asarray(value, np.float64)).tolist() for name, value in found.items()}


def orders(portfolio: vbt.Portfolio) -> dict[str, np.ndarray]:
    """Orders of the first set."""
    records = portfolio.orders.values
    records = records[records["col"] == 0]
    side = np.where(records["side"] == 0, 1, -1)
    return {"bar": records["idx"], "side": side, "price": records["price"], "quantity": records["size"]}


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    warnings.simplefilter("ignore")
    vbt.settings["engine"] = request["engine"]
    values = np.load(request["bars"])
    index = pd.to_datetime(np.load(request["ts"]), unit="ms")
    bars = {
        name: pd.Series(values[k], index=index) for k, name in enumerate(("open", "high", "low", "close", "volume"))
    }
    if request["task"] == "cross":
        enter, leave = (np.load(request[name], mmap_mode="r") for name in ("enter", "leave"))
        chunks = [
            (next_bar(enter[k : k + request["chunk"]], False), next_bar(leave[k : k + request["chunk"]], False))
            for k in range(0, enter.shape[0], request["chunk"])
        ]
        run = cross
    else:
        with np.load(request["signals"]) as found:
            chunks = [({name: found[name] for name in found.files},)]
        run = bracket
    run(request, bars, *chunks[0]) and metrics(run(request, bars, *chunks[0]))
    seconds, told = [], {}
    began_all = time.perf_counter()
    done = 0
    for turn in range(request["runs"]):
        took = 0.0
        told = {}
        for done, chunk in enumerate(chunks, 1):
            began = time.perf_counter()
            portfolio = run(request, bars, *chunk)
            made = metrics(portfolio)
            took += time.perf_counter() - began
            for name, column in made.items():
                told.setdefault(name, []).extend(column)
            if turn == 0 and done == 1:
                first = orders(portfolio)
                np.savez(request["orders"], **first)
            told.setdefault("left", []).extend(np.atleast_1d(portfolio.assets().to_numpy()[-1]).tolist())
            del portfolio
            if time.perf_counter() - began_all > request["limit_s"]:
                break
        seconds.append(took)
        if time.perf_counter() - began_all > request["limit_s"]:
            break
    sets = len(told["final_equity"])
    answer = {"seconds": seconds, "sets": sets, "engine": request["engine"], "version": vbt.__version__, **told}
    answer_path.write_text(json.dumps(answer))


main()

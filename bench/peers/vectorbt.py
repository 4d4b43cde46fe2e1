"""Times vectorbt, in an environment of its own: ``python vectorbt.py REQUEST ANSWER``. Its compiled engine is used, warmed."""

import json
import sys
import time
from pathlib import Path

# The peer's own module has the name of this file.
sys.path.pop(0)
import numpy as np
import pandas as pd
import vectorbt as vbt


def columns(bars: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """The indicators it has of ours, by our names."""
    close, high, low = bars["close"], bars["high"], bars["low"]
    found = {f"sma_{n}": vbt.MA.run(close, n).ma for n in (20, 50, 200)}
    found |= {f"ema_{n}": vbt.MA.run(close, n, ewm=True).ma for n in (9, 21, 50, 200)}
    bands = vbt.BBANDS.run(close, 20, alpha=2)
    found |= {"bb_upper_20": bands.upper, "bb_middle_20": bands.middle, "bb_lower_20": bands.lower}
    found["rsi_14"] = vbt.RSI.run(close, 14).rsi
    stochastic = vbt.STOCH.run(high, low, close, k_window=14, d_window=3)
    found |= {"stoch_k_14": stochastic.percent_k, "stoch_d_14": stochastic.percent_d}
    macd = vbt.MACD.run(close, fast_window=12, slow_window=26, signal_window=9, macd_ewm=True, signal_ewm=True)
    found |= {"macd": macd.macd, "macd_signal": macd.signal, "macd_hist": macd.hist}
    found["atr_14"] = vbt.ATR.run(high, low, close, 14).atr
    found["obv"] = vbt.OBV.run(close, bars["volume"]).obv
    return found


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    values = np.load(request["bars"])
    bars = {name: pd.Series(values[k]) for k, name in enumerate(("open", "high", "low", "close", "volume"))}
    seconds = []
    for run in range(request["runs"] + 1):
        began = time.perf_counter()
        found = columns(bars)
        if run:
            seconds.append(time.perf_counter() - began)
    np.savez(request["columns"], **{name: np.asarray(column, np.float64) for name, column in found.items()})
    try:
        import vectorbt_rust  # noqa: F401 - whether it is there says which engine ran

        engine = "rust"
    except ImportError:
        engine = "numba"
    answer_path.write_text(json.dumps({"seconds": seconds, "engine": engine}))


main()

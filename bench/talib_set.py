"""The indicators that TA-Lib, polars-talib and we have in common: how each is asked for them, and our names for the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.bars import BarArrays


@dataclass(frozen=True)
class Function:
    """A function of TA-Lib.

    Attributes
    ----------
    name : str
        TA-Lib's.
    inputs : tuple of str
        Columns of bars.
    arguments : dict
    columns : tuple of str
        Our names for what it returns; empty for what we have not.
    """

    name: str
    inputs: tuple[str, ...]
    arguments: dict[str, Any]
    columns: tuple[str, ...]


_CLOSE, _RANGE = ("close",), ("high", "low", "close")
_FLOW = (*_RANGE, "volume")


def _period(n: int) -> dict[str, Any]:
    return {"timeperiod": n}


SHARED = (
    *(Function("SMA", _CLOSE, _period(n), (f"sma_{n}",)) for n in (20, 50, 200)),
    *(Function("EMA", _CLOSE, _period(n), (f"ema_{n}",)) for n in (9, 21, 50, 200)),
    Function("WMA", _CLOSE, _period(20), ("wma_20",)),
    Function("DEMA", _CLOSE, _period(20), ("dema_20",)),
    Function("TEMA", _CLOSE, _period(20), ("tema_20",)),
    Function("KAMA", _CLOSE, _period(10), ("kama_10",)),
    Function(
        "BBANDS",
        _CLOSE,
        {**_period(20), "nbdevup": 2.0, "nbdevdn": 2.0},
        ("bb_upper_20", "bb_middle_20", "bb_lower_20"),
    ),
    Function("MAX", ("high",), _period(20), ("donchian_upper_20",)),
    Function("MIN", ("low",), _period(20), ("donchian_lower_20",)),
    Function("SAR", ("high", "low"), {"acceleration": 0.02, "maximum": 0.2}, ("psar",)),
    Function("RSI", _CLOSE, _period(14), ("rsi_14",)),
    Function(
        "MACD",
        _CLOSE,
        {"fastperiod": 12, "slowperiod": 26, "signalperiod": 9},
        ("macd", "macd_signal", "macd_hist"),
    ),
    Function(
        "STOCH",
        _RANGE,
        {"fastk_period": 14, "slowk_period": 3, "slowd_period": 3},
        ("stoch_k_14", "stoch_d_14"),
    ),
    Function("CCI", _RANGE, _period(20), ("cci_20",)),
    Function("WILLR", _RANGE, _period(14), ("willr_14",)),
    Function("MFI", _FLOW, _period(14), ("mfi_14",)),
    Function("ROC", _CLOSE, _period(10), ("roc_10",)),
    Function("MOM", _CLOSE, _period(10), ("mom_10",)),
    Function("TRIX", _CLOSE, _period(15), ("trix_15",)),
    Function("ULTOSC", _RANGE, {"timeperiod1": 7, "timeperiod2": 14, "timeperiod3": 28}, ("ultosc",)),
    Function("PPO", _CLOSE, {"fastperiod": 12, "slowperiod": 26, "matype": 1}, ("ppo",)),
    Function("ADX", _RANGE, _period(14), ("adx_14",)),
    Function("PLUS_DI", _RANGE, _period(14), ("plus_di_14",)),
    Function("MINUS_DI", _RANGE, _period(14), ("minus_di_14",)),
    Function("AROON", ("high", "low"), _period(25), ("aroon_down_25", "aroon_up_25")),
    Function("TRANGE", _RANGE, {}, ("true_range",)),
    *(Function("ATR", _RANGE, _period(n), (f"atr_{n}",)) for n in (14, 200)),
    Function("NATR", _RANGE, _period(14), ("natr_14",)),
    Function("OBV", ("close", "volume"), {}, ("obv",)),
    Function("AD", _FLOW, {}, ("ad",)),
    Function("ADOSC", _FLOW, {"fastperiod": 3, "slowperiod": 10}, ("adosc",)),
    Function("SMA", ("volume",), _period(20), ("volume_sma_20",)),
)
"""What all three have, by default parameters of our columns. TA-Lib alone has a few more."""

COLUMNS = tuple(column for function in SHARED for column in function.columns)


def by_talib(bars: BarArrays) -> dict[str, np.ndarray]:
    """The shared columns as TA-Lib makes them, one call a function."""
    import talib

    made: dict[str, np.ndarray] = {}
    for function in SHARED:
        call = getattr(talib, function.name)
        found = call(*(getattr(bars, name) for name in function.inputs), **function.arguments)
        made.update(zip(function.columns, found if isinstance(found, tuple) else (found,), strict=True))
    return made

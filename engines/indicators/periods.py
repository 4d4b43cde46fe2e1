"""Parameters of the indicators, and the names and order of the columns they give."""

from __future__ import annotations

from typing import NamedTuple

from engines.engine import positive
from engines.errors import BadParameter


class Periods(NamedTuple):
    """Lengths (bars) of all windows, in the form the kernels take.

    The field's usual names: ``ema`` and ``sma`` from short to long, ``macd`` as fast, slow and signal.
    """

    ema: tuple[int, int, int, int]
    sma: tuple[int, int, int]
    rsi: int
    atr: tuple[int, int]
    macd: tuple[int, int, int]
    bb: int
    bb_deviations: float
    swing: int

    def checked(self) -> Periods:
        """Return these periods if a TA-Lib of the same parameters would take them.

        Raises
        ------
        BadParameter
            Naming the parameter.
        """
        for name, values, count in (("ema", self.ema, 4), ("sma", self.sma, 3), ("atr", self.atr, 2)):
            if len(values) != count or len(set(values)) != count:
                raise BadParameter(f"{name}_periods must be {count} different periods, not {values!r}")
        for value in self.ema:
            positive("each of ema_periods", value, 2)
        for value in self.sma:
            positive("each of sma_periods", value, 2)
        for value in self.atr:
            positive("each of atr_periods", value, 2)
        fast, slow, signal = self.macd
        positive("macd_fast", fast, 2)
        positive("macd_signal", signal, 2)
        positive("macd_slow", slow, fast + 1)
        positive("rsi_period", self.rsi, 2)
        positive("bb_period", self.bb, 2)
        positive("swing_scale", self.swing)
        if not 0.0 < self.bb_deviations < float("inf"):
            raise BadParameter(f"bb_deviations must be a number above 0, not {self.bb_deviations!r}")
        return self

    def columns(self) -> tuple[str, ...]:
        """Names of the output columns, in the order of the rows of ``out``."""
        bb = self.bb
        return (
            *(f"ema_{period}" for period in self.ema),
            *(f"sma_{period}" for period in self.sma),
            f"rsi_{self.rsi}",
            *(f"atr_{period}" for period in self.atr),
            "macd",
            "macd_signal",
            "macd_hist",
            f"bb_upper_{bb}",
            f"bb_middle_{bb}",
            f"bb_lower_{bb}",
            f"bb_width_{bb}",
            f"bb_percent_{bb}",
            "obv",
            "vwap",
            "range_top",
            "range_bottom",
            "range_position",
        )


EMA = 0
"""Row of ``out`` where a family of columns begins: this and those below."""
SMA = 4
RSI = 7
ATR = 8
MACD = 10
BANDS = 13
OBV = 18
VWAP = 19
RANGE = 20
COLUMN_COUNT = 23

"""Parameters of the indicators, and what follows from them: the columns' names and their leading nulls.

Nothing here needs the compiler.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from engines.errors import BadParameter


class Periods(NamedTuple):
    """Lengths (bars) and factors of all indicators, in the form the kernels take.

    The field's usual names; ``ema_periods``, ``sma_periods``, ``atr_periods`` and ``ultosc_periods`` from short to long.
    ``stoch_rsi_period`` is the window of the stochastic over the RSI of ``rsi_period``; ``keltner_factor`` and
    ``supertrend_factor`` count average true ranges, ``bb_deviations`` population standard deviations; ``psar_step`` is both
    the first acceleration and what is added at each new extreme, up to ``psar_limit``; ``swing_scale`` is the number of
    bars on the right of a swing pivot, for the dealing range.
    """

    sma_periods: tuple[int, int, int] = (20, 50, 200)
    ema_periods: tuple[int, int, int, int] = (9, 21, 50, 200)
    wma_period: int = 20
    dema_period: int = 20
    tema_period: int = 20
    kama_period: int = 10
    hma_period: int = 20
    bb_period: int = 20
    bb_deviations: float = 2.0
    donchian_period: int = 20
    keltner_period: int = 20
    keltner_atr_period: int = 10
    keltner_factor: float = 2.0
    supertrend_period: int = 10
    supertrend_factor: float = 3.0
    psar_step: float = 0.02
    psar_limit: float = 0.2
    rsi_period: int = 14
    stoch_rsi_period: int = 14
    stoch_rsi_smoothing: int = 3
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    stoch_period: int = 14
    stoch_k_smoothing: int = 3
    stoch_d_smoothing: int = 3
    cci_period: int = 20
    willr_period: int = 14
    mfi_period: int = 14
    roc_period: int = 10
    mom_period: int = 10
    trix_period: int = 15
    ultosc_periods: tuple[int, int, int] = (7, 14, 28)
    ppo_fast: int = 12
    ppo_slow: int = 26
    adx_period: int = 14
    aroon_period: int = 25
    atr_periods: tuple[int, int] = (14, 200)
    natr_period: int = 14
    realized_vol_period: int = 30
    adosc_fast: int = 3
    adosc_slow: int = 10
    cmf_period: int = 20
    volume_period: int = 20
    swing_scale: int = 50

    @classmethod
    def of(cls, given: dict[str, Any]) -> Periods:
        """Periods of these keyword arguments, the others by default.

        Raises
        ------
        BadParameter
            Naming the parameter that does not exist or has no sense; TA-Lib's own limits hold (periods up to 100000).
        """
        for name in given:
            if name not in cls._fields:
                near = [field for field in cls._fields if name and field.startswith(name)]
                near = (near or difflib.get_close_matches(name, cls._fields, 3))[:3]
                hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(cls._fields)}"
                raise BadParameter(f"there is no parameter {name!r} of the indicators{hint}")
        values: dict[str, Any] = {}
        for name, default in cls._field_defaults.items():
            value = given.get(name, default)
            if isinstance(default, tuple):
                values[name] = _several(name, value, len(cast("tuple[int, ...]", default)))
            elif isinstance(default, float):
                values[name] = _factor(name, value)
            else:
                values[name] = _whole(name, value, _LEAST.get(name, 2))
        periods = cls(**values)
        for fast, slow in (("macd_fast", "macd_slow"), ("ppo_fast", "ppo_slow"), ("adosc_fast", "adosc_slow")):
            if values[slow] <= values[fast]:
                raise BadParameter(f"{slow} must be above {fast}, not {values[slow]} with {values[fast]}")
        return periods

    def plain(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            name: list(cast("tuple[int, ...]", value)) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
        }

    @property
    def hull(self) -> tuple[int, int]:
        """Half of ``hma_period``, and its square root: the other two lengths of the Hull average."""
        return self.hma_period // 2, math.isqrt(self.hma_period)

    @lru_cache(maxsize=64)  # noqa: B019 - of a tuple of numbers
    def columns(self) -> tuple[tuple[str, int], ...]:
        """Name and leading nulls of every column, in the order of `engines.indicators.columns`.

        Of a column that can be null later too (nothing was traded, no swing yet) it is the least number.
        """
        p = self
        half, root = self.hull
        bb, donchian, keltner = p.bb_period, p.donchian_period, p.keltner_period
        stoch_rsi = p.rsi_period + p.stoch_rsi_period + p.stoch_rsi_smoothing - 2
        stoch = p.stoch_period + p.stoch_k_smoothing + p.stoch_d_smoothing - 3
        macd = p.macd_slow + p.macd_signal - 2
        return (
            *((f"sma_{n}", n - 1) for n in p.sma_periods),
            *((f"ema_{n}", n - 1) for n in p.ema_periods),
            (f"wma_{p.wma_period}", p.wma_period - 1),
            (f"dema_{p.dema_period}", 2 * (p.dema_period - 1)),
            (f"tema_{p.tema_period}", 3 * (p.tema_period - 1)),
            (f"kama_{p.kama_period}", p.kama_period),
            (f"hma_{p.hma_period}", max(p.hma_period, half) + root - 2),
            *((f"bb_{part}_{bb}", bb - 1) for part in ("upper", "middle", "lower", "width", "percent")),
            *((f"donchian_{side}_{donchian}", donchian - 1) for side in ("upper", "lower")),
            *((f"keltner_{side}_{keltner}", max(keltner - 1, p.keltner_atr_period)) for side in ("upper", "lower")),
            (f"supertrend_{p.supertrend_period}", p.supertrend_period),
            (f"supertrend_dir_{p.supertrend_period}", p.supertrend_period),
            ("psar", 1),
            (f"rsi_{p.rsi_period}", p.rsi_period),
            *((f"stoch_rsi_{line}_{p.stoch_rsi_period}", stoch_rsi) for line in "kd"),
            *((name, macd) for name in ("macd", "macd_signal", "macd_hist")),
            *((f"stoch_{line}_{p.stoch_period}", stoch) for line in "kd"),
            (f"cci_{p.cci_period}", p.cci_period - 1),
            (f"willr_{p.willr_period}", p.willr_period - 1),
            (f"mfi_{p.mfi_period}", p.mfi_period),
            (f"roc_{p.roc_period}", p.roc_period),
            (f"mom_{p.mom_period}", p.mom_period),
            (f"trix_{p.trix_period}", 3 * (p.trix_period - 1) + 1),
            ("ultosc", max(p.ultosc_periods)),
            ("ppo", p.ppo_slow - 1),
            (f"adx_{p.adx_period}", 2 * p.adx_period - 1),
            (f"plus_di_{p.adx_period}", p.adx_period),
            (f"minus_di_{p.adx_period}", p.adx_period),
            *((f"aroon_{side}_{p.aroon_period}", p.aroon_period) for side in ("up", "down")),
            ("true_range", 1),
            *((f"atr_{n}", n) for n in p.atr_periods),
            (f"natr_{p.natr_period}", p.natr_period),
            (f"realized_vol_{p.realized_vol_period}", p.realized_vol_period),
            ("obv", 0),
            ("ad", 0),
            ("adosc", p.adosc_slow - 1),
            (f"cmf_{p.cmf_period}", p.cmf_period - 1),
            (f"volume_sma_{p.volume_period}", p.volume_period - 1),
            (f"relative_volume_{p.volume_period}", p.volume_period - 1),
            ("vwap", 0),
            *((f"range_{part}", p.swing_scale) for part in ("top", "bottom", "position")),
        )


_LEAST = {
    "stoch_rsi_period": 1,
    "stoch_rsi_smoothing": 1,
    "macd_signal": 1,
    "stoch_period": 1,
    "stoch_k_smoothing": 1,
    "stoch_d_smoothing": 1,
    "roc_period": 1,
    "mom_period": 1,
    "trix_period": 1,
    "swing_scale": 1,
    "hma_period": 4,
}
"""Least value where it is not 2."""

_MOST = 100_000


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise BadParameter(f"{name} must be a whole number from {least} to {_MOST}, not {value!r}")
    return value


def _factor(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise BadParameter(f"{name} must be a number above 0, not {value!r}")
    return float(value)


def _several(name: str, values: Any, count: int) -> tuple[int, ...]:
    sequence = isinstance(values, Sequence) and not isinstance(values, str)
    found = tuple(cast("Sequence[Any]", values)) if sequence else ()
    if len(found) != count or len(set(found)) != count:
        raise BadParameter(f"{name} must be {count} different periods, not {values!r}")
    return tuple(_whole(f"each of {name}", value, 2) for value in found)

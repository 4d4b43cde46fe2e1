"""What the indicators are held against: TA-Lib where it has the function, else plain formulas over NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import talib

from engines.bars import bar_arrays
from engines.indicators.periods import Periods

TOLERANCE = 1e-8
DEFAULTS = Periods()


def talib_columns(bars: pl.DataFrame, p: Periods = DEFAULTS) -> dict[str, np.ndarray]:
    """Every column that TA-Lib has, by our name for it."""
    _, _, high, low, close, volume = bar_arrays(bars)
    found: dict[str, Any] = {f"sma_{n}": talib.SMA(close, n) for n in p.sma_periods}
    found |= {f"ema_{n}": talib.EMA(close, n) for n in p.ema_periods}
    found[f"wma_{p.wma_period}"] = talib.WMA(close, p.wma_period)
    found[f"dema_{p.dema_period}"] = talib.DEMA(close, p.dema_period)
    found[f"tema_{p.tema_period}"] = talib.TEMA(close, p.tema_period)
    found[f"kama_{p.kama_period}"] = talib.KAMA(close, p.kama_period)
    found[f"hma_{p.hma_period}"] = talib.HMA(close, p.hma_period)
    bands = talib.BBANDS(close, p.bb_period, p.bb_deviations, p.bb_deviations, 0)
    found |= _named(("bb_upper", "bb_middle", "bb_lower"), p.bb_period, bands)
    found[f"donchian_upper_{p.donchian_period}"] = talib.MAX(high, p.donchian_period)
    found[f"donchian_lower_{p.donchian_period}"] = talib.MIN(low, p.donchian_period)
    trend = talib.SUPERTREND(high, low, close, p.supertrend_period, p.supertrend_factor)
    found[f"supertrend_{p.supertrend_period}"] = trend[0]
    found[f"supertrend_dir_{p.supertrend_period}"] = np.where(np.isnan(trend[0]), np.nan, trend[1])
    found["psar"] = talib.SAR(high, low, p.psar_step, p.psar_limit)
    found[f"rsi_{p.rsi_period}"] = talib.RSI(close, p.rsi_period)
    fast = talib.STOCHRSI(close, p.rsi_period, p.stoch_rsi_period, p.stoch_rsi_smoothing, 0)
    found |= _named(("stoch_rsi_k", "stoch_rsi_d"), p.stoch_rsi_period, fast)
    found |= dict(
        zip(
            ("macd", "macd_signal", "macd_hist"),
            talib.MACD(close, p.macd_fast, p.macd_slow, p.macd_signal),
            strict=True,
        )
    )
    stoch = talib.STOCH(high, low, close, p.stoch_period, p.stoch_k_smoothing, 0, p.stoch_d_smoothing, 0)
    found |= _named(("stoch_k", "stoch_d"), p.stoch_period, stoch)
    found[f"cci_{p.cci_period}"] = talib.CCI(high, low, close, p.cci_period)
    found[f"willr_{p.willr_period}"] = talib.WILLR(high, low, close, p.willr_period)
    found[f"mfi_{p.mfi_period}"] = talib.MFI(high, low, close, volume, p.mfi_period)
    found[f"roc_{p.roc_period}"] = talib.ROC(close, p.roc_period)
    found[f"mom_{p.mom_period}"] = talib.MOM(close, p.mom_period)
    found[f"trix_{p.trix_period}"] = talib.TRIX(close, p.trix_period)
    found["ultosc"] = talib.ULTOSC(high, low, close, *p.ultosc_periods)
    found["ppo"] = talib.PPO(close, p.ppo_fast, p.ppo_slow, 1)
    found[f"adx_{p.adx_period}"] = talib.ADX(high, low, close, p.adx_period)
    found[f"plus_di_{p.adx_period}"] = talib.PLUS_DI(high, low, close, p.adx_period)
    found[f"minus_di_{p.adx_period}"] = talib.MINUS_DI(high, low, close, p.adx_period)
    found |= _named(("aroon_down", "aroon_up"), p.aroon_period, talib.AROON(high, low, p.aroon_period))
    found["true_range"] = talib.TRANGE(high, low, close)
    found |= {f"atr_{n}": talib.ATR(high, low, close, n) for n in p.atr_periods}
    found[f"natr_{p.natr_period}"] = talib.NATR(high, low, close, p.natr_period)
    found["obv"] = talib.OBV(close, volume)
    found["ad"] = talib.AD(high, low, close, volume)
    found["adosc"] = talib.ADOSC(high, low, close, volume, p.adosc_fast, p.adosc_slow)
    found[f"cmf_{p.cmf_period}"] = talib.CMF(high, low, close, volume, p.cmf_period)
    found[f"volume_sma_{p.volume_period}"] = talib.SMA(volume, p.volume_period)
    return found


def _named(names: tuple[str, ...], period: int, columns: Any) -> dict[str, np.ndarray]:
    return {f"{name}_{period}": column for name, column in zip(names, columns, strict=True)}


def disagreements(rows: pl.DataFrame, want: dict[str, np.ndarray], tolerance: float = TOLERANCE) -> dict[str, str]:
    """For every column that is not within tolerance, or not null in the same rows: what is wrong."""
    found: dict[str, str] = {}
    for name, expected in want.items():
        got = rows[name].fill_null(np.nan).to_numpy()
        absent = np.isnan(got) != np.isnan(expected)
        if absent.any():
            found[name] = f"null in other rows, the first of {int(absent.sum())} is {int(absent.argmax())}"
            continue
        error = np.abs(got - expected) / np.maximum(1.0, np.abs(expected))
        bad = np.flatnonzero(error > tolerance)
        if bad.size:
            k = int(bad[0])
            found[name] = f"{bad.size} rows differ, the first is {k}: {got[k]!r} for {expected[k]!r}"
    return found

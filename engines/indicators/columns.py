"""Which columns there are, in which order: the rows of ``out`` of an engine that computes all of them.

The numbers are the columns' places in the catalogue. Where a family has several columns, its name stands for the first.
"""

from __future__ import annotations

SMA = 0
EMA = 3
WMA, DEMA, TEMA, KAMA, HMA = 7, 8, 9, 10, 11
BANDS = 12
"""Upper, middle, lower, width, percent."""
DONCHIAN = 17
KELTNER = 19
SUPERTREND = 21
"""Line, direction."""
PSAR = 23
RSI = 24
STOCH_RSI = 25
"""K, D."""
MACD = 27
"""Line, signal, histogram."""
STOCH = 30
"""K, D."""
CCI, WILLR, MFI, ROC, MOM, TRIX, ULTOSC, PPO = 32, 33, 34, 35, 36, 37, 38, 39
ADX = 40
"""ADX, plus DI, minus DI."""
AROON = 43
"""Up, down."""
TRUE_RANGE = 45
ATR = 46
NATR = 48
REALIZED_VOL = 49
OBV, AD, ADOSC, CMF = 50, 51, 52, 53
VOLUME_SMA, RELATIVE_VOLUME, VWAP = 54, 55, 56
RANGE = 57
"""Top, bottom, position."""
COLUMN_COUNT = 60

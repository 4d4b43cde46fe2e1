import type { Schema } from "@/api/client";

export type IndicatorColumn = Exclude<keyof Schema<"IndicatorRow">, "ts">;

/** An indicator as people choose it: one or more columns, on the candles or in a pane of its own. */
export interface Indicator {
  id: string;
  name: string;
  columns: readonly IndicatorColumn[];
  where: "candles" | "pane";
  /** Columns that are drawn as bars or as points rather than as a line. */
  looks?: Partial<Record<IndicatorColumn, "histogram" | "points" | "dotted">>;
}

function on(id: string, name: string, columns: IndicatorColumn[], looks?: Indicator["looks"]): Indicator {
  return { id, name, columns, where: "candles", looks };
}

function own(id: string, name: string, columns: IndicatorColumn[], looks?: Indicator["looks"]): Indicator {
  return { id, name, columns, where: "pane", looks };
}

/** Indicators that can be shown, as traders look for them. */
export const INDICATORS: readonly Indicator[] = [
  on("ema_9", "EMA 9", ["ema_9"]),
  on("ema_21", "EMA 21", ["ema_21"]),
  on("ema_50", "EMA 50", ["ema_50"]),
  on("ema_200", "EMA 200", ["ema_200"]),
  on("sma_20", "SMA 20", ["sma_20"]),
  on("sma_50", "SMA 50", ["sma_50"]),
  on("sma_200", "SMA 200", ["sma_200"]),
  on("wma_20", "WMA 20", ["wma_20"]),
  on("hma_20", "HMA 20", ["hma_20"]),
  on("kama_10", "KAMA 10", ["kama_10"]),
  on("dema_20", "DEMA 20", ["dema_20"]),
  on("tema_20", "TEMA 20", ["tema_20"]),
  on("bollinger", "Bollinger bands 20", ["bb_upper_20", "bb_middle_20", "bb_lower_20"], { bb_middle_20: "dotted" }),
  on("donchian", "Donchian channel 20", ["donchian_upper_20", "donchian_lower_20"]),
  on("keltner", "Keltner channel 20", ["keltner_upper_20", "keltner_lower_20"]),
  on("supertrend", "Supertrend 10", ["supertrend_10"]),
  on("psar", "Parabolic SAR", ["psar"], { psar: "points" }),
  on("vwap", "VWAP of the day", ["vwap"]),
  own("rsi", "RSI 14", ["rsi_14"]),
  own("macd", "MACD", ["macd_hist", "macd", "macd_signal"], { macd_hist: "histogram" }),
  own("stoch", "Stochastic 14", ["stoch_k_14", "stoch_d_14"]),
  own("stoch_rsi", "Stochastic RSI 14", ["stoch_rsi_k_14", "stoch_rsi_d_14"]),
  own("adx", "ADX and DI 14", ["adx_14", "plus_di_14", "minus_di_14"]),
  own("aroon", "Aroon 25", ["aroon_up_25", "aroon_down_25"]),
  own("cci", "CCI 20", ["cci_20"]),
  own("mfi", "MFI 14", ["mfi_14"]),
  own("willr", "Williams %R 14", ["willr_14"]),
  own("roc", "Rate of change 10", ["roc_10"]),
  own("atr", "ATR 14", ["atr_14"]),
  own("natr", "ATR 14, percent", ["natr_14"]),
  own("volatility", "Realized volatility 30", ["realized_vol_30"]),
  own("obv", "On-balance volume", ["obv"]),
  own("cmf", "Chaikin money flow 20", ["cmf_20"]),
  own("relative_volume", "Relative volume 20", ["relative_volume_20"], { relative_volume_20: "histogram" }),
];

/** Columns that a choice of indicators needs, each once. */
export function columnsOf(chosen: readonly string[]): IndicatorColumn[] {
  return [...new Set(INDICATORS.filter(({ id }) => chosen.includes(id)).flatMap(({ columns }) => columns))];
}

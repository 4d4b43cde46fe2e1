/** Where one backtest, the form, or several side by side are. */
export const placeOf = {
  list: "/backtests/",
  form: "/backtests/?new",
  again: (id: string, walk = false) => `/backtests/?new&from=${id}${walk ? "&walk" : ""}`,
  one: (id: string) => `/backtests/?id=${id}`,
  several: (ids: readonly string[]) => `/backtests/?compare=${ids.join(",")}`,
} as const;

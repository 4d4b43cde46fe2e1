/** An amount in the smallest unit of its currency: 29.00 EUR as readers of a language write it. */
export function formatMoney(minor: number, currency: string, locale = "en"): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(minor / 10 ** digits);
}

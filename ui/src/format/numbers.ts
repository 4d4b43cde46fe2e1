/** A dash for what is not there, of the width of a figure. */
export const NOTHING = "–";

const MINUS = "\u2212";
const cached = new Map<string, Intl.NumberFormat>();

function formatter(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale}|${JSON.stringify(options)}`;
  let found = cached.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(locale, options);
    cached.set(key, found);
  }
  return found;
}

function written(value: number, locale: string, options: Intl.NumberFormatOptions): string {
  // A real minus is as wide as a plus, so that columns of numbers stand in line.
  return formatter(locale, options).format(value).replace("-", MINUS);
}

/** Digits after the point that prices of this size are told with: five significant ones, two at least up to eight. */
export function priceDigits(price: number): number {
  const size = Math.abs(price);
  if (!Number.isFinite(size) || size === 0) return 2;
  if (size >= 1000) return 2;
  return Math.min(8, Math.max(2, 4 - Math.floor(Math.log10(size))));
}

/** A price as traders read it. */
export function formatPrice(price: number | null | undefined, locale = "en", digits?: number): string {
  if (price == null || !Number.isFinite(price)) return NOTHING;
  const places = digits ?? priceDigits(price);
  return written(price, locale, { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** A fraction as percent, with its sign. */
export function formatChange(fraction: number | null | undefined, locale = "en"): string {
  if (fraction == null || !Number.isFinite(fraction)) return NOTHING;
  const digits = Math.abs(fraction) >= 1 ? 0 : 2;
  return written(fraction, locale, {
    style: "percent",
    signDisplay: "exceptZero",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A fraction as percent, without a plus. */
export function formatShare(fraction: number | null | undefined, locale = "en", digits = 0): string {
  if (fraction == null || !Number.isFinite(fraction)) return NOTHING;
  return written(fraction, locale, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A result in units of the risk: +1.50 R. */
export function formatR(value: number | null | undefined, locale = "en"): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const options = { signDisplay: "exceptZero", minimumFractionDigits: 2, maximumFractionDigits: 2 } as const;
  return `${written(value, locale, options)}\u00a0R`;
}

/** A quantity or volume: in full below ten thousand, abbreviated above. */
export function formatQuantity(value: number | null | undefined, locale = "en"): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) >= 10_000) {
    return written(value, locale, { notation: "compact", minimumFractionDigits: 1, maximumFractionDigits: 2 });
  }
  return written(value, locale, { maximumSignificantDigits: 6 });
}

/** A number of things. */
export function formatCount(value: number | null | undefined, locale = "en"): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  return written(value, locale, { maximumFractionDigits: 0 });
}

/** How the button with the market's name looks, before and after the list behind it has been brought. */
export const MARKET_BUTTON =
  "flex h-9 items-center gap-2 rounded-md px-2 text-lg font-semibold tracking-tight hover:bg-sunken";

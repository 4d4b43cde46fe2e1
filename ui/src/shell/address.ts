"use client";

import { useSearchParams } from "next/navigation";
import { useCallback } from "react";

/** Values by their names; an empty one takes the name out of the address. */
export type Changes = Readonly<Record<string, string>>;

/** A query string with some of its values changed; the rest stays. */
export function changed(search: string, changes: Changes): string {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const query = next.toString();
  return query ? `?${query}` : "";
}

/** What is chosen on this page, kept in its address; it changes at once, without the server being asked for the page. */
export function useAddress() {
  const search = useSearchParams();
  const change = useCallback((changes: Changes, how: "replace" | "push" = "replace") => {
    const url = `${location.pathname}${changed(location.search, changes)}`;
    if (how === "push") history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  }, []);
  return [search, change] as const;
}

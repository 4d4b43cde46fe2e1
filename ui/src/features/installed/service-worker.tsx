"use client";

import { useEffect } from "react";

/** Registers the service worker once the page has everything it needs. */
export function ServiceWorker() {
  useEffect(() => {
    if (!("serviceWorker" in navigator) || process.env.NODE_ENV !== "production") return undefined;
    const register = () => {
      const address = `/sw.js?build=${process.env.NEXT_PUBLIC_BUILD ?? "none"}`;
      // Where it is refused, as in some private windows, the dashboard works without.
      navigator.serviceWorker.register(address).catch(() => undefined);
    };
    if (document.readyState === "complete") {
      register();
      return undefined;
    }
    window.addEventListener("load", register, { once: true });
    return () => window.removeEventListener("load", register);
  }, []);
  return null;
}

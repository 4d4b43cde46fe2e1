"use client";

import { createContext, type ReactNode, useCallback, useContext, useSyncExternalStore } from "react";

export type Theme = "dark" | "light";

const KEY = "theme";
const CHANGED = "themechange";

/** Runs before the first paint, so that nobody sees the other theme flash. */
export const THEME_SCRIPT = `(()=>{let t;try{t=localStorage.getItem("${KEY}")}catch{}if(t!=="dark"&&t!=="light")t=matchMedia("(prefers-color-scheme: light)").matches?"light":"dark";document.documentElement.dataset.theme=t})()`;

interface Switch {
  theme: Theme;
  setTheme: (theme: Theme) => void;
}

const Context = createContext<Switch>({ theme: "dark", setTheme: () => undefined });

function subscribe(listen: () => void): () => void {
  window.addEventListener(CHANGED, listen);
  return () => window.removeEventListener(CHANGED, listen);
}

function current(): Theme {
  return document.documentElement.dataset.theme === "light" ? "light" : "dark";
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const theme = useSyncExternalStore(subscribe, current, () => "dark" as const);
  const setTheme = useCallback((next: Theme) => {
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Kept for this page only, where nothing may be stored.
    }
    window.dispatchEvent(new Event(CHANGED));
  }, []);
  return <Context value={{ theme, setTheme }}>{children}</Context>;
}

export function useTheme(): Switch {
  return useContext(Context);
}

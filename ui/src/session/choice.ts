"use client";

import { useCallback, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const held = new Map<string, unknown>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored<T>(key: string, first: T): T {
  if (held.has(key)) return held.get(key) as T;
  let value = first;
  try {
    const text = localStorage.getItem(key);
    if (text !== null) value = JSON.parse(text) as T;
  } catch {
    // Nothing may be stored, or what was stored cannot be read: what everybody begins with.
  }
  held.set(key, value);
  return value;
}

/** A choice that this browser remembers. */
export function useChoice<T>(key: string, first: T): [T, (next: T) => void] {
  const value = useSyncExternalStore(
    subscribe,
    () => stored(key, first),
    () => first,
  );
  const choose = useCallback(
    (next: T) => {
      held.set(key, next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Kept for this page only.
      }
      for (const listener of listeners) listener();
    },
    [key],
  );
  return [value, choose];
}

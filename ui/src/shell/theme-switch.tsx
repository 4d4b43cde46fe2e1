"use client";

import { Moon, Sun } from "lucide-react";
import { useEffect } from "react";
import { useProfile, useProfileChange } from "@/session/session";
import { useTheme } from "@/session/theme";

/** The way to the other theme. The account remembers it, so that another browser begins with it too. */
export function ThemeSwitch() {
  const { theme, setTheme } = useTheme();
  const profile = useProfile().data;
  const change = useProfileChange();
  const kept = profile?.preferences.theme;
  const who = profile?.user_id;
  useEffect(() => {
    if (kept === "dark" || kept === "light") setTheme(kept);
    // Once for each person: what is chosen here afterwards counts at once, before it is stored.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [who, setTheme]);
  const next = theme === "dark" ? "light" : "dark";
  const Icon = theme === "dark" ? Sun : Moon;
  return (
    <button
      type="button"
      onClick={() => {
        setTheme(next);
        if (profile) change.mutate({ preferences: { ...profile.preferences, theme: next } });
      }}
      className="grid h-9 w-9 place-items-center rounded-md text-soft hover:bg-sunken hover:text-text"
      aria-label={`Use the ${next} theme`}
    >
      <Icon size={18} aria-hidden />
    </button>
  );
}

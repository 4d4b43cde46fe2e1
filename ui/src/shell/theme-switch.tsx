"use client";

import { Moon, Sun } from "lucide-react";
import { useTheme } from "@/session/theme";

export function ThemeSwitch() {
  const { theme, setTheme } = useTheme();
  const next = theme === "dark" ? "light" : "dark";
  const Icon = theme === "dark" ? Sun : Moon;
  return (
    <button
      type="button"
      onClick={() => setTheme(next)}
      className="grid h-9 w-9 place-items-center rounded-md text-soft hover:bg-sunken hover:text-text"
      aria-label={`Use the ${next} theme`}
    >
      <Icon size={18} aria-hidden />
    </button>
  );
}

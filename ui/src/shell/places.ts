import { Activity, type LucideIcon, ShieldCheck, UserRound } from "lucide-react";

export interface Place {
  href: string;
  label: string;
  icon: LucideIcon;
}

/** Pages of the dashboard, in the order of the rail. */
export const PLACES: readonly Place[] = [
  { href: "/signals/", label: "Signals", icon: Activity },
  { href: "/account/", label: "Account", icon: UserRound },
  { href: "/security/", label: "Security", icon: ShieldCheck },
];

import {
  Activity,
  Bell,
  CandlestickChart,
  ChartNoAxesCombined,
  CreditCard,
  FlaskConical,
  KeyRound,
  type LucideIcon,
  ShieldCheck,
  UserRound,
  Webhook,
} from "lucide-react";

export interface Place {
  href: string;
  label: string;
  icon: LucideIcon;
  /** Whether it is one of those that have room at the foot of a small screen; the palette has all. */
  main?: boolean;
}

/** Pages of the dashboard, in the order of the rail. */
export const PLACES: readonly Place[] = [
  { href: "/market/", label: "Market", icon: CandlestickChart, main: true },
  { href: "/signals/", label: "Signals", icon: Activity, main: true },
  { href: "/performance/", label: "Performance", icon: ChartNoAxesCombined, main: true },
  { href: "/backtests/", label: "Backtests", icon: FlaskConical },
  { href: "/alerts/", label: "Alerts", icon: Bell, main: true },
  { href: "/webhooks/", label: "Webhooks", icon: Webhook },
  { href: "/api-keys/", label: "API keys", icon: KeyRound },
  { href: "/account/", label: "Account", icon: UserRound, main: true },
  { href: "/security/", label: "Security", icon: ShieldCheck },
  { href: "/billing/", label: "Billing", icon: CreditCard },
];

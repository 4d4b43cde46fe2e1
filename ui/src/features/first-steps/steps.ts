/** What somebody does first, and whether it is done. */
export interface Step {
  title: string;
  why: string;
  href: string;
  done: boolean;
}

/** What is known of somebody that says how far he is. */
export interface Known {
  marketSeen: boolean;
  watched: number;
  alerts: number;
  secondFactor: boolean;
}

/** The first steps, in the order in which they are useful. */
export function stepsOf({ marketSeen, watched, alerts, secondFactor }: Known): Step[] {
  return [
    {
      title: "Look at a market",
      why: "Zones, structure and signals on the candles; replay shows what was known when.",
      href: "/market/",
      done: marketSeen,
    },
    {
      title: "Watch a market",
      why: "Its price then stands beside every chart.",
      href: "/market/",
      done: watched > 0,
    },
    {
      title: "Make an alert",
      why: "You are told of a signal or a price by mail, push, Telegram or webhook.",
      href: "/alerts/",
      done: alerts > 0,
    },
    {
      title: "Put a second factor in force",
      why: "A password alone is not enough for what may be connected to your orders.",
      href: "/security/",
      done: secondFactor,
    },
  ];
}

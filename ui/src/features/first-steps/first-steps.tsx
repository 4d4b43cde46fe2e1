"use client";

import { useQuery } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import Link from "next/link";
import { api, body } from "@/api/client";
import { classes } from "@/components/classes";
import { useWatchlists } from "@/features/market/markets";
import { useChoice } from "@/session/choice";
import { type Profile, useProfile, useProfileChange } from "@/session/session";
import { stepsOf } from "./steps";

const SEEN = "first_steps";

/** What a new person does first. It ticks itself, and stays away once it was closed. */
export function FirstSteps() {
  const profile = useProfile().data;
  if (!profile || profile.preferences[SEEN] === "closed") return null;
  return <Steps profile={profile} />;
}

function Steps({ profile }: { profile: Profile }) {
  const change = useProfileChange();
  const lists = useWatchlists();
  const alerts = useQuery({ queryKey: ["alerts"], queryFn: () => body(api.GET("/v1/alerts")) });
  const factor = useQuery({ queryKey: ["second-factor"], queryFn: () => body(api.GET("/v1/auth/second-factor")) });
  const [market] = useChoice<unknown>("market.last", null);
  // What could not be read is not told as not done.
  if (!lists.data || !alerts.data || !factor.data) return null;
  const steps = stepsOf({
    marketSeen: market !== null,
    watched: lists.data.flatMap((list) => list.markets).length,
    alerts: alerts.data.items.length,
    secondFactor: factor.data.enabled,
  });
  const left = steps.filter(({ done }) => !done).length;
  return (
    <section aria-labelledby="first-steps" className="mb-5 rounded-lg border border-line bg-surface p-4">
      <header className="flex items-start justify-between gap-3">
        <div>
          <h2 id="first-steps" className="font-semibold">
            {left ? "First steps" : "All set"}
          </h2>
          <p className="text-sm text-soft">
            {left ? `${steps.length - left} of ${steps.length} done` : "Nothing is left to do."}
          </p>
        </div>
        <button
          type="button"
          aria-label="Close the first steps"
          disabled={change.isPending}
          onClick={() => change.mutate({ preferences: { ...profile.preferences, [SEEN]: "closed" } })}
          className="grid h-8 w-8 place-items-center rounded-md text-soft hover:bg-sunken"
        >
          <X size={18} aria-hidden />
        </button>
      </header>
      <ol className="mt-3 grid gap-2 sm:grid-cols-2 lg:grid-cols-4">
        {steps.map(({ title, why, href, done }) => (
          <li key={title} className={classes("rounded-md border border-line p-3 text-sm", done && "bg-sunken")}>
            <p className="flex items-center gap-2 font-medium">
              {done && <Check size={15} className="text-up" aria-hidden />}
              {done ? (
                <span>
                  {title} <span className="sr-only">(done)</span>
                </span>
              ) : (
                <Link href={href} className="text-accent hover:underline">
                  {title}
                </Link>
              )}
            </p>
            <p className="mt-1 text-soft">{why}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { api, body } from "@/api/client";
import { useProfile } from "@/session/session";
import type { Choices } from "./backtests";

/** Says what stands in the way of another backtest, and what it takes; nothing while nothing does. */
export function Allowance({ choices }: { choices: Choices | undefined }) {
  const profile = useProfile();
  const allowed = profile.data?.plan.backtests;
  const out = choices?.left_today === 0;
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: () => body(api.GET("/v1/plans")),
    enabled: out,
  });
  if (!choices || allowed === undefined) return null;
  if (choices.updated_at === null) {
    return <Notice>No runner has ever been up here: what you ask for waits until one is.</Notice>;
  }
  if (!out) return null;
  const more = plans.data?.items.find((plan) => plan.backtests > allowed);
  return (
    <Notice>
      {allowed === 0
        ? "Your plan has no backtests."
        : `The ${allowed} that your plan allows in 24 hours are used. There is room again a day after each was asked for.`}{" "}
      {more && (
        <>
          {more.name} allows {more.backtests} in 24 hours:{" "}
          <Link href="/billing/" className="font-medium text-accent underline">
            see the plans
          </Link>
          .
        </>
      )}
    </Notice>
  );
}

function Notice({ children }: { children: React.ReactNode }) {
  return (
    <p role="status" className="mb-4 rounded-lg border border-warn bg-warn-soft px-4 py-3">
      {children}
    </p>
  );
}

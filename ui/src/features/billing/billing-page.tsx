"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Minus } from "lucide-react";
import { api, body, type Schema } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { PageHeader } from "@/components/page-header";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatMoney } from "@/format/money";
import { useReader } from "@/session/reader";
import { SignedIn } from "@/session/signed-in";
import { type Plan, planWords, stateWords } from "./plan-words";

type Subscription = Schema<"SubscriptionShown">;
type Invoice = Schema<"InvoiceShown">;

export function BillingPage() {
  return (
    <SignedIn here="/billing/">
      <PageHeader title="Plan and billing">
        Upgrades count at once and cost the rest of the period; downgrades wait for its end.
      </PageHeader>
      <Plans />
      <Invoices />
    </SignedIn>
  );
}

function Plans() {
  const plans = useQuery({ queryKey: ["plans"], queryFn: () => body(api.GET("/v1/plans")) });
  const mine = useQuery({ queryKey: ["subscriptions"], queryFn: () => body(api.GET("/v1/subscriptions")) });
  const rights = useQuery({ queryKey: ["entitlements"], queryFn: () => body(api.GET("/v1/billing/entitlements")) });
  if (plans.isPending || mine.isPending || rights.isPending) return <Skeleton className="h-80" />;
  const failed = [plans, mine, rights].find((one) => one.isError);
  if (failed || !plans.data || !mine.data || !rights.data) {
    return <ErrorState error={failed?.error} retry={() => void failed?.refetch()} />;
  }
  const current = mine.data.items.find((one) => one.status !== "ended");
  return (
    <>
      {current && <Current subscription={current} />}
      <ul className="grid gap-4 md:grid-cols-3">
        {plans.data.items.map((plan) => (
          <PlanCard key={plan.plan} plan={plan} held={rights.data.plan} current={current} />
        ))}
      </ul>
    </>
  );
}

function useBillingChanged() {
  const client = useQueryClient();
  return () =>
    Promise.all(
      [["subscriptions"], ["entitlements"], ["invoices"], ["profile"]].map((queryKey) =>
        client.invalidateQueries({ queryKey }),
      ),
    );
}

function Current({ subscription }: { subscription: Subscription }) {
  const changed = useBillingChanged();
  const path = { subscription_id: subscription.subscription_id };
  const cancel = useMutation({
    mutationFn: () => body(api.DELETE("/v1/subscriptions/{subscription_id}", { params: { path } })),
    onSuccess: changed,
  });
  const resume = useMutation({
    mutationFn: () => body(api.POST("/v1/subscriptions/{subscription_id}/resume", { params: { path } })),
    onSuccess: changed,
  });
  const error = cancel.error ?? resume.error;
  return (
    <section
      aria-label="Your subscription"
      className="mb-5 flex flex-wrap items-center justify-between gap-3 rounded-lg border border-line bg-surface p-4"
    >
      <div>
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-semibold">{subscription.plan}</span>
          <Badge tone={subscription.status === "past_due" || subscription.status === "unpaid" ? "down" : "up"}>
            {stateWords(subscription)}
          </Badge>
        </p>
        {subscription.period_end && (
          <p className="mt-1 text-sm text-soft">
            {subscription.cancel_at_period_end ? "Until" : "Renews at"} <Time at={subscription.period_end} zone />
          </p>
        )}
        {error && (
          <p role="alert" className="mt-1 text-sm text-down">
            {messageOf(error)}
          </p>
        )}
      </div>
      <div className="flex gap-2">
        {subscription.checkout_url && (
          <a className={buttonClasses("primary", "small")} href={subscription.checkout_url} rel="noreferrer">
            Pay
          </a>
        )}
        {subscription.cancel_at_period_end ? (
          <Button size="small" busy={resume.isPending} onClick={() => resume.mutate()}>
            Keep it
          </Button>
        ) : (
          <Button size="small" busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel at the end of the period
          </Button>
        )}
      </div>
    </section>
  );
}

function PlanCard({ plan, held, current }: { plan: Plan; held: string; current: Subscription | undefined }) {
  const { locale } = useReader();
  const changed = useBillingChanged();
  const choose = useMutation({
    mutationFn: () =>
      current
        ? body(
            api.POST("/v1/subscriptions/{subscription_id}/change", {
              params: { path: { subscription_id: current.subscription_id } },
              body: { plan: plan.plan },
            }),
          )
        : body(api.POST("/v1/subscriptions", { body: { plan: plan.plan } })),
    onSuccess: async (answer) => {
      await changed();
      if (answer.checkout_url) window.location.assign(answer.checkout_url);
    },
  });
  const isHeld = plan.plan === held;
  const free = plan.price_minor === 0;
  return (
    <li
      className={`flex flex-col rounded-lg border bg-surface p-5 ${isHeld ? "border-accent" : "border-line"}`}
      aria-current={isHeld || undefined}
    >
      <h2 className="flex items-center justify-between gap-2 text-base font-semibold">
        {plan.name}
        {isHeld && <Badge tone="up">Yours</Badge>}
      </h2>
      <p className="numeric mt-2">
        <span className="text-2xl font-semibold tracking-tight">
          {formatMoney(plan.price_minor, plan.currency, locale)}
        </span>
        <span className="text-soft"> a {plan.interval}</span>
      </p>
      <ul className="mt-4 mb-5 flex flex-col gap-1.5 text-sm text-soft">
        {planWords(plan).map((line) => (
          <li key={line} className="flex gap-2">
            {line.startsWith("No ") ? (
              <Minus size={16} aria-hidden className="mt-0.5 shrink-0 text-faint" />
            ) : (
              <Check size={16} aria-hidden className="mt-0.5 shrink-0 text-accent" />
            )}
            {line}
          </li>
        ))}
      </ul>
      <div className="mt-auto">
        {!isHeld && !free && (
          <Button kind="primary" className="w-full" busy={choose.isPending} onClick={() => choose.mutate()}>
            {current ? "Change to it" : plan.trial_days ? `Try it for ${plan.trial_days} days` : "Subscribe"}
          </Button>
        )}
        {choose.isError && (
          <p role="alert" className="mt-2 text-sm text-down">
            {messageOf(choose.error)}
          </p>
        )}
      </div>
    </li>
  );
}

function Invoices() {
  const { locale } = useReader();
  const found = useQuery({ queryKey: ["invoices"], queryFn: () => body(api.GET("/v1/invoices")) });
  const columns: readonly Column<Invoice>[] = [
    { name: "Number", cell: (one) => <span className="font-medium whitespace-nowrap">{one.number}</span> },
    { name: "Issued", cell: (one) => <Time at={one.issued_at} /> },
    { name: "For", cell: (one) => one.lines.map((line) => line.description).join("; ") },
    { name: "Total", numeric: true, cell: (one) => formatMoney(one.total_minor, one.currency, locale) },
    {
      name: "State",
      cell: (one) => (
        <Badge tone={one.status === "paid" ? "up" : one.status === "open" ? "warn" : "plain"}>
          {one.kind === "credit_note" ? "Credit note" : one.status}
        </Badge>
      ),
    },
    {
      name: "Document",
      cell: (one) => (
        <a className="text-accent underline underline-offset-2" href={`/v1/invoices/${one.invoice_id}/pdf`}>
          PDF
        </a>
      ),
    },
  ];
  return (
    <section className="mt-8">
      <h2 className="mb-3 text-lg font-semibold">Invoices</h2>
      {found.isPending && <Skeleton className="h-24" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !found.data.items.length && <EmptyState title="Nothing has been invoiced" />}
      {found.isSuccess && found.data.items.length > 0 && (
        <DataTable caption="Invoices" columns={columns} rows={found.data.items} keyOf={(one) => one.invoice_id} />
      )}
    </section>
  );
}

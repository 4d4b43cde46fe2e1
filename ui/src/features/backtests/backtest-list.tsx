"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { PageHeader } from "@/components/page-header";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatChange, formatCount } from "@/format/numbers";
import { useReader } from "@/session/reader";
import { Allowance } from "./allowance";
import { type Backtest, isRunning, judged, summaryOf, useBacktests, useChoices, useDeeds } from "./backtests";
import { placeOf } from "./places";
import { Progress } from "./progress";
import { FINDINGS, KINDS, STATES } from "./words";

const MOST = 4;

/** Everything that was asked for, newest first. */
export function BacktestList() {
  const router = useRouter();
  const { locale } = useReader();
  const found = useBacktests();
  const choices = useChoices();
  const { cancel } = useDeeds();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const toggle = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(0, MOST));

  const columns: readonly Column<Backtest>[] = [
    {
      name: "Compare",
      cell: (one) =>
        one.documents.includes("curve") && (
          <label className="grid h-6 w-6 place-items-center">
            <span className="sr-only">
              Compare {one.request.strategy} {one.request.market} {one.request.timeframe}
            </span>
            <input
              type="checkbox"
              checked={chosen.includes(one.backtest_id)}
              disabled={chosen.length >= MOST && !chosen.includes(one.backtest_id)}
              onChange={() => toggle(one.backtest_id)}
              className="h-4 w-4 accent-[var(--accent)]"
            />
          </label>
        ),
    },
    {
      name: "Backtest",
      cell: (one) => (
        <>
          <Link
            href={placeOf.one(one.backtest_id)}
            className="font-medium text-accent underline-offset-2 hover:underline"
          >
            {one.request.strategy}
          </Link>
          <span className="block whitespace-nowrap text-faint">
            {one.request.market.split(":")[1]} {one.request.timeframe} · {KINDS[one.kind].toLowerCase()}
          </span>
        </>
      ),
    },
    { name: "State", cell: (one) => <State backtest={one} /> },
    { name: "Return", numeric: true, cell: (one) => <NumberOf backtest={one} name="total_return" locale={locale} /> },
    { name: "Trades", numeric: true, cell: (one) => <NumberOf backtest={one} name="trades" locale={locale} /> },
    { name: "Asked", cell: (one) => <Time at={one.created_at} /> },
    {
      name: "",
      cell: (one) =>
        isRunning(one) && (
          <Button
            size="small"
            busy={cancel.isPending && cancel.variables === one.backtest_id}
            onClick={() => cancel.mutate(one.backtest_id)}
          >
            Give up
          </Button>
        ),
    },
  ];

  return (
    <>
      <PageHeader
        title="Backtests"
        actions={
          <>
            {rows.filter((one) => one.documents.includes("curve")).length > 1 && (
              <Button size="small" disabled={chosen.length < 2} onClick={() => router.push(placeOf.several(chosen))}>
                {chosen.length < 2 ? "Choose 2 to 4 to compare" : `Compare ${chosen.length}`}
              </Button>
            )}
            <Link href={placeOf.form} className={buttonClasses("primary", "small")}>
              New backtest
            </Link>
          </>
        }
      >
        How a strategy would have traded stored bars, with its costs. What went well there need not go well again.
      </PageHeader>
      <Allowance choices={choices.data} />
      {cancel.isError && (
        <p role="alert" className="mb-3 text-sm text-down">
          {messageOf(cancel.error)}
        </p>
      )}
      {found.isPending && <Skeleton className="h-72" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !rows.length && (
        <EmptyState
          title="No backtest yet"
          action={
            <Link href={placeOf.form} className={buttonClasses("primary")}>
              Make the first one
            </Link>
          }
        >
          Choose a strategy and a market; it is run as soon as a runner is free.
        </EmptyState>
      )}
      {rows.length > 0 && (
        <DataTable caption="Backtests" columns={columns} rows={rows} keyOf={(one) => one.backtest_id} />
      )}
      {found.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

function State({ backtest }: { backtest: Backtest }) {
  if (isRunning(backtest)) return <Progress backtest={backtest} />;
  const summary = summaryOf(backtest);
  if (summary) {
    const { tone, words } = FINDINGS[summary.verdict.finding];
    return <Badge tone={tone}>{words}</Badge>;
  }
  const tone = backtest.status === "failed" ? "down" : "plain";
  const sets = backtest.status === "done" && backtest.summary?.sets;
  return <Badge tone={tone}>{sets ? `${formatCount(Number(sets))} sets tried` : STATES[backtest.status]}</Badge>;
}

function NumberOf({ backtest, name, locale }: { backtest: Backtest; name: "total_return" | "trades"; locale: string }) {
  const summary = summaryOf(backtest);
  const value = summary ? judged(summary)[name] : null;
  return name === "trades" ? formatCount(value, locale) : formatChange(value, locale);
}

"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { PageHeader } from "@/components/page-header";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { type Backtest, isRunning, summaryOf, useBacktest, useDeeds } from "./backtests";
import { placeOf } from "./places";
import { Progress } from "./progress";
import { StudyFindings } from "./study-findings";
import { SweepFindings } from "./sweep-findings";
import { KINDS, labelOf, STATES, valueWords } from "./words";

/** One backtest: how far it is, or what came of it. */
export function BacktestDetail({ id }: { id: string }) {
  const found = useBacktest(id);
  if (found.isPending) return <Skeleton className="h-96" />;
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  const backtest = found.data;
  const { request, kind, status, failure } = backtest;
  const summary = summaryOf(backtest);
  return (
    <>
      <PageHeader
        title={`${request.strategy}, ${request.market.split(":")[1]} ${request.timeframe}`}
        actions={<Actions backtest={backtest} />}
      >
        {KINDS[kind]}, asked for <Time at={backtest.created_at} zone />
      </PageHeader>
      <div className="flex flex-col gap-4">
        <div role="status" className="contents">
          {isRunning(backtest) && (
            <div className="rounded-lg border border-line bg-surface p-4">
              <Progress backtest={backtest} />
              <p className="mt-3 text-sm text-faint">It goes on if you leave; it will be in the list.</p>
            </div>
          )}
          {status === "cancelled" && <p className="text-soft">It was given up. Nothing of it was kept.</p>}
        </div>
        {status === "failed" && (
          <div role="alert" className="rounded-lg border border-down bg-down-soft px-4 py-3">
            <p className="font-semibold">It could not be run</p>
            <p className="mt-1 break-words">{failure}</p>
          </div>
        )}
        {summary && <StudyFindings backtest={backtest} summary={summary} />}
        {kind === "sweep" && status === "done" && <SweepFindings id={id} />}
        <Asked backtest={backtest} />
      </div>
    </>
  );
}

function Actions({ backtest }: { backtest: Backtest }) {
  const router = useRouter();
  const { cancel, remove } = useDeeds();
  const id = backtest.backtest_id;
  const failed = [cancel, remove].find((one) => one.isError)?.error;
  return (
    <>
      <Link href={placeOf.list} className={buttonClasses("quiet", "small")}>
        All backtests
      </Link>
      {backtest.documents.includes("report") && (
        <a
          href={`/v1/backtests/${id}/report`}
          target="_blank"
          rel="noopener"
          className={buttonClasses("primary", "small")}
        >
          Open the full report<span className="sr-only"> (new tab)</span>
        </a>
      )}
      <Link href={placeOf.again(id)} className={buttonClasses("secondary", "small")}>
        Change and run again
      </Link>
      {isRunning(backtest) ? (
        <Button size="small" kind="danger" busy={cancel.isPending} onClick={() => cancel.mutate(id)}>
          Give it up
        </Button>
      ) : (
        <Button
          size="small"
          kind="danger"
          busy={remove.isPending}
          onClick={() => remove.mutate(id, { onSuccess: () => router.push(placeOf.list) })}
        >
          Delete
        </Button>
      )}
      {failed && (
        <p role="alert" className="w-full text-sm text-down">
          {messageOf(failed)}
        </p>
      )}
    </>
  );
}

function Asked({ backtest }: { backtest: Backtest }) {
  const { request, status } = backtest;
  const set = Object.entries({ ...request.parameters, ...request.config });
  const varied = Object.entries(request.vary ?? {});
  const walk = request.walk_forward;
  return (
    <section aria-label="What was asked" className="rounded-lg border border-line bg-surface p-4">
      <h2 className="mb-2 flex items-center gap-2 font-semibold">
        What was asked <Badge>{STATES[status]}</Badge>
      </h2>
      <dl className="grid gap-x-6 gap-y-1.5 text-sm sm:grid-cols-2 lg:grid-cols-3">
        <Fact name="Days">
          {request.start ?? "the first stored"} to {request.end ?? "the last your plan showed"}
        </Fact>
        {set.map(([name, value]) => (
          <Fact key={name} name={labelOf(name)}>
            {valueWords(value)}
          </Fact>
        ))}
        {varied.map(([name, values]) => (
          <Fact key={name} name={`${labelOf(name)}, tried`}>
            {values.map(valueWords).join(", ")}
          </Fact>
        ))}
        {walk && (
          <Fact name="Walk-forward">
            {walk.train_days} days to choose, {walk.test_days} to trade{walk.anchored ? ", from the first bar" : ""}
          </Fact>
        )}
      </dl>
      {!set.length && !varied.length && <p className="mt-2 text-sm text-soft">Everything else as it comes.</p>}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="flex flex-wrap content-start gap-x-2">
      <dt className="text-faint">{name}</dt>
      <dd className="numeric min-w-0 break-words">{children}</dd>
    </div>
  );
}

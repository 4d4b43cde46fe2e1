"use client";

import {
  useInfiniteQuery,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
  type UseQueryResult,
} from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";

export type Backtest = Schema<"BacktestShown">;
export type Wanted = Schema<"BacktestWanted">;
export type Curve = Schema<"BacktestCurve">;
export type Value = boolean | number | string;
export type Numbers = Readonly<Record<string, number | null>>;

/** A parameter of a strategy, or a field of the account. */
export interface Setting {
  name: string;
  default: Value;
  kind: "number" | "integer" | "boolean" | "text" | "choice";
  choices?: string[];
}

export interface Strategy {
  name: string;
  parameters: Setting[];
  /** Whether its signals name a stop, which sizing by risk needs. */
  stops?: boolean;
}

export interface Metric {
  name: string;
  title: string;
  unit: string;
  better: "high" | "low" | "";
  group: string;
  definition: string;
}

export interface Choices {
  strategies: Strategy[];
  configuration: Setting[];
  metrics: Metric[];
  updated_at: string | null;
  left_today: number | null;
}

export interface Verdict {
  finding: "edge" | "unproven" | "no_edge" | "loss" | "too_few";
  sentence: string;
  out_of_sample: boolean;
  trades: number;
}

/** What is told of a run or of walk-forward that is done. */
export interface Summary {
  bars: number;
  first: string | null;
  last: string | null;
  metrics: Numbers;
  buy_and_hold?: Numbers;
  out_of_sample?: Numbers;
  verdict: Verdict;
  notes: string[];
}

export type Row = Readonly<Record<string, Value | null>>;

export interface Sweep {
  parameters: string[];
  sets: Row[];
  overfitting: number | null;
}

/** What only the whole result tells. */
export interface Result {
  config: Readonly<Record<string, unknown>>;
  parameters: Readonly<Record<string, Value | null>>;
  stress?: Readonly<Record<string, Numbers>>;
  walk_forward?: { windows: Row[]; facts: Readonly<Record<string, string>> };
}

const KEY = ["backtests"] as const;

export function isRunning(backtest: Pick<Backtest, "status">): boolean {
  return backtest.status === "queued" || backtest.status === "running";
}

/** Verdict and numbers of a run or of walk-forward; null of everything else. */
export function summaryOf(backtest: Pick<Backtest, "kind" | "status" | "summary">): Summary | null {
  if (backtest.status !== "done" || backtest.kind === "sweep" || !backtest.summary?.verdict) return null;
  return backtest.summary as unknown as Summary;
}

/** The numbers that the verdict is about: of bars that nothing was chosen on, where there are such. */
export function judged(summary: Summary): Numbers {
  return summary.out_of_sample ?? summary.metrics;
}

export function useChoices() {
  return useQuery({
    queryKey: [...KEY, "choices"],
    // The description leaves the rows of the catalogue open, as runners write them.
    queryFn: async () => (await body(api.GET("/v1/backtests/choices"))) as unknown as Choices,
    refetchInterval: ({ state }) => (state.data?.updated_at === null ? 3_000 : false),
  });
}

export function useBacktests() {
  return useInfiniteQuery({
    queryKey: [...KEY, "list"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET("/v1/backtests", { params: { query: { cursor: pageParam, limit: 20 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some(isRunning)) ? 1_500 : false),
  });
}

function one(id: string) {
  return {
    queryKey: [...KEY, "one", id],
    queryFn: () => body(api.GET("/v1/backtests/{backtest_id}", { params: { path: { backtest_id: id } } })),
  };
}

function curve(id: string) {
  return {
    queryKey: [...KEY, "curve", id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => body(api.GET("/v1/backtests/{backtest_id}/curve", { params: { path: { backtest_id: id } } })),
  };
}

export function useBacktest(id: string) {
  return useQuery({
    ...one(id),
    refetchInterval: ({ state }) => (state.data && isRunning(state.data) ? 1_000 : false),
  });
}

export function useCurve(id: string) {
  return useQuery(curve(id));
}

export function useSeveral(ids: readonly string[]) {
  return useQueries({ queries: ids.map(one) });
}

function together(found: UseQueryResult<Curve>[]) {
  return {
    curves: found.flatMap(({ data }) => data ?? []),
    isPending: found.some((one) => one.isPending),
    error: found.find((one) => one.isError)?.error,
  };
}

/** Curves of several; the same list for as long as nothing new came. */
export function useCurves(ids: readonly string[]) {
  return useQueries({ queries: ids.map(curve), combine: together });
}

export function useResult(id: string) {
  return useQuery({
    queryKey: [...KEY, "result", id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () =>
      (await body(
        api.GET("/v1/backtests/{backtest_id}/result", { params: { path: { backtest_id: id } } }),
      )) as unknown as Result,
  });
}

export function useSweep(id: string) {
  return useQuery({
    queryKey: [...KEY, "sweep", id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () =>
      (await body(
        api.GET("/v1/backtests/{backtest_id}/sweep", { params: { path: { backtest_id: id } } }),
      )) as unknown as Sweep,
  });
}

/** Ask for one, give it up, delete it; lists are read again after each. */
export function useDeeds() {
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: KEY });
  const path = (id: string) => ({ params: { path: { backtest_id: id } } });
  return {
    ask: useMutation({
      mutationFn: (wanted: Wanted) => body(api.POST("/v1/backtests", { body: wanted })),
      onSuccess: again,
    }),
    cancel: useMutation({
      mutationFn: (id: string) => body(api.POST("/v1/backtests/{backtest_id}/cancel", path(id))),
      onSuccess: again,
    }),
    remove: useMutation({
      mutationFn: (id: string) => api.DELETE("/v1/backtests/{backtest_id}", path(id)),
      onSuccess: () => client.invalidateQueries({ queryKey: [...KEY, "list"] }),
    }),
  };
}

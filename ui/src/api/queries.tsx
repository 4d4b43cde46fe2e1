"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiProblem } from "./problem";

/** What the API refuses it refuses again; what did not get through may get through the next time. */
function worthAnotherTry(failures: number, error: Error): boolean {
  const lost = !(error instanceof ApiProblem) || error.status >= 500;
  return lost && failures < 2;
}

export function Queries({ children }: { children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { retry: worthAnotherTry, staleTime: 15_000, refetchOnWindowFocus: true },
          mutations: { retry: false },
        },
      }),
  );
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}

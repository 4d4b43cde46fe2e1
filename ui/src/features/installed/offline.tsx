"use client";

import { useEffect } from "react";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/states";

const again = () => location.reload();

/** Stands in for a page that was never opened while there was a connection; opens it as soon as there is one. */
export function Offline() {
  useEffect(() => {
    // The page itself can be opened too: then there is nothing to come back to.
    if (location.pathname.startsWith("/offline")) return undefined;
    window.addEventListener("online", again);
    return () => window.removeEventListener("online", again);
  }, []);
  return (
    <EmptyState
      title="No connection"
      action={
        <Button kind="primary" onClick={again}>
          Try again
        </Button>
      }
    >
      This page was not opened before, so nothing of it is kept here. It opens by itself when the connection is back.
    </EmptyState>
  );
}

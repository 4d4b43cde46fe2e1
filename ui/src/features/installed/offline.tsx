"use client";

import { useEffect } from "react";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/states";

const LOOK_EVERY_MS = 3_000;
const again = () => location.reload();

/** Open the page if the server answers: that the browser has a network does not say so. */
function tryAgain() {
  fetch(location.href, { method: "HEAD", cache: "no-store" }).then(
    (reply) => reply.ok && again(),
    () => undefined,
  );
}

/** Stands in for a page that was never opened while there was a connection; opens it as soon as there is one. */
export function Offline() {
  useEffect(() => {
    // The page itself can be opened too: then there is nothing to come back to.
    if (location.pathname.startsWith("/offline")) return undefined;
    const clock = setInterval(tryAgain, LOOK_EVERY_MS);
    window.addEventListener("online", tryAgain);
    return () => {
      clearInterval(clock);
      window.removeEventListener("online", tryAgain);
    };
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

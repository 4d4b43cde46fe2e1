"use client";

import { useState } from "react";
import { Button } from "./button";

/** A secret that is nowhere else: to be copied now. */
export function ShownOnce({ title, secret, done }: { title: string; secret: string; done: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <div role="status" className="rounded-md border border-warn bg-warn-soft p-4">
      <p className="font-medium">{title}</p>
      <p className="mt-1 text-sm">It is shown this once. Keep it where programs keep their secrets.</p>
      <code className="my-3 block rounded bg-surface px-3 py-2 font-mono text-sm break-all select-all">{secret}</code>
      <div className="flex gap-2">
        <Button size="small" onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}>
          {copied ? "Copied" : "Copy it"}
        </Button>
        <Button size="small" kind="primary" onClick={done}>
          It is kept
        </Button>
      </div>
    </div>
  );
}

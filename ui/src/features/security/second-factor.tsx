"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { formatCount } from "@/format/numbers";

const KEY = ["second-factor"] as const;

function given(event: FormEvent<HTMLFormElement>, ...names: string[]): Record<string, string> {
  event.preventDefault();
  const data = new FormData(event.currentTarget);
  return Object.fromEntries(names.map((name) => [name, String(data.get(name)).trim()]));
}

/** The authenticator app: put in force, taken off, its recovery codes shown once. */
export function SecondFactor() {
  const [codes, setCodes] = useState<string[]>();
  const state = useQuery({ queryKey: KEY, queryFn: () => body(api.GET("/v1/auth/second-factor")) });
  if (state.isPending) return <Skeleton className="h-40" />;
  if (state.isError) return <ErrorState error={state.error} retry={() => void state.refetch()} />;
  return (
    <section className="rounded-lg border border-line bg-surface p-5">
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="text-base font-semibold">Second factor</h2>
        {state.data.enabled ? <Badge tone="up">In force</Badge> : <Badge tone="warn">Not set up</Badge>}
      </div>
      <p className="mt-1 mb-4 max-w-prose text-soft">
        A code from an app on your phone, asked for after the password. Whoever learns the password alone does not get
        in.
      </p>
      {codes && <RecoveryCodes codes={codes} done={() => setCodes(undefined)} />}
      {!codes &&
        (state.data.enabled ? <InForce left={state.data.recovery_codes_left} /> : <SetUp onCodes={setCodes} />)}
    </section>
  );
}

function SetUp({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const client = useQueryClient();
  const [begun, setBegun] = useState<Schema<"SecondFactorBegun">>();
  const begin = useMutation({
    mutationFn: (password: string) => body(api.POST("/v1/auth/second-factor", { body: { password } })),
    onSuccess: setBegun,
  });
  const confirm = useMutation({
    mutationFn: (code: string) => body(api.POST("/v1/auth/second-factor/confirm", { body: { code } })),
    onSuccess: (answer) => {
      onCodes(answer.recovery_codes);
      void client.invalidateQueries({ queryKey: KEY });
      void client.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  if (!begun) {
    return (
      <form
        className="flex max-w-sm flex-col gap-4"
        onSubmit={(event) => begin.mutate(given(event, "password").password ?? "")}
      >
        <TextField label="Your password" name="password" type="password" required autoComplete="current-password" />
        <Failure error={begin.error} />
        <div>
          <Button type="submit" kind="primary" busy={begin.isPending}>
            Set it up
          </Button>
        </div>
      </form>
    );
  }
  return (
    <form
      className="flex max-w-md flex-col gap-4"
      onSubmit={(event) => confirm.mutate((given(event, "code").code ?? "").replace(/\s/g, ""))}
    >
      <p>Scan this with an authenticator app, or type the key into it. Then type the code that it shows.</p>
      {/* eslint-disable-next-line @next/next/no-img-element -- made by the server for this moment only */}
      <img
        alt="The key as a picture to scan"
        className="h-48 w-48 rounded-md bg-white p-2"
        src={`data:image/svg+xml;utf8,${encodeURIComponent(begun.qr_svg)}`}
      />
      <p className="text-sm">
        Key: <code className="font-mono break-all select-all">{begun.secret}</code>
      </p>
      <TextField
        label="Code"
        name="code"
        required
        autoFocus
        inputMode="numeric"
        autoComplete="one-time-code"
        pattern="[0-9 ]{6,7}"
      />
      <Failure error={confirm.error} />
      <div>
        <Button type="submit" kind="primary" busy={confirm.isPending}>
          Put it in force
        </Button>
      </div>
    </form>
  );
}

function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  return (
    <div role="status" className="rounded-md border border-warn bg-warn-soft p-4">
      <p className="font-medium">Keep these recovery codes. They are shown this once.</p>
      <p className="mt-1 text-sm">Each lets you in one time if the phone is lost.</p>
      <ul className="my-3 grid grid-cols-1 gap-x-6 gap-y-1 font-mono text-sm sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code} className="select-all">
            {code}
          </li>
        ))}
      </ul>
      <div className="flex gap-2">
        <Button size="small" onClick={() => void navigator.clipboard.writeText(codes.join("\n"))}>
          Copy them
        </Button>
        <Button size="small" kind="primary" onClick={done}>
          They are kept
        </Button>
      </div>
    </div>
  );
}

function InForce({ left }: { left: number }) {
  const client = useQueryClient();
  const off = useMutation({
    mutationFn: (proof: { password: string; code: string }) =>
      api.POST("/v1/auth/second-factor/disable", { body: proof }),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <div className="flex flex-col gap-4">
      <p>
        {left === 0 ? "No recovery code is left." : `${formatCount(left)} recovery codes are left.`} With the phone lost
        and no code left, only an administrator can let you in.
      </p>
      <form
        className="flex max-w-sm flex-col gap-4"
        onSubmit={(event) => {
          const { password = "", code = "" } = given(event, "password", "code");
          off.mutate({ password, code: code.replace(/\s/g, "") });
        }}
      >
        <TextField label="Your password" name="password" type="password" required autoComplete="current-password" />
        <TextField label="Code" name="code" required autoComplete="one-time-code" />
        <Failure error={off.error} />
        <div>
          <Button type="submit" kind="danger" busy={off.isPending}>
            Take it off
          </Button>
        </div>
      </form>
    </div>
  );
}

function Failure({ error }: { error: unknown }) {
  return error ? (
    <p role="alert" className="text-sm text-down">
      {messageOf(error)}
    </p>
  ) : null;
}

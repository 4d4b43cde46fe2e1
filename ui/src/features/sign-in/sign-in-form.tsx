"use client";

import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, useState } from "react";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { useSessionChanged } from "@/session/session";
import { FormError } from "./card";
import { returnTo } from "./return-to";

/** Sign in, with the second factor where the account has one. */
export function SignInForm() {
  const router = useRouter();
  const search = useSearchParams();
  const changed = useSessionChanged();
  const [challenge, setChallenge] = useState<string>();

  async function enter() {
    await changed();
    router.replace(returnTo(search));
  }

  const password = useMutation({
    mutationFn: (given: { email: string; password: string }) =>
      body(api.POST("/v1/auth/login", { body: { ...given, cookies: true } })),
    onSuccess: async (answer) => {
      if ("challenge" in answer) setChallenge(answer.challenge);
      else await enter();
    },
  });
  const code = useMutation({
    mutationFn: (given: string) =>
      body(
        api.POST("/v1/auth/login/second-factor", {
          body: { challenge: challenge ?? "", code: given, cookies: true },
        }),
      ),
    onSuccess: enter,
  });

  if (challenge !== undefined) {
    return (
      <form
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault();
          code.mutate(String(new FormData(event.currentTarget).get("code")).replace(/\s/g, ""));
        }}
      >
        {code.isError && <FormError>{messageOf(code.error)}</FormError>}
        <TextField
          label="Code"
          name="code"
          required
          autoFocus
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          hint="Six digits of your authenticator app, or one of your recovery codes."
        />
        <Button type="submit" kind="primary" busy={code.isPending}>
          Sign in
        </Button>
        <Button kind="quiet" onClick={() => setChallenge(undefined)}>
          Use another account
        </Button>
      </form>
    );
  }
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        password.mutate({ email: String(given.get("email")), password: String(given.get("password")) });
      }}
    >
      {password.isError && <FormError>{messageOf(password.error)}</FormError>}
      <TextField label="E-mail" name="email" type="email" required autoFocus autoComplete="username" />
      <TextField label="Password" name="password" type="password" required autoComplete="current-password" />
      <Button type="submit" kind="primary" busy={password.isPending}>
        Sign in
      </Button>
      <div className="flex justify-between text-sm">
        <Link className="text-accent underline-offset-2 hover:underline" href="/forgot-password/">
          Forgotten the password?
        </Link>
        <Link className="text-accent underline-offset-2 hover:underline" href="/register/">
          Make an account
        </Link>
      </div>
    </form>
  );
}

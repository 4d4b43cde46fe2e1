"use client";

import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { type FormEvent, useState } from "react";
import { api, body } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { TextField } from "@/components/field";
import { FormError } from "./card";
import { SentMail } from "./sent-mail";

interface Confirmation {
  confirm: (token: string) => Promise<unknown>;
  /** What the button says. */
  action: string;
  /** What is said when it is done. */
  done: string;
  then: { href: string; label: string };
}

/** Confirms with the token of a mail. Not by opening the page alone: programs that look at mails open links too. */
function Confirm({ confirm, action, done, then }: Confirmation) {
  const token = useSearchParams().get("token") ?? "";
  const confirmed = useMutation({ mutationFn: () => confirm(token) });
  if (!token) return <FormError>The link is incomplete. Open it from the mail again, or copy all of it.</FormError>;
  if (confirmed.isSuccess) {
    return (
      <>
        <p role="status">{done}</p>
        <Link className={buttonClasses("primary")} href={then.href}>
          {then.label}
        </Link>
      </>
    );
  }
  return (
    <>
      {confirmed.isError && <FormError>{messageOf(confirmed.error)}</FormError>}
      <Button kind="primary" busy={confirmed.isPending} onClick={() => confirmed.mutate()}>
        {action}
      </Button>
    </>
  );
}

export function VerifyEmail() {
  return (
    <Confirm
      confirm={(token) => api.POST("/v1/auth/verify-email", { body: { token } })}
      action="Confirm the address"
      done="The address is confirmed, and the account is open."
      then={{ href: "/login/", label: "Sign in" }}
    />
  );
}

export function ConfirmEmailChange() {
  return (
    <Confirm
      confirm={(token) => api.POST("/v1/users/me/email-change/confirm", { body: { token } })}
      action="Use this address"
      done="The account has the new address now."
      then={{ href: "/login/", label: "Go on" }}
    />
  );
}

export function ResetPassword() {
  const token = useSearchParams().get("token") ?? "";
  const reset = useMutation({
    mutationFn: (password: string) =>
      api.POST("/v1/auth/password-reset/confirm", { body: { token, new_password: password } }),
  });
  if (!token) return <FormError>The link is incomplete. Open it from the mail again, or copy all of it.</FormError>;
  if (reset.isSuccess) {
    return (
      <>
        <p role="status">The password is changed, and every other session has ended.</p>
        <Link className={buttonClasses("primary")} href="/login/">
          Sign in
        </Link>
      </>
    );
  }
  const wrong = reset.error instanceof ApiProblem ? reset.error.fields.get("new_password") : undefined;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        reset.mutate(String(new FormData(event.currentTarget).get("password")));
      }}
    >
      {reset.isError && !wrong && <FormError>{messageOf(reset.error)}</FormError>}
      <TextField
        label="New password"
        name="password"
        type="password"
        required
        minLength={12}
        maxLength={128}
        autoFocus
        autoComplete="new-password"
        hint="At least 12 characters."
        error={wrong}
      />
      <Button type="submit" kind="primary" busy={reset.isPending}>
        Change the password
      </Button>
    </form>
  );
}

export function ForgotPassword() {
  const [email, setEmail] = useState("");
  const request = useMutation({
    mutationFn: (address: string) => body(api.POST("/v1/auth/password-reset", { body: { email: address } })),
  });
  const [again, setAgain] = useState(false);
  if (request.isSuccess || again) {
    return (
      <SentMail
        email={email}
        busy={request.isPending}
        sent={again && request.isSuccess}
        again={() => {
          setAgain(true);
          request.mutate(email);
        }}
      >
        The link in it lets you choose a new password.
      </SentMail>
    );
  }
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const address = String(new FormData(event.currentTarget).get("email"));
        setEmail(address);
        request.mutate(address);
      }}
    >
      {request.isError && <FormError>{messageOf(request.error)}</FormError>}
      <TextField label="E-mail" name="email" type="email" required autoFocus autoComplete="username" />
      <Button type="submit" kind="primary" busy={request.isPending}>
        Send me a link
      </Button>
    </form>
  );
}

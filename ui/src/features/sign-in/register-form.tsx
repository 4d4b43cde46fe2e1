"use client";

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { FormError } from "./card";
import { SentMail } from "./sent-mail";

/** Make an account; it opens with the link that is mailed. */
export function RegisterForm() {
  const [email, setEmail] = useState("");
  const register = useMutation({
    mutationFn: (given: { email: string; password: string }) => body(api.POST("/v1/auth/register", { body: given })),
  });
  const resend = useMutation({
    mutationFn: () => body(api.POST("/v1/auth/resend-verification", { body: { email } })),
  });
  if (register.isSuccess) {
    return (
      <SentMail email={email} again={() => resend.mutate()} busy={resend.isPending} sent={resend.isSuccess}>
        Open the link in it to confirm the address. It is good for a day.
      </SentMail>
    );
  }
  const fields = register.error instanceof ApiProblem ? register.error.fields : undefined;
  const wrong = { email: fields?.get("email"), password: fields?.get("password") };
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        setEmail(String(given.get("email")));
        register.mutate({ email: String(given.get("email")), password: String(given.get("password")) });
      }}
    >
      {register.isError && !wrong.email && !wrong.password && <FormError>{messageOf(register.error)}</FormError>}
      <TextField
        label="E-mail"
        name="email"
        type="email"
        required
        autoFocus
        autoComplete="username"
        error={wrong.email}
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        required
        minLength={12}
        maxLength={128}
        autoComplete="new-password"
        hint="At least 12 characters. A few words in a row are good and easy to keep."
        error={wrong.password}
      />
      <Button type="submit" kind="primary" busy={register.isPending}>
        Make an account
      </Button>
    </form>
  );
}

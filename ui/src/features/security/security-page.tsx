"use client";

import { PageHeader } from "@/components/page-header";
import { SignedIn } from "@/session/signed-in";
import { Password } from "./password";
import { SecondFactor } from "./second-factor";
import { Sessions } from "./sessions";

export function SecurityPage() {
  return (
    <SignedIn here="/security/">
      <PageHeader title="Security">Who can get into this account, and who is in it.</PageHeader>
      <div className="flex max-w-3xl flex-col gap-5">
        <SecondFactor />
        <Sessions />
        <Password />
      </div>
    </SignedIn>
  );
}

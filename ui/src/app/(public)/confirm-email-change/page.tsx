import type { Metadata } from "next";
import { Suspense } from "react";
import { Card } from "@/features/sign-in/card";
import { ConfirmEmailChange } from "@/features/sign-in/token-pages";

export const metadata: Metadata = { title: "Confirm the new address" };

export default function Page() {
  return (
    <Card title="Confirm the new address" lead="From then on you sign in with it.">
      <Suspense>
        <ConfirmEmailChange />
      </Suspense>
    </Card>
  );
}

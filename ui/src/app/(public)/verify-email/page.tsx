import type { Metadata } from "next";
import { Suspense } from "react";
import { Card } from "@/features/sign-in/card";
import { VerifyEmail } from "@/features/sign-in/token-pages";

export const metadata: Metadata = { title: "Confirm your address" };

export default function Page() {
  return (
    <Card title="Confirm your address" lead="One click, and the account is open.">
      <Suspense>
        <VerifyEmail />
      </Suspense>
    </Card>
  );
}

import type { Metadata } from "next";
import { Suspense } from "react";
import { Card } from "@/features/sign-in/card";
import { ResetPassword } from "@/features/sign-in/token-pages";

export const metadata: Metadata = { title: "Choose a new password" };

export default function Page() {
  return (
    <Card title="Choose a new password" lead="It ends every other session of the account.">
      <Suspense>
        <ResetPassword />
      </Suspense>
    </Card>
  );
}

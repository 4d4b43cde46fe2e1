import type { Metadata } from "next";
import { Suspense } from "react";
import { Card } from "@/features/sign-in/card";
import { SignInForm } from "@/features/sign-in/sign-in-form";

export const metadata: Metadata = { title: "Sign in" };

export default function Page() {
  return (
    <Card title="Sign in">
      <Suspense>
        <SignInForm />
      </Suspense>
    </Card>
  );
}

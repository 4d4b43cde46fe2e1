import type { Metadata } from "next";
import Link from "next/link";
import { Card } from "@/features/sign-in/card";
import { RegisterForm } from "@/features/sign-in/register-form";

export const metadata: Metadata = { title: "Make an account" };

export default function Page() {
  return (
    <Card title="Make an account" lead="The free plan shows every signal fifteen minutes late, and asks for no card.">
      <RegisterForm />
      <p className="text-sm text-soft">
        There is an account already?{" "}
        <Link className="text-accent underline underline-offset-2" href="/login/">
          Sign in
        </Link>
      </p>
    </Card>
  );
}

import type { Metadata } from "next";
import { Card } from "@/features/sign-in/card";
import { ForgotPassword } from "@/features/sign-in/token-pages";

export const metadata: Metadata = { title: "Forgotten the password" };

export default function Page() {
  return (
    <Card title="Forgotten the password?" lead="Say which address the account has.">
      <ForgotPassword />
    </Card>
  );
}

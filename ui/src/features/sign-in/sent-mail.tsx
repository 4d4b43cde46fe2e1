import { MailCheck } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/button";

interface Props {
  email: string;
  children: ReactNode;
  again: () => void;
  busy: boolean;
  sent: boolean;
}

/** Says that a mail is on its way, in the same words whether the address has an account or not. */
export function SentMail({ email, children, again, busy, sent }: Props) {
  return (
    <div role="status" className="flex flex-col items-start gap-3 rounded-lg border border-line bg-surface p-5">
      <MailCheck aria-hidden className="text-accent" />
      <p>
        If <strong className="break-all">{email}</strong> can be used here, a mail is on its way to it. {children}
      </p>
      <p className="text-sm text-soft">Nothing there after a few minutes? Look among the unwanted mail.</p>
      <Button size="small" busy={busy} disabled={sent} onClick={again}>
        {sent ? "Sent again" : "Send it again"}
      </Button>
    </div>
  );
}

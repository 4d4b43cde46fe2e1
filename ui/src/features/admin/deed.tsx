"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";

interface Props {
  /** What the button says. */
  label: string;
  title: string;
  danger?: boolean;
  /** Fields beside the reason. */
  children?: ReactNode;
  act: (given: FormData, reason: string) => Promise<unknown>;
}

/** Something an administrator does: never without a reason, which stays in the audit log. */
export function Deed({ label, title, danger = false, children, act }: Props) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const deed = useMutation({
    mutationFn: (given: FormData) => act(given, String(given.get("reason"))),
    onSuccess: async () => {
      setOpen(false);
      await client.invalidateQueries({ queryKey: ["admin"] });
    },
  });
  return (
    <>
      <Button size="small" kind={danger ? "danger" : "secondary"} onClick={() => setOpen(true)}>
        {label}
      </Button>
      <Dialog
        title={title}
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          deed.reset();
        }}
      >
        <form
          className="flex flex-col gap-4"
          onSubmit={(event: FormEvent<HTMLFormElement>) => {
            event.preventDefault();
            deed.mutate(new FormData(event.currentTarget));
          }}
        >
          {children}
          <TextField
            label="Reason"
            name="reason"
            required
            minLength={3}
            maxLength={500}
            hint="Kept in the audit log."
          />
          {deed.isError && (
            <p role="alert" className="text-sm text-down">
              {messageOf(deed.error)}
            </p>
          )}
          <div className="flex justify-end gap-2">
            <Button kind="quiet" onClick={() => setOpen(false)}>
              Leave it
            </Button>
            <Button type="submit" kind={danger ? "danger" : "primary"} busy={deed.isPending}>
              {label}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}

"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { TELEGRAM, useTelegram } from "./channels";

/** The Telegram chat that alerts are sent to. */
export function TelegramChat() {
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: TELEGRAM });
  const link = useMutation({ mutationFn: () => body(api.POST("/v1/telegram/link")) });
  // While a code is waiting to be written to the bot.
  const chat = useTelegram(link.data !== undefined);
  const unlink = useMutation({
    mutationFn: () => api.DELETE("/v1/telegram"),
    onSettled: () => {
      link.reset();
      return again();
    },
  });
  const failed = link.error ?? unlink.error;
  return (
    <section aria-labelledby="telegram" className="rounded-lg border border-line bg-surface p-4">
      <h2 id="telegram" className="font-semibold">
        Telegram
      </h2>
      {chat.isPending && <Skeleton className="mt-2 h-5 w-72" />}
      {chat.isError && <ErrorState error={chat.error} retry={() => void chat.refetch()} />}
      {chat.data && !chat.data.available && (
        <p className="mt-1 text-sm text-soft">This instance has no bot, so nothing can be sent to Telegram.</p>
      )}
      {chat.data?.linked && (
        <>
          <p className="mt-1 text-sm text-soft">
            Linked to {chat.data.name ?? "a chat"}
            {chat.data.linked_at && (
              <>
                {" "}
                since <Time at={chat.data.linked_at} />
              </>
            )}
          </p>
          <Button className="mt-3" size="small" busy={unlink.isPending} onClick={() => unlink.mutate()}>
            Unlink it
          </Button>
        </>
      )}
      {chat.data?.available && !chat.data.linked && !link.data && (
        <Button className="mt-3" size="small" busy={link.isPending} onClick={() => link.mutate()}>
          Link a chat
        </Button>
      )}
      {link.data && !chat.data?.linked && (
        <div role="status" className="mt-2 flex flex-col items-start gap-2 text-sm">
          <p>
            Write <code className="font-mono select-all">{link.data.command}</code> to the bot. The code is good until{" "}
            <Time at={link.data.expires_at} />.
          </p>
          {link.data.link && (
            <a className={buttonClasses("primary", "small")} href={link.data.link} target="_blank" rel="noreferrer">
              Open the bot
            </a>
          )}
        </div>
      )}
      {failed && (
        <p role="alert" className="mt-2 text-sm text-down">
          {messageOf(failed)}
        </p>
      )}
    </section>
  );
}

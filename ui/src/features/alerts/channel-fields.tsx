"use client";

import { useBrowsers, useTelegram, useWebhooks } from "@/features/channels/channels";

interface Props {
  chosen: readonly string[];
  error: string | undefined;
}

interface Choice {
  value: string;
  label: string;
  /** Why it cannot be chosen yet. */
  missing?: string | false;
}

/** How one is told. What is not set up says how it is, and cannot be chosen. */
export function ChannelFields({ chosen, error }: Props) {
  const telegram = useTelegram().data;
  const browsers = useBrowsers().data?.items;
  const webhooks = useWebhooks().data?.items ?? [];
  const choices: Choice[] = [
    { value: "email", label: "Mail" },
    {
      value: "telegram",
      label: telegram?.linked && telegram.name ? `Telegram, ${telegram.name}` : "Telegram",
      missing:
        telegram?.available === false
          ? "this instance has no bot"
          : telegram?.linked === false && "link a chat first, at the foot of this page",
    },
    {
      value: "push",
      label: "Push to this account's browsers",
      missing: browsers?.length === 0 && "subscribe a browser first, at the foot of this page",
    },
    ...webhooks.map((one) => ({
      value: one.webhook_id,
      label: `Webhook ${one.description || one.url}`,
      missing: !one.enabled && "it is turned off",
    })),
  ];
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1.5 text-sm font-medium">Tell me by</legend>
      {choices.map(({ value, label, missing }) => {
        // What was chosen before can always be taken off.
        const closed = Boolean(missing) && !chosen.includes(value);
        return (
          <label key={value} className="flex items-start gap-2.5 text-sm">
            <input
              type="checkbox"
              name="channel"
              value={value}
              defaultChecked={chosen.includes(value)}
              disabled={closed}
              className="mt-0.5 h-4 w-4 shrink-0 accent-[var(--accent)]"
            />
            <span className="min-w-0 break-words">
              {label}
              {missing && <span className="text-faint">: {missing}</span>}
            </span>
          </label>
        );
      })}
      {error && (
        <p role="alert" className="text-sm text-down">
          {error}
        </p>
      )}
    </fieldset>
  );
}

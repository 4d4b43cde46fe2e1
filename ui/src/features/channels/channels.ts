"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body } from "@/api/client";

export const TELEGRAM = ["telegram"] as const;
export const PUSH = ["push"] as const;
export const WEBHOOKS = ["webhooks"] as const;
const LOOK_EVERY_MS = 3_000;

/** Browsers that are subscribed, oldest first. */
export function useBrowsers() {
  return useQuery({ queryKey: [...PUSH, "list"], queryFn: () => body(api.GET("/v1/push-subscriptions")) });
}

/** The Telegram chat; looked at again and again while a link is waited for. */
export function useTelegram(waitedFor = false) {
  return useQuery({
    queryKey: TELEGRAM,
    queryFn: () => body(api.GET("/v1/telegram")),
    refetchInterval: (query) => (waitedFor && !query.state.data?.linked ? LOOK_EVERY_MS : false),
  });
}

/** Webhooks of whoever is signed in. */
export function useWebhooks() {
  return useQuery({ queryKey: WEBHOOKS, queryFn: () => body(api.GET("/v1/webhooks")) });
}

"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem } from "@/api/problem";

export type Profile = Schema<"Profile">;

const KEY = ["profile"] as const;

/** Who is signed in; null for nobody. */
export function useProfile() {
  return useQuery({
    queryKey: KEY,
    staleTime: 60_000,
    queryFn: async (): Promise<Profile | null> => {
      try {
        return await body(api.GET("/v1/users/me"));
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 401) return null;
        throw error;
      }
    },
  });
}

/** Forget everything that was read as somebody else. */
export function useSessionChanged() {
  const client = useQueryClient();
  return () => client.resetQueries();
}

export function useSignOut() {
  const changed = useSessionChanged();
  return useMutation({
    mutationFn: () => api.POST("/v1/auth/logout"),
    onSettled: changed,
  });
}

/** Change the profile or its preferences; what is shown changes at once. */
export function useProfileChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (changes: Schema<"ProfileChanges">) => body(api.PATCH("/v1/users/me", { body: changes })),
    onSuccess: (profile) => client.setQueryData(KEY, profile),
  });
}
